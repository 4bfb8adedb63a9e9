/** Parts of this program that are loaded only when a verb needs them: the others start as fast as without them. */

/** Another file than the rest of the command line, and nearly as large as all of that. */
export function reportModule() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import loads it always
  return require("#report") as typeof import("../report");
}

/** With the libraries of schedules, metrics and mails. */
export function agentModule() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import loads it always
  return require("../agent") as typeof import("../agent");
}
