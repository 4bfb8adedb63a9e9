/** Runs scripts of a backup, which anybody may have changed: psql runs no commands of its own, as a user who owns nothing. */
import { randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import { type ExecTarget, execFilled } from "../../docker/exec";
import { psql } from "./server";

/** A user who owns no file in a container and needs no name there. */
export const nobody = "65534:65534";

const helpEnd = "postgis-backup: end of help";

/** Whether psql prints help that has `\restrict`, which came with the minor releases of August 2025. */
function knowsRestriction(printed: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    let help = "";
    printed.on("data", (chunk: Buffer) => {
      if (help.endsWith(`${helpEnd}\n`)) return;
      help += chunk.toString();
      if (help.endsWith(`${helpEnd}\n`)) resolve(/^ *\\restrict /m.test(help));
    });
    // A psql that cannot connect answers nothing.
    printed.once("close", () => {
      resolve(false);
    });
  });
}

/** psql must read strings in the same way as the scanner that checked the script. */
const begin = "SET standard_conforming_strings = on;\n";

async function* restricted(
  printed: Readable,
  script: AsyncIterable<string | Uint8Array>,
): AsyncGenerator<string | Uint8Array, void> {
  const known = knowsRestriction(printed);
  yield `\\?\n\\echo ${helpEnd}\n`;
  if (await known) yield `\\restrict ${randomBytes(32).toString("hex")}\n`;
  yield begin;
  yield* script;
}

/** Runs such a script, and tells how psql ended; an error of the script's own source comes first. */
export function runRestricted(
  target: ExecTarget,
  script: AsyncIterable<string | Uint8Array>,
  options: readonly string[],
  signal: AbortSignal,
) {
  const command = [...psql, "--output=/dev/null", ...options, "--file=-"];
  return execFilled(target, command, (printed) => restricted(printed, script), signal, nobody);
}
