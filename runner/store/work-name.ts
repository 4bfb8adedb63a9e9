/**
 * Names of what a run writes before it is complete. They tell whether the run still lives, so that a later one removes
 * what a killed one left; and no two runs have the same, so that none writes into what another removes.
 */
import { createHash, randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { isErrno } from "./folder";

export function workName(finalName: string): string {
  return `.${finalName}.${processSpace()}-${process.pid}-${randomBytes(4).toString("hex")}.partial`;
}

/** Removes what runs that are dead left of the names that the caller looks after. */
export async function removeDeadWork(
  folder: string,
  isWanted: (finalName: string) => boolean,
): Promise<void> {
  for (const entry of await readdir(folder)) {
    const [, finalName, space, pid] = /^\.(.+)\.([0-9a-f]{8})-(\d+)-[0-9a-f]{8}\.partial$/.exec(entry) ?? [];
    if (finalName === undefined || space !== processSpace() || !isWanted(finalName) || isAlive(Number(pid)))
      continue;
    await rm(path.join(folder, entry), { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Where a process id means one process: a machine, or a container on it. */
function processSpace(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not Linux: one machine is one space.
  }
  return createHash("sha256").update(`${os.hostname()} ${namespace}`).digest("hex").slice(0, 8);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !isErrno(error, "ESRCH");
  }
}
