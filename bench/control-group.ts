import { readFile } from "node:fs/promises";
import path from "node:path";

const hierarchies = "/sys/fs/cgroup";

/** CPU and memory of all processes of a container, as the kernel counts them. */
export interface ControlGroup {
  /** CPU seconds since the container started. */
  cpuSeconds(): Promise<number>;
  /** Bytes of processes and shared memory now. The file cache does not count: the system frees it when it needs room. */
  memoryBytes(): Promise<number>;
}

/** The control group of a process, version 2 or 1. */
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

/** Reads /proc/PID/cgroup. The line of version 2 names no controller. */
export function groupPath(membership: string, controller: string): string | undefined {
  const lines = membership.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  return lines.find((line) => line?.[1]?.split(",").includes(controller))?.[2];
}

/** These two counters include shared memory. */
function anonymous(statistics: string, prefix: string): number {
  return fieldOf(statistics, `${prefix}active_anon`) + fieldOf(statistics, `${prefix}inactive_anon`);
}

export function fieldOf(statistics: string, name: string): number {
  const line = statistics.split("\n").find((text) => text.startsWith(`${name} `));
  if (line === undefined) throw new Error(`the kernel's statistics have no ${name}`);
  return Number(line.slice(name.length + 1));
}
