import path from "node:path";
import { execa } from "execa";

export const runnerMain = path.resolve(__dirname, "../../dist/postgis-backup.js");

/** Runs the bundled command line as a user would. */
export function runRunner(args: readonly string[], env: Record<string, string> = {}) {
  return execa("node", [runnerMain, ...args], { reject: false, env });
}
