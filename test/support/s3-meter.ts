import http from "node:http";
import type { AddressInfo } from "node:net";

/** What was asked of one object. */
export interface ObjectReads {
  requests: number;
  /** That the server gave; what is still on its way when a reader stops is counted too. */
  bytes: number;
}

/** Stands before an S3 server, counts what is read, and can fail as a server does that is killed. */
export interface S3Meter {
  readonly endpoint: string;
  /** By the path of the object, bucket and key, since the last call. */
  reads(): Map<string, ObjectReads>;
  /** From the moment when so many bytes have been read on, no connection lasts, and none is made. */
  failAfter(bytes: number): void;
  recover(): void;
  stop(): Promise<void>;
}

export async function startS3Meter(endpoint: string): Promise<S3Meter> {
  const { hostname, port } = new URL(endpoint);
  let reads = new Map<string, ObjectReads>();
  let left = Infinity;

  const server = http.createServer((request, response) => {
    const { method, url = "", headers } = request;
    const { pathname, searchParams } = new URL(url, endpoint);
    if (left <= 0) {
      request.socket.destroy();
      return;
    }
    const isRead = method === "GET" && !searchParams.has("list-type");
    const found = reads.get(pathname) ?? { requests: 0, bytes: 0 };
    if (isRead) reads.set(pathname, found);
    found.requests++;
    const forwarded = http.request({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("data", (chunk: Buffer) => {
        found.bytes += chunk.length;
        left -= isRead ? chunk.length : 0;
        if (left <= 0) server.closeAllConnections();
      });
      answer.pipe(response);
    });
    forwarded.on("error", () => response.destroy());
    response.on("close", () => forwarded.destroy());
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
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
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
