import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until there is an answer, and gives that; fails if none comes in so many seconds. */
export async function waitFor<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`after ${seconds} s there is still not: ${what}`);
    await sleep(50);
  }
}

/** The same for a condition. */
export async function waitUntil(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  seconds?: number,
): Promise<void> {
  await waitFor(what, async () => ((await isTrue()) ? true : undefined), seconds);
}
