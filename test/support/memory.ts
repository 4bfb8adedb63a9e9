import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Follows a process to its end; the most memory, in MB, that it ever had at once. */
export async function peakMemory(pid: number): Promise<number> {
  let peak = 0;
  for (;;) {
    const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
    if (status === undefined) return peak;
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
    if (kilobytes !== undefined) peak = Number(kilobytes) / 1024;
    await sleep(50);
  }
}
