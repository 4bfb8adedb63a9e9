import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { TokenBucket } from "limiter";

/** Bytes that are sent at once, at most. */
const largestPiece = 1 << 16;

/** Makes all requests of a client together send at most so many bytes a second; those that are sent again count again. */
export function limitUploads(client: S3Client, bytesPerSecond: number): void {
  // Several a second, so that no request seems to stall because it waits for its turn.
  const piece = Math.max(1, Math.min(largestPiece, Math.floor(bytesPerSecond / 8)));
  const bucketSize = Math.max(piece, bytesPerSecond / 10);
  const tokens = new TokenBucket({ bucketSize, tokensPerInterval: bytesPerSecond, interval: "second" });
  let turn: Promise<unknown> = Promise.resolve();
  /** In the order in which they ask. */
  const wait = (bytes: number) => (turn = turn.then(() => tokens.removeTokens(bytes)));
  const slowly = async function* (body: Uint8Array) {
    for (let sent = 0; sent < body.length; sent += piece) {
      const next = body.subarray(sent, sent + piece);
      await wait(next.length);
      yield next;
    }
  };
  // This step is the innermost: each attempt passes through it, after it was signed.
  client.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { body?: unknown };
      if (!(request.body instanceof Uint8Array)) return next(args);
      return next({ ...args, request: { ...request, body: Readable.from(slowly(request.body)) } });
    },
    { step: "deserialize", name: "limitUploads", priority: "low" },
  );
}
