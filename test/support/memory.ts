import { readFile } from "node:fs/promises";

/** Follows a process to its end; the most memory, in MB, that it ever had at once. */
export async function peakMemory(pid: number, ended: Promise<unknown>): Promise<number> {
  let running = true;
  void ended.finally(() => (running = false));
  let peak = 0;
  while (running) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes !== undefined) peak = Number(kilobytes) / 1024;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return peak;
}
