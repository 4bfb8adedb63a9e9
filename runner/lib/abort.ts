import { setTimeout } from "node:timers/promises";

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
