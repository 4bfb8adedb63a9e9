/** What the agent serves. It changes nothing, and takes nothing but a path. */
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { Failure } from "../lib/failure";

type Answer = { readonly status?: number; readonly type: string; readonly body: string };
/** Answers by path; undefined where there is nothing. */
export type Routes = Readonly<Record<string, () => Answer | Promise<Answer>>>;

export interface Served {
  /** As it listens: the port is known even if it was to be any. */
  readonly address: string;
  close(): Promise<void>;
}

export async function serve(address: string, routes: Routes): Promise<Served> {
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://agent");
    const route = request.method === "GET" || request.method === "HEAD" ? routes[pathname] : undefined;
    void (async () => {
      const answer =
        route === undefined ? { status: 404, type: "text/plain", body: "Not found.\n" } : await route();
      response.writeHead(answer.status ?? 200, { "content-type": answer.type, "cache-control": "no-store" });
      response.end(request.method === "HEAD" ? undefined : answer.body);
    })().catch((error: unknown) => {
      response.writeHead(500, { "content-type": "text/plain" });
      response.end(
        `${error instanceof Failure ? error.describe() : "This is a bug of postgis-backup; see its log."}\n`,
      );
    });
  });
  server.requestTimeout = 10_000;
  server.listen({ host, port: Number(port) });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new Failure("port-in-use", `The agent cannot listen on ${address}: ${(error as Error).message}.`);
  }
  return { address: addressOf(server), close: () => close(server) };
}

function addressOf(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("a TCP server without an address");
  return bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
