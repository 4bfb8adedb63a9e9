import path from "node:path";

/** The checkout. */
export const root = path.resolve(__dirname, "..");

/** All that the set-up makes, ignored by git; deleting it makes the next set-up start afresh. */
export const cache = path.join(root, ".cache");

/** The `pulumi` that is built where none is on PATH, with the language host beside it. */
export const builtPulumi = path.join(cache, "bin", "pulumi");

/** State of the local backend, for users who are not logged in to another. */
export const localState = path.join(cache, "state");

export const passphraseFile = path.join(cache, "passphrase");
