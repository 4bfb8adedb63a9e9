import { execa, ExecaError } from "execa";
import { peakMemory } from "../test/support/memory";
import type { Command } from "./contender";

interface Ran {
  /** From the start of the first command to the end of the last. */
  readonly seconds: number;
  /** Peak memory of the largest process, in bytes. It is known a moment after the process ends. */
  readonly peakBytes: Promise<number>;
}

/** Runs commands one after another. Each must succeed. */
export async function runCommands(commands: readonly Command[], signal: AbortSignal): Promise<Ran> {
  const peaks: Promise<number>[] = [];
  const started = performance.now();
  for (const command of commands) peaks.push((await runCommand(command, signal)).peak);
  const seconds = (performance.now() - started) / 1000;
  return { seconds, peakBytes: Promise.all(peaks).then((list) => Math.max(0, ...list) * 2 ** 20) };
}

/** Returns the promise in an object, because `await` would wait for a bare one. */
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
