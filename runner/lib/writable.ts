import { once } from "node:events";
import type { Writable } from "node:stream";

/** Waits until the stream takes more, or never does any more. Whoever has the stream knows why it ended. */
export async function roomOrEnd(stream: Writable): Promise<void> {
  if (!stream.writable || !stream.writableNeedDrain) return;
  const waited = new AbortController();
  const waiting = ["drain", "close"].map((event) => once(stream, event, { signal: waited.signal }));
  // A stream that fails rejects both, and is not writable from then on.
  await Promise.race(waiting).catch(() => undefined);
  waited.abort();
}
