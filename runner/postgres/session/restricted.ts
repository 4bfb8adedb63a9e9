/** Runs scripts of a backup, which anybody may have changed: psql runs no commands of its own, as a user who owns nothing. */
import { randomBytes } from "node:crypto";
import { spawnDocker } from "../../docker/docker";
import { execArguments, type ExecTarget, execFilled } from "../../docker/exec";
import { psql } from "./server";

/** A user who owns no file in a container and needs no name there. */
export const nobody = "65534:65534";

const known = new Map<string, Promise<boolean>>();

/** Whether the psql of a container knows `\restrict`, which came with the minor releases of August 2025. */
function knowsRestriction({ docker, container }: ExecTarget): Promise<boolean> {
  const asked = known.get(container);
  if (asked !== undefined) return asked;
  const target = { docker, container, env: {}, secretEnv: [] };
  const help = execArguments(target, ["psql", "--no-psqlrc", "--help=commands"], nobody);
  const answer = spawnDocker(docker, help, { reject: false }).then(({ stdout }) =>
    /^ *\\restrict /m.test(stdout),
  );
  known.set(container, answer);
  return answer;
}

/** psql must read strings in the same way as the scanner that checked the script. */
const begin = "SET standard_conforming_strings = on;\n";

async function* restricted(
  target: ExecTarget,
  script: AsyncIterable<string | Uint8Array>,
): AsyncGenerator<string | Uint8Array, void> {
  if (await knowsRestriction(target)) yield `\\restrict ${randomBytes(32).toString("hex")}\n`;
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
  return execFilled(target, command, restricted(target, script), signal, nobody);
}
