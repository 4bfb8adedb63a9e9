import { setTimeout } from "node:timers/promises";

/**
 * The outcome of some work; after an abort it has only so long to end by itself. What hangs on a daemon that answers no
 * more must not make this program hang too.
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
        reject(new Error("not needed any more"));
      },
      { once: true },
    );
  });
}
