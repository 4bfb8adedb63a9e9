import { once } from "node:events";
import type { Writable } from "node:stream";
import { spawnDocker } from "./docker";
import { type Ended, execArguments, type ExecTarget, type StreamedProcess } from "./exec";
import { wholeOr, wholeOutput } from "./whole-output";

/** Gives content to a process that writes no output; where reading the content fails, that is how the process ended. */
export async function execFilled(
  target: ExecTarget,
  command: readonly string[],
  content: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
  user: string,
): Promise<Ended> {
  const process = spawnDocker(target.docker, execArguments(target, command, user), {
    stdin: "pipe",
    stdout: "ignore",
    cancelSignal: signal,
    reject: false,
  });
  const { stdin } = process;
  const fed = feed(stdin, content, () => !stdin.destroyed).finally(() => stdin.end());
  fed.catch(() => undefined);
  const result = await process;
  signal.throwIfAborted();
  await fed;
  return result;
}

/** Content of a length that is known before it is read. */
export interface SizedContent {
  readonly bytes: number;
  /** From its beginning; each call reads it anew. */
  readonly content: () => AsyncIterable<Uint8Array>;
}

/**
 * The process is told the end of its input by the number of bytes, because the input itself stays open until its output
 * was read: see {@link wholeOutput}. The shell waits for both of its children.
 */
const filter = `mark=$1 bytes=$2; shift 2
exec 3<&0
head -c "$bytes" <&3 | "$@" 3<&-
status=$?
[ "$status" != 0 ] || { printf %s "$mark"; cat <&3 >/dev/null; }
exit "$status"`;

/**
 * Starts a process that reads content and writes an output; where reading the content fails, that is how the process ended.
 * Content is read to its end, where it is checked, even if the process has read enough, if that is asked for.
 */
export function execFilter(
  target: ExecTarget,
  command: readonly string[],
  { bytes, content }: SizedContent,
  signal: AbortSignal,
  { toEnd = false } = {},
): StreamedProcess {
  const { mark, output, follow } = wholeOutput();
  const shell = ["sh", "-c", filter, "sh", mark, String(bytes), ...command];
  const process = spawnDocker(target.docker, execArguments(target, shell), {
    stdin: "pipe",
    stdout: { transform: output },
    buffer: { stdout: false },
    cancelSignal: signal,
    reject: false,
  });
  const { stdin } = process;
  const fed = feed(stdin, content(), () => stdin.writable || (toEnd && !signal.aborted));
  follow(process, () => stdin.end());
  fed.catch((error: unknown) => {
    stdin.end();
    output.destroy(error as Error);
  });
  const ended = (async () => {
    const result = await process;
    signal.throwIfAborted();
    await fed;
    return wholeOr(result);
  })();
  // Whoever reads the output asks for its end later.
  ended.catch(() => undefined);
  return { chunks: process.stdout, errors: process.stderr, ended };
}

/** Writes as long as somebody reads, and reads the content while the last argument says so. */
async function feed(
  input: Writable,
  content: AsyncIterable<string | Uint8Array>,
  goesOn: () => boolean,
): Promise<void> {
  // A process that ends early closes it.
  input.on("error", () => undefined);
  const closed = new Promise((resolve) => input.once("close", resolve));
  for await (const chunk of content) {
    if (!goesOn()) return;
    if (!input.writable || input.write(chunk)) continue;
    await Promise.race([once(input, "drain").catch(() => undefined), closed]);
  }
}
