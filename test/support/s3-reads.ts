import type { IncomingMessage } from "node:http";
import { startS3Proxy } from "./s3-proxy";

/** What was read of one object. */
export interface ObjectReads {
  requests: number;
  /** That the server gave; what was still on its way when a reader stopped is counted too. */
  bytes: number;
}

/** Stands before an S3 server, counts what is read, and can fail as a server does that is killed. */
export interface CountedReads {
  readonly endpoint: string;
  /** By the path of the object, bucket and key, since the last call. */
  reads(): Map<string, ObjectReads>;
  /** Once so many bytes have been read, no connection lasts, and none is made. */
  failAfter(bytes: number): void;
  recover(): void;
  stop(): void;
}

export async function countReads(endpoint: string): Promise<CountedReads> {
  let reads = new Map<string, ObjectReads>();
  let left = Infinity;
  const readsOf = ({ method, url = "" }: IncomingMessage) => {
    const { pathname, searchParams } = new URL(url, endpoint);
    if (method !== "GET" || searchParams.has("list-type")) return undefined;
    const found = reads.get(pathname) ?? { requests: 0, bytes: 0 };
    reads.set(pathname, found);
    return found;
  };
  const proxy = await startS3Proxy(
    endpoint,
    (request) => {
      if (left <= 0) return "gone";
      const object = readsOf(request);
      if (object !== undefined) object.requests++;
      return undefined;
    },
    (request, bytes) => {
      const object = readsOf(request);
      if (object === undefined) return;
      object.bytes += bytes;
      left -= bytes;
      if (left <= 0) proxy.disconnect();
    },
  );
  return {
    endpoint: proxy.endpoint,
    reads: () => {
      const before = reads;
      reads = new Map();
      return before;
    },
    failAfter: (bytes) => {
      left = bytes;
    },
    recover: () => {
      left = Infinity;
    },
    stop: () => {
      proxy.stop();
    },
  };
}
