import { readFile } from "node:fs/promises";

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
