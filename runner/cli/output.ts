/**
 * The output of this program. If the log cannot be written, because its disk is full or its reader has ended, the backup goes
 * on. If the result cannot be written, the run fails with an error that says what was done.
 */
import type { Writable } from "node:stream";
import { Failure } from "../lib/failure";
import { printable } from "../lib/format";

export interface Output {
  /** Writes a whole line to the log; it is lost if the log cannot be written. */
  log(line: string): void;
  /** Writes the result. If that fails, the error says what was done. */
  result(text: string, done: string): Promise<void>;
}

export function outputTo(standardOutput: Writable, standardError: Writable): Output {
  // Without a listener, an error of either stream would end this program.
  standardOutput.on("error", () => undefined);
  standardError.on("error", () => undefined);
  return {
    log(line) {
      write(standardError, `${printable(line)}\n`).catch(() => undefined);
    },
    async result(text, done) {
      try {
        await write(standardOutput, printable(text));
      } catch (error) {
        throw resultNotWritten(error, done);
      }
    },
  };
}

/** Waits until the text is written: a file fails at once, a pipe may fail later. */
function write(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

export function resultNotWritten(error: unknown, done: string): Failure {
  const reason = error instanceof Error ? error.message : String(error);
  return new Failure(
    "output-not-written",
    `Standard output cannot be written: ${reason}. ${done} See what reads it, or whether its disk is full.`,
  );
}

export const processOutput = outputTo(process.stdout, process.stderr);
