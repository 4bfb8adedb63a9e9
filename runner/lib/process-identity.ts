/** Identifies the process that created a file or container, so that a later run can tell whether that process is gone. */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";
import { isErrno } from "./files";

/** The identity of this process, for names and labels: machine and pid namespace, boot, process id, start time. */
export function ownIdentity(): string {
  return [processSpace(), boot(), process.pid, startTime(process.pid)].join("-");
}

const identity = /^([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)$/;

/** The same as a regular expression for use within names, without groups. */
export const identityPattern = "[0-9a-f]{8}-[0-9a-f]{8}-\\d+-\\d+";

/** True only if it is certain that the process is gone. Processes of another machine or container cannot be checked. */
export function isGone(text: string): boolean {
  const [, space, itsBoot, pid = "", itsStart = ""] = identity.exec(text) ?? [];
  if (space !== processSpace()) return false;
  // Without a machine id, this can be another machine of the same name.
  if (itsBoot !== boot()) return installation() !== "";
  if (!isAlive(Number(pid))) return true;
  const start = startTime(Number(pid));
  return start !== "0" && itsStart !== "0" && start !== itsStart;
}

/** Process ids are unique only within this. Two machines can share a name, but hardly also a machine id. */
function processSpace(): string {
  const namespace = orEmpty(() => readlinkSync("/proc/self/ns/pid"));
  return digest([os.hostname(), installation(), namespace].join(" "));
}

function installation(): string {
  return orEmpty(() => readFileSync("/etc/machine-id", "utf8").trim());
}

function boot(): string {
  return digest(orEmpty(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8")));
}

/** Clock ticks from boot to the start of the process. The name before the last ")" may contain spaces and parentheses. */
function startTime(pid: number): string {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isErrno(error, "ESRCH");
  }
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    // Not Linux, or no permission to read it.
    return "";
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
