import { Readable } from "node:stream";
import type { S3Client } from "@aws-sdk/client-s3";
import { TokenBucket } from "limiter";

/** Bytes that are sent at once. */
const piece = 1 << 16;

/** Makes all requests of a client together send at most so many bytes a second; those that are sent again count again. */
export function limitUploads(client: S3Client, bytesPerSecond: number): void {
  const bucketSize = Math.max(piece, bytesPerSecond / 10);
  const tokens = new TokenBucket({ bucketSize, tokensPerInterval: bytesPerSecond, interval: "second" });
  const slowly = async function* (body: Uint8Array) {
    for (let sent = 0; sent < body.length; sent += piece) {
      const next = body.subarray(sent, sent + piece);
      await tokens.removeTokens(next.length);
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
