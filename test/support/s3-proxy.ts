/** Stands between a client and an S3 server, and does what networks and servers under load do. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * What becomes of a request: it is answered with an error; or it is done, and its answer is lost, or the second half of
 * that, or says that it failed; or there is nobody to ask; or it is taken, or answered by half, and then no byte moves; or
 * it is answered a second late, and a client that has left by then is noted.
 */
export type Trouble =
  | "SlowDown"
  | "InternalError"
  | "lost"
  | "doneButFailed"
  | "cut"
  | "gone"
  | "silent"
  | "silentInAnswer"
  | "late"
  | Refusal
  | undefined;

/** What a server answers that lacks something, or has no time. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

const busy = {
  SlowDown: { status: 503, code: "SlowDown", message: "Reduce your request rate." },
  InternalError: { status: 500, code: "InternalError", message: "Try again." },
} as const;

export interface S3Proxy {
  readonly endpoint: string;
  /** What it did to requests, in order. */
  readonly troubles: string[];
  /** Ends all connections that there are. */
  disconnect(): void;
  stop(): void;
}

/** Passes requests on, but for those that get into trouble. */
export async function startS3Proxy(
  endpoint: string,
  troubleOf: (request: IncomingMessage) => Trouble,
  onAnswer: (request: IncomingMessage, bytes: number) => void = () => undefined,
): Promise<S3Proxy> {
  const { hostname, port } = new URL(endpoint);
  const troubles: string[] = [];
  const proxy = createServer((asked, answer) => {
    const trouble = troubleOf(asked);
    if (trouble !== undefined)
      troubles.push(`${asked.method} ${typeof trouble === "object" ? trouble.code : trouble}`);
    if (trouble === "gone") asked.socket.destroy();
    else if (trouble === "silent") asked.once("data", () => asked.pause());
    else if (trouble === "SlowDown" || trouble === "InternalError") refuse(asked, answer, busy[trouble]);
    else if (typeof trouble === "object") refuse(asked, answer, trouble);
    else forward(asked, answer, trouble);
  });
  const forward = (asked: IncomingMessage, answer: ServerResponse, trouble: Exclude<Trouble, Refusal>) => {
    const { method, url, headers } = asked;
    const passed = request({ hostname, port, method, path: url, headers }, (given) => {
      if (trouble === "lost") {
        given.resume().once("end", () => asked.socket.destroy());
        return;
      }
      if (trouble === "doneButFailed") {
        given.resume().once("end", () => {
          fail(answer, busy.InternalError);
        });
        return;
      }
      if (trouble === "late") {
        setTimeout(() => given.pipe(answer.writeHead(given.statusCode ?? 500, given.headers)), 1000);
        return;
      }
      if (trouble === "silentInAnswer") {
        answer.writeHead(given.statusCode ?? 500, given.headers);
        given.once("data", (chunk: Buffer) => {
          answer.write(chunk.subarray(0, chunk.length / 2));
          given.pause();
        });
        return;
      }
      given.on("data", (chunk: Buffer) => {
        onAnswer(asked, chunk.length);
      });
      given.pipe(answer.writeHead(given.statusCode ?? 500, given.headers));
      if (trouble !== "cut") return;
      let rest = Number(given.headers["content-length"]) / 2;
      given.on("data", (chunk: Buffer) => {
        rest -= chunk.length;
        if (rest <= 0) asked.socket.destroy();
      });
    });
    passed.on("error", () => asked.socket.destroy());
    answer.on("close", () => {
      passed.destroy();
      if (trouble === "late" && !answer.writableFinished) troubles.push(`${method} left`);
    });
    asked.pipe(passed);
  };
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    troubles,
    disconnect() {
      proxy.closeAllConnections();
    },
    stop() {
      proxy.closeAllConnections();
      proxy.close();
    },
  };
}

function refuse(asked: IncomingMessage, answer: ServerResponse, refusal: Refusal): void {
  asked.resume().once("end", () => {
    fail(answer, refusal);
  });
}

function fail(answer: ServerResponse, { status, code, message }: Refusal): void {
  answer.writeHead(status);
  answer.end(`<Error><Code>${code}</Code><Message>${message}</Message></Error>`);
}
