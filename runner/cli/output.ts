/**
 * The output of this program. If the log cannot be written, because its disk is full or its reader has ended, the backup goes
 * on. If the result cannot be written, the run fails with an error that says what was done.
 */
import type { Writable } from "node:stream";
import { styleText } from "node:util";
import { Failure } from "../lib/failure";
import { printable } from "../lib/format";

export interface Output {
  /** Writes a whole line to the log; it is lost if the log cannot be written. */
  log(line: string): void;
  /** Writes the result. If that fails, the error says what was done. */
  result(text: string, done: string): Promise<void>;
  /** From now on, results go to the log too, because standard output has something else. */
  divertResults(): void;
}

export function outputTo(standardOutput: Writable, standardError: Writable): Output {
  // Without a listener, an error of either stream would end this program.
  standardOutput.on("error", () => undefined);
  standardError.on("error", () => undefined);
  const paint = isColoured(standardError) ? coloured : (line: string) => line;
  const log = (text: string) => {
    write(standardError, text).catch(() => undefined);
  };
  let diverted = false;
  return {
    log(line) {
      log(`${paint(printable(line))}\n`);
    },
    async result(text, done) {
      if (diverted) {
        log(printable(text));
        return;
      }
      try {
        await write(standardOutput, printable(text));
      } catch (error) {
        throw resultNotWritten(error, done);
      }
    },
    divertResults() {
      diverted = true;
    },
  };
}

/** On a terminal, unless NO_COLOR or FORCE_COLOR say otherwise. */
function isColoured(stream: Writable & { readonly hasColors?: () => boolean }): boolean {
  const { NO_COLOR: none = "", FORCE_COLOR: forced } = process.env;
  if (none !== "") return false;
  return forced === undefined ? (stream.hasColors?.() ?? false) : !["0", "false"].includes(forced);
}

/** Colours what a reader should not overlook. */
function coloured(text: string): string {
  const paint = (colour: "red" | "yellow") => (found: string) =>
    styleText(["bold", colour], found, { validateStream: false });
  return text.replaceAll(/^error(\[[\w-]+\])?:/gm, paint("red")).replaceAll(/^warning:/gm, paint("yellow"));
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
