import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { TokenBucket } from "limiter";

/** Largest number of bytes that are sent at once. */
const largestPiece = 1 << 16;

/** Limits the bytes per second that all requests of a client send together; a request that is sent again counts again. */
export function limitUploads(client: S3Client, bytesPerSecond: number): void {
  // Several pieces a second, so that a request that waits for its turn does not seem to stall.
  const piece = Math.max(1, Math.min(largestPiece, Math.floor(bytesPerSecond / 8)));
  const bucketSize = Math.max(piece, bytesPerSecond / 10);
  const tokens = new TokenBucket({ bucketSize, tokensPerInterval: bytesPerSecond, interval: "second" });
  let turn: Promise<unknown> = Promise.resolve();
  /** Requests get their turns in the order in which they ask. */
  const wait = (bytes: number) => (turn = turn.then(() => tokens.removeTokens(bytes)));
  const slowly = async function* (body: Uint8Array) {
    for (let sent = 0; sent < body.length; sent += piece) {
      const next = body.subarray(sent, sent + piece);
      await wait(next.length);
      yield next;
    }
  };
  // This is the innermost step: each attempt passes through it, after it was signed.
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body?: unknown };
      if (!(request.body instanceof Uint8Array)) return next(args);
      return next({ ...args, request: { ...request, body: Readable.from(slowly(request.body)) } });
    },
    { step: "deserialize", name: "limitUploads", priority: "low" },
  );
}
