import { once } from "node:events";
import type { Writable } from "node:stream";
import { dockerFailure, spawnDocker } from "./docker";
import { type Ended, execArguments, type ExecTarget, shell, type StreamedProcess } from "./exec";
import filter from "./filter.sh";
import { wholeOr, wholeOutput } from "./whole-output";
import writeFileScript from "./write-file.sh";

/** Feeds content to a process that writes no output. If reading the content fails, this fails with that error. */
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

/** Writes a file that its user alone can read, and its folder if need be. */
export async function writeFile(
  target: ExecTarget,
  file: string,
  input: string | Uint8Array,
  user: string,
): Promise<void> {
  try {
    await spawnDocker(target.docker, execArguments(target, shell(writeFileScript, file), user), { input });
  } catch (error) {
    throw dockerFailure(error);
  }
}

/** Content whose length is known before it is read. */
export interface SizedContent {
  readonly bytes: number;
  /** Each call reads it again from its beginning. */
  readonly content: () => AsyncIterable<Uint8Array>;
}

/**
 * Starts a process that reads content and writes an output. If reading the content fails, `ended` fails with that error. With
 * `toEnd`, the content is read to its end, where its checksum is compared, even if the process has read enough.
 *
 * The number of bytes tells the process where its input ends, because the input stays open until the output was read:
 * see {@link wholeOutput}.
 */
export function execFilter(
  target: ExecTarget,
  command: readonly string[],
  { bytes, content }: SizedContent,
  signal: AbortSignal,
  { toEnd = false } = {},
): StreamedProcess {
  const { mark, output, follow } = wholeOutput();
  const filtering = shell(filter, mark, String(bytes), ...command);
  const process = spawnDocker(target.docker, execArguments(target, filtering), {
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
  // The caller awaits this only after it has read the output.
  ended.catch(() => undefined);
  return { chunks: process.stdout, errors: process.stderr, ended };
}

/** Reads the content while `goesOn` says so, and writes it to the input while that is open. */
async function feed(
  input: Writable,
  content: AsyncIterable<string | Uint8Array>,
  goesOn: () => boolean,
): Promise<void> {
  // A process that ends early closes its input.
  input.on("error", () => undefined);
  const closed = new Promise((resolve) => input.once("close", resolve));
  for await (const chunk of content) {
    if (!goesOn()) return;
    if (!input.writable || input.write(chunk)) continue;
    await Promise.race([once(input, "drain").catch(() => undefined), closed]);
  }
}
