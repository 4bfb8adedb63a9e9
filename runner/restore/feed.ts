import type { ExecTarget } from "../docker/exec";
import { Failure } from "../lib/failure";
import { runRestricted } from "../postgres/session/restricted";
import { endedWith, errorLines } from "../postgres/session/server";

/** Gives a script to psql in the container, which stops at the first error; an error of the script's own source comes first. */
export async function feedPsql(
  target: ExecTarget,
  what: string,
  script: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { failed, stderr, exitCode } = await runRestricted(target, script, [], signal);
  if (failed) throw restoreFailure(`${what}: psql`, errorLines(stderr) || endedWith(exitCode));
}

export function restoreFailure(what: string, said: string): Failure {
  if (/No space left on device|disk full/i.test(said)) {
    return new Failure(
      "space-insufficient",
      `The disk of the database is full: ${what}: ${said}\nFree some space; nothing was restored.`,
    );
  }
  return new Failure("restore-failed", `The tables cannot be restored: ${what}: ${said}`);
}
