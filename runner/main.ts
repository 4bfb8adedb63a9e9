#!/usr/bin/env node
import "./lib/garbage-collection";
import { CommanderError } from "commander";
import { processOutput } from "./cli/output";
import { program } from "./cli/program";
import { barDisplay } from "./cli/progress-bar";
import { asksForJson, exitStatus, failureOfUsage, report } from "./cli/failures";
import { Failure } from "./lib/failure";
import { lineDisplay, progressOn, quietDisplay } from "./lib/progress";
import { settleAfterAbort } from "./lib/concurrency";

/** Time that an interrupted run has to clean up, and time that any run has after its result or error is printed. */
const cleanUpMilliseconds = 15_000;

let helpWritten = Promise.resolve();

function printHelp(text: string): void {
  helpWritten = processOutput.result(text, "There was nothing else to do.");
  helpWritten.catch(() => undefined);
}

async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  let signal: NodeJS.Signals | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      signal ??= name;
      interrupted.abort(
        new Failure("interrupted", `Interrupted by ${name}; what was in progress was not kept.`),
      );
    });
  }
  const json = asksForJson(args);
  const display = displayFor(args);
  const context = { progress: progressOn(display), signal: interrupted.signal };
  const commandLine = program(context, printHelp, (help) => {
    if (!json) processOutput.log(help.trimEnd());
  });
  const verb = args.find((arg) => commandLine.commands.some((command) => command.name() === arg));
  const fail = async (error: unknown): Promise<number> => {
    const status = exitStatus(error, signal);
    await report(error, status, verb, json);
    return status;
  };
  try {
    await settleAfterAbort(
      commandLine.parseAsync(args, { from: "user" }),
      interrupted.signal,
      cleanUpMilliseconds,
    );
    return 0;
  } catch (error) {
    // A line of progress must not get between the lines of an error.
    display.ended();
    if (interrupted.signal.aborted) return fail(isInterruption(error) ? error : interrupted.signal.reason);
    if (!(error instanceof CommanderError)) return fail(error);
    const failure = failureOfUsage(error);
    return failure === undefined ? helpWritten.then(() => 0, fail) : fail(failure);
  }
}

function displayFor(args: readonly string[]) {
  const write = (line: string) => {
    processOutput.log(line);
  };
  if (args.includes("--quiet")) return quietDisplay(write);
  return process.stderr.isTTY ? barDisplay(process.stderr, write) : lineDisplay(write);
}

/** With words of its own about what it could not undo. */
function isInterruption(error: unknown): boolean {
  return error instanceof Failure && error.code === "interrupted";
}

void main(process.argv.slice(2)).then((code) => {
  // A verb may have set the status of an alarm.
  if (code !== 0) process.exitCode = code;
  // A docker command that hangs must not keep this program alive; its end takes the commands along.
  setTimeout(() => process.exit(), cleanUpMilliseconds).unref();
});
