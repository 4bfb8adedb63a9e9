import { setTimeout as sleep } from "node:timers/promises";

/** Stops waiting for an action when the operation is cancelled or times out. */
export async function unlessAborted<T>(action: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      const timedOut = (signal.reason as Error).name === "TimeoutError";
      reject(new Error(timedOut ? "context deadline exceeded" : "context canceled"));
    };
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
  });
  try {
    return await Promise.race([action, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener("abort", stop);
  }
}

/** Tries repeatedly until a deadline. Returns undefined if the time is up. */
export async function poll<T>(
  attempt: () => Promise<T | undefined>,
  { seconds, everySeconds }: { seconds: number; everySeconds: number },
): Promise<T | undefined> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const result = await attempt();
    if (result !== undefined || Date.now() >= deadline) return result;
    await sleep(everySeconds * 1000);
  }
}
