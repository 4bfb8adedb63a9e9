/** Which process something belongs to that a killed run has left, and whether that process is provably gone. */
import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import os from "node:os";

/** For names and labels: where process ids mean one process, the boot of that machine, the process, and when it started. */
export function ownIdentity(): string {
  return [processSpace(), boot(), process.pid, startTime(process.pid)].join("-");
}

const written = /^([0-9a-f]{8})-([0-9a-f]{8})-(\d+)-(\d+)$/;

/** As a regular expression, within names. */
export const identityPattern = "[0-9a-f]{8}-[0-9a-f]{8}-\\d+-\\d+";

/** Only where it is certain: of another machine, or another container, nothing is known. */
export function isGone(identity: string): boolean {
  const [, space, itsBoot, pid = "", itsStart = ""] = written.exec(identity) ?? [];
  if (space !== processSpace()) return false;
  // Without an id of the installation, it may as well be another machine of that name.
  if (itsBoot !== boot()) return installation() !== "";
  if (!isAlive(Number(pid))) return true;
  const start = startTime(Number(pid));
  return start !== "0" && itsStart !== "0" && start !== itsStart;
}

/** Two machines can have one name, but hardly the same id of the installation too. */
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

/** In clock ticks since the boot, as Linux tells it; the name of a program may have spaces and parentheses. */
function startTime(pid: number): string {
  const stat = orEmpty(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

function orEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    // Not Linux, or not to be seen.
    return "";
  }
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
