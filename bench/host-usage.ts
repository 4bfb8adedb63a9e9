import { readFile } from "node:fs/promises";
import os from "node:os";

/** Of Linux, to programs, on every architecture. */
const ticksPerSecond = 100;

/** Seconds of CPU of the commands that this program ran and that have ended, and of the commands that those ran. */
export async function commandsCpu(): Promise<number> {
  return childrenSeconds(await readFile("/proc/self/stat", "utf8"));
}

/** From a line of /proc/PID/stat, whose second field may contain blanks and brackets. */
export function childrenSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [user, system] = [fields[13], fields[14]];
  return (Number(user) + Number(system)) / ticksPerSecond;
}

/** Seconds of CPU that the whole machine has spent on work: commands, containers, the Docker daemon. */
export function machineCpu(): number {
  return os
    .cpus()
    .reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) / 1000, 0);
}
