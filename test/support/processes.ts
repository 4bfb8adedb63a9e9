import { readFile } from "node:fs/promises";
import { execa } from "execa";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Where something is mounted at a path that begins so, in order of mounting. */
export async function mountsBelow(start: string): Promise<string[]> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  return mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((folder) => folder.startsWith(start));
}

/** The command lines of the processes that a process started, and of those that they started. */
export async function commandsBelow(pid: number): Promise<string[]> {
  const { stdout } = await execa("ps", ["-e", "-o", "pid=,ppid=,args="]);
  const below = new Set([pid]);
  return stdout.split("\n").flatMap((line) => {
    const [, child, parent, command = ""] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [];
    if (!below.has(Number(parent)) || command.startsWith("ps -e ")) return [];
    below.add(Number(child));
    return [command];
  });
}
