/** How a run that failed says so: lines in the log or, with --json, one object as the result; and its exit status. */
import os from "node:os";
import { CommanderError } from "commander";
import { withAddress } from "../docker/docker";
import { Failure, Failures } from "../lib/failure";
import { processOutput } from "./output";

/** Failures of a run that has a result all the same, such as a verification of which some backups are damaged. */
export class FailedWithResult extends Failures {
  constructor(
    found: readonly Failure[],
    readonly result: object,
  ) {
    super(found);
  }
}

/** Whether the result, and a failure, shall be one JSON object. Options may be wrong, so this cannot wait until they are read. */
export function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? undefined : end).includes("--json");
}

/** What commander says about wrong usage is a failure like others. Undefined for help and version, which are no failures. */
export function failureOfUsage(error: CommanderError): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") return new Failure("usage", "Name a verb; --help lists them.");
  return new Failure("usage", error.message.replace(/^error: /, ""));
}

/** 128 and the number of the signal that ended the run, as shells have it. */
export function exitStatus(error: unknown, signal: NodeJS.Signals | undefined): number {
  if (signal !== undefined) return 128 + os.constants.signals[signal];
  return error instanceof Failure && error.code === "usage" ? 2 : 1;
}

export async function report(error: unknown, exitStatus: number, verb: string | undefined, json: boolean) {
  const text = withAddress(
    error instanceof Failure
      ? error.describe()
      : `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  if (!json) {
    processOutput.log(text);
    return;
  }
  const result = error instanceof FailedWithResult ? error.result : {};
  const object = { ...result, error: { ...inJson(error), verb, exitStatus } };
  // If the result cannot be written, the log is what is left.
  await processOutput.result(`${JSON.stringify(object)}\n`, "").catch(() => {
    processOutput.log(text);
  });
}

/** The code "unexpected" is that of a bug of this program. */
function inJson(error: unknown) {
  if (!(error instanceof Failure)) {
    const { message: said, stack } = error instanceof Error ? error : { message: String(error) };
    const message = withAddress(said);
    return { code: "unexpected", message, failures: [{ code: "unexpected", message }], stack };
  }
  const found = error instanceof Failures ? error.found : [error];
  const failures = found.map(({ code, message }) => ({ code, message: withAddress(message) }));
  return { code: error.code, message: withAddress(error.message), failures };
}
