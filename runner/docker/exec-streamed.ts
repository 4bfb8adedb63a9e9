import { once } from "node:events";
import type { Writable } from "node:stream";
import { spawnDocker } from "./docker";
import { execArguments, type ExecTarget } from "./exec";

export interface StreamedOptions {
  readonly user?: string;
  /** Content is read to its end, where it is checked, even if the process has read enough. */
  readonly toEnd?: boolean;
}

/** Starts a process that is given content as its input; where reading the content fails, that is how the process ended. */
export function execStreamed(
  target: ExecTarget,
  command: readonly string[],
  content: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
  { user, toEnd = false }: StreamedOptions = {},
) {
  const process = spawnDocker(target.docker, execArguments(target, command, user), {
    stdin: "pipe",
    stdout: "pipe",
    buffer: { stdout: false },
    cancelSignal: signal,
    reject: false,
  });
  const fed = feed(process.stdin, content, () => toEnd && !signal.aborted);
  fed.catch(() => undefined);
  const ended = (async () => {
    const result = await process;
    signal.throwIfAborted();
    await fed;
    return result;
  })();
  // Whoever reads the output asks for its end later.
  ended.catch(() => undefined);
  return { chunks: process.stdout, ended };
}

async function feed(
  input: Writable,
  content: AsyncIterable<string | Uint8Array>,
  goesOn: () => boolean,
): Promise<void> {
  // A process that ends early closes it.
  input.on("error", () => undefined);
  const closed = new Promise((resolve) => input.once("close", resolve));
  try {
    for await (const chunk of content) {
      if (input.destroyed && !goesOn()) return;
      if (input.destroyed || input.write(chunk)) continue;
      await Promise.race([once(input, "drain").catch(() => undefined), closed]);
    }
  } finally {
    input.end();
  }
}
