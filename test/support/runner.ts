import assert from "node:assert/strict";
import path from "node:path";
import { execa } from "execa";

export const runnerMain = path.resolve(__dirname, "../../dist/postgis-backup.js");

/** Runs the bundled command line as a user would. */
export function runRunner(args: readonly string[], env: Record<string, string> = {}) {
  return execa("node", [runnerMain, ...args], { reject: false, env });
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Exit statuses of runs that were told to end. */
export const endedStatus = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** What a run without --json says that must fail: its errors, without the lines of progress before them. */
export function failureOf({ exitCode, stdout, stderr }: Ended, status = 1): string {
  assert.equal(exitCode, status, `${stdout}${stderr}`);
  assert.equal(stdout, "", "a failed run has no result");
  assert.doesNotMatch(stderr, /^\s+at /m, `a stack trace is no message:\n${stderr}`);
  return stderr.slice(Math.max(0, stderr.search(/^error/m)));
}
