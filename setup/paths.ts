import path from "node:path";

/** The checkout. */
export const root = path.resolve(__dirname, "..");

/** Everything that the set-up creates. Git ignores this folder. If you delete it, the next set-up starts from scratch. */
export const cache = path.join(root, ".cache");

/** The `pulumi` that the set-up builds if none is on PATH. The language host is in the same folder. */
export const builtPulumi = path.join(cache, "bin", "pulumi");

/** State of the local backend, for users who are not logged in to a backend. */
export const localState = path.join(cache, "state");

export const passphraseFile = path.join(cache, "passphrase");
