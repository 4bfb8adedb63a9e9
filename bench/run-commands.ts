import { execa, ExecaError } from "execa";
import { peakMemory } from "../test/support/memory";
import type { Command } from "./way";

export interface Ran {
  /** From the start of the first command to the end of the last. */
  readonly seconds: number;
  /** The most memory, in bytes, that the largest of the processes had at once; known a moment after the end. */
  readonly peakBytes: Promise<number>;
}

/** Runs commands that must succeed, one after another. */
export async function runCommands(commands: readonly Command[], signal: AbortSignal): Promise<Ran> {
  const peaks: Promise<number>[] = [];
  const started = performance.now();
  for (const command of commands) peaks.push((await runCommand(command, signal)).peak);
  const seconds = (performance.now() - started) / 1000;
  return { seconds, peakBytes: Promise.all(peaks).then((list) => Math.max(0, ...list) * 2 ** 20) };
}

/** In an object, because a promise of a promise would be waited for. */
async function runCommand(command: Command, signal: AbortSignal): Promise<{ peak: Promise<number> }> {
  signal.throwIfAborted();
  const { file, args, env, cwd } = command;
  const running = execa(file, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    stdin: "ignore",
    cancelSignal: signal,
  });
  const peak = running.pid === undefined ? Promise.resolve(0) : peakMemory(running.pid);
  try {
    await running;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof ExecaError ? new Error(error.message) : error;
  }
  return { peak };
}
