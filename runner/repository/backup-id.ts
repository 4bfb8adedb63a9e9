import { setTimeout } from "node:timers/promises";

/** Runs that were refused together wait for different times, up to this. */
const mostMilliseconds = 300;

/** `20261122T081500Z`: sorts by time, and is a valid name on every file system. */
export function backupId(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d{3}Z$/, "Z")
    .replaceAll(/[-:]/g, "");
}

/** The time that an id stands for; undefined if the name is not an id. */
export function backupTime(id: string): Date | undefined {
  const time = new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  return Number.isNaN(time.getTime()) || backupId(time) !== id ? undefined : time;
}

/**
 * Tries one id after another until one is free; ids have a resolution of one second. Two runs that ask at the same moment can both be
 * refused, so each waits for a random time before it asks again.
 */
export async function claimId<T>(claim: (id: string, startedAt: Date) => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const startedAt = new Date();
    const claimed = await claim(backupId(startedAt), startedAt);
    if (claimed !== undefined) return claimed;
    await setTimeout(1000 - (Date.now() % 1000) + Math.random() * mostMilliseconds);
  }
}
