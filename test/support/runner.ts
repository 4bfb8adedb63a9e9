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

/** What a run says that must fail: its errors, without the lines of progress before them. */
export function failureOf({ exitCode, stdout, stderr }: Ended): string {
  assert.equal(exitCode, 1, `${stdout}${stderr}`);
  assert.equal(stdout, "", "a failed run has no result");
  assert.doesNotMatch(stderr, /^\s+at /m, "a stack trace is no message");
  return stderr.slice(Math.max(0, stderr.search(/^error/m)));
}
