import { Readable } from "node:stream";
import { execInteractive, type ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import { endedWith, errorLines, psql } from "../postgres/server";

/** Gives a script to psql in the container, which stops at the first error; an error of the script's own source comes first. */
export async function feedPsql(
  target: ExecTarget,
  what: string,
  script: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  let broken: unknown;
  const watched = (async function* () {
    try {
      yield* script;
    } catch (error) {
      broken = error;
      throw error;
    }
  })();
  const input = Readable.from(watched, { objectMode: true });
  const { failed, stderr, exitCode } = await execInteractive(
    target,
    [...psql, "--output=/dev/null", "--file=-"],
    { input: toBytes(input), cancelSignal: signal, reject: false },
  );
  signal.throwIfAborted();
  const said = errorLines(stderr);
  // psql that ends early makes its input break too.
  if (said !== "") throw restoreFailure(`${what}: psql`, said);
  if (broken !== undefined) throw broken as Error;
  if (failed) throw restoreFailure(`${what}: psql`, endedWith(exitCode));
}

function toBytes(source: Readable): Readable {
  return Readable.from(
    (async function* () {
      for await (const piece of source as AsyncIterable<string | Uint8Array>) yield Buffer.from(piece);
    })(),
    { objectMode: false },
  );
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
