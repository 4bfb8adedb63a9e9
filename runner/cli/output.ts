/**
 * What this program tells. A log that nobody can write, because its disk is full or its reader has ended, keeps no backup
 * from being taken; a result that nobody can be given is a failure, which says what was done all the same.
 */
import type { Writable } from "node:stream";
import { Failure } from "../lib/failure";
import { printable } from "../lib/format";

export interface Output {
  /** A whole line for the log; lost where that cannot be written. */
  log(line: string): void;
  /** Fails where it cannot be written; says then what was done. */
  result(text: string, done: string): Promise<void>;
}

export function outputTo(standardOutput: Writable, standardError: Writable): Output {
  // Without a listener, an error of either would end this program wherever it is.
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

/** A file is written at once, and so fails at once; a pipe later. */
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
