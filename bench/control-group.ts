import { readFile } from "node:fs/promises";
import path from "node:path";

const hierarchies = "/sys/fs/cgroup";

/** What all processes of a container have used together, as the kernel counts it. */
export interface ControlGroup {
  /** Seconds of CPU since the container's start. */
  cpuSeconds(): Promise<number>;
  /** Bytes of its processes and their shared memory now, without the cache of files, which is the system's to give away. */
  memoryBytes(): Promise<number>;
}

/** The control group that a process is in, of version 2 or 1. */
export async function controlGroupOf(pid: number): Promise<ControlGroup> {
  const membership = await readFile(`/proc/${pid}/cgroup`, "utf8");
  const unified = groupPath(membership, "");
  if (groupPath(membership, "memory") === undefined && unified !== undefined) {
    const read = (file: string) => readFile(path.join(hierarchies, unified, file), "utf8");
    return {
      cpuSeconds: async () => fieldOf(await read("cpu.stat"), "usage_usec") / 1e6,
      memoryBytes: async () => anonymous(await read("memory.stat"), ""),
    };
  }
  const read = (controller: string, file: string) =>
    readFile(path.join(hierarchies, controller, groupPath(membership, controller) ?? "", file), "utf8");
  return {
    cpuSeconds: async () => Number(await read("cpuacct", "cpuacct.usage")) / 1e9,
    memoryBytes: async () => anonymous(await read("memory", "memory.stat"), "total_"),
  };
}

/** From the lines of /proc/PID/cgroup; version 2 is the line that names no controller. */
export function groupPath(membership: string, controller: string): string | undefined {
  const lines = membership.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  return lines.find((line) => line?.[1]?.split(",").includes(controller))?.[2];
}

/** Shared memory counts as anonymous in these two. */
function anonymous(statistics: string, prefix: string): number {
  return fieldOf(statistics, `${prefix}active_anon`) + fieldOf(statistics, `${prefix}inactive_anon`);
}

export function fieldOf(statistics: string, name: string): number {
  const line = statistics.split("\n").find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`the kernel tells no ${name}`);
  return Number(line.slice(name.length + 1));
}
