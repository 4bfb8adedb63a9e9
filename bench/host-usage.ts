import { readFile } from "node:fs/promises";
import os from "node:os";

/** Linux reports times to programs in this unit on every architecture. */
const ticksPerSecond = 100;

/** CPU seconds of all ended child processes of this program, and of their own children. */
export async function commandsCpu(): Promise<number> {
  return childrenSeconds(await readFile("/proc/self/stat", "utf8"));
}

/** Reads /proc/PID/stat. Its second field may contain blanks and brackets. */
export function childrenSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [fields[13], fields[14]];
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** CPU seconds of the whole machine: commands, containers, the Docker daemon. */
export function machineCpu(): number {
  return os
    .cpus()
    .reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
}
