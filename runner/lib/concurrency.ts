import os from "node:os";
import { setTimeout } from "node:timers/promises";

/** More would leave too little of the server for other clients, even if this machine has many CPUs. */
const mostByDefault = 4;

/** Number of parallel workers of pg_dump or pg_restore. By default one for each CPU, with a limit. */
export function chooseJobs(asked: number | undefined): number {
  return asked ?? Math.min(os.availableParallelism(), mostByDefault);
}

/** Runs several tasks at once. If one fails, aborts the others, waits until they end, and throws the first error. */
export async function together<T extends readonly unknown[]>(
  signal: AbortSignal,
  tasks: readonly [...{ [K in keyof T]: (signal: AbortSignal) => Promise<T[K]> }],
): Promise<T> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const running = tasks.map(async (task) => {
    try {
      return await task(either);
    } catch (error) {
      failed.abort();
      throw error;
    }
  });
  try {
    return (await Promise.all(running)) as unknown as T;
  } finally {
    await Promise.allSettled(running);
  }
}

/**
 * Returns the result of `work`. After an abort, `work` has `graceMilliseconds` to end. Then this function throws, so
 * that this program does not hang when the Docker daemon stops answering.
 */
export async function settleAfterAbort<T>(
  work: Promise<T>,
  signal: AbortSignal,
  graceMilliseconds: number,
): Promise<T> {
  const settled = new AbortController();
  const overdue = (async (): Promise<never> => {
    if (!signal.aborted) await once(signal, settled.signal);
    await setTimeout(graceMilliseconds, undefined, { signal: settled.signal });
    throw signal.reason;
  })();
  try {
    return await Promise.race([work, overdue]);
  } finally {
    overdue.catch(() => undefined);
    settled.abort();
  }
}

function once(signal: AbortSignal, giveUp: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true, signal: giveUp },
    );
    giveUp.addEventListener(
      "abort",
      () => {
        reject(new Error("the work has ended"));
      },
      { once: true },
    );
  });
}

const bytesTogether = 8 * 2 ** 20;
const itemsTogether = 100;

/** The smallest first: small ones together, where each costs something besides its bytes, and each large one by itself. */
export function groupBySize<T>(items: readonly T[], bytesOf: (item: T) => number): T[][] {
  const groups: T[][] = [];
  let bytes = 0;
  for (const item of items.toSorted((one, other) => bytesOf(one) - bytesOf(other))) {
    const last = groups.at(-1);
    bytes += bytesOf(item);
    if (last !== undefined && bytes <= bytesTogether && last.length < itemsTogether) last.push(item);
    else {
      groups.push([item]);
      bytes = bytesOf(item);
    }
  }
  return groups;
}
