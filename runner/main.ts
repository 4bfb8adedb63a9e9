#!/usr/bin/env node
import "./lib/garbage-collection";
import { processOutput } from "./cli/output";
import { program } from "./cli/program";
import { Failure } from "./lib/failure";
import { progressTo } from "./lib/progress";
import { settleAfterAbort } from "./lib/concurrency";

/** Time that an interrupted run has to clean up, and time that any run has after its result or error is printed. */
const cleanUpMilliseconds = 15_000;

let helpWritten = Promise.resolve();

function printHelp(text: string): void {
  helpWritten = processOutput.result(text, "There was nothing else to do.");
  helpWritten.catch(() => undefined);
}

function printError(text: string): void {
  processOutput.log(text.trimEnd());
}

async function main(): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      interrupted.abort(
        new Failure("interrupted", `Interrupted by ${name}; what was in progress was not kept.`),
      );
    });
  }
  const progress = progressTo((line) => {
    processOutput.log(line);
  });
  try {
    await settleAfterAbort(
      program({ progress, signal: interrupted.signal }, printHelp, printError).parseAsync(),
      interrupted.signal,
      cleanUpMilliseconds,
    );
    return 0;
  } catch (error) {
    const code = report(
      interrupted.signal.aborted && !isInterruption(error) ? interrupted.signal.reason : error,
    );
    if (code !== 0) return code;
    return helpWritten.then(() => 0, report);
  }
}

/** With words of its own about what it could not undo. */
function isInterruption(error: unknown): boolean {
  return error instanceof Failure && error.code === "interrupted";
}

function report(error: unknown): number {
  // commander has printed its own message already.
  if (error instanceof Error && "exitCode" in error) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Failure) {
    processOutput.log(error.describe());
    return error.code === "usage" ? 2 : 1;
  }
  processOutput.log(`error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return 1;
}

void main().then((code) => {
  // A verb may have set the status of an alarm.
  if (code !== 0) process.exitCode = code;
  // A docker command that hangs must not keep this program alive; its end takes the commands along.
  setTimeout(() => process.exit(), cleanUpMilliseconds).unref();
});
