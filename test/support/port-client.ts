/** Clients that know the server by its published port alone. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

const connectMilliseconds = 2_000;

/** Of the superuser of both servers. */
export const clientPassword = "known to clients";

async function connect(port: number): Promise<Client> {
  const client = new Client({
    host: "127.0.0.1",
    port,
    user: "postgres",
    password: clientPassword,
    database: "postgres",
    connectionTimeoutMillis: connectMilliseconds,
  });
  // The server may end the session at any time; the query that runs then, or the next one, says so.
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** The rows of one query. */
export async function queryPort(port: number, query: string): Promise<Record<string, unknown>[]> {
  const client = await connect(port);
  try {
    return (await client.query<Record<string, unknown>>(query)).rows;
  } finally {
    await client.end();
  }
}

export interface Writer {
  readonly stop: () => Promise<number[]>;
}

/** Inserts one number after another into `log.journal`, connecting anew whenever it must; `stop` gives those that were acknowledged. */
export function startWriter(port: number): Writer {
  const acknowledged: number[] = [];
  const stopping = new AbortController();
  const stopped = () => stopping.signal.aborted;
  let next = 1;
  const write = async () => {
    while (!stopped()) {
      try {
        const client = await connect(port);
        try {
          while (!stopped()) {
            const id = next++;
            await client.query("INSERT INTO log.journal VALUES ($1)", [id]);
            acknowledged.push(id);
          }
        } finally {
          await client.end();
        }
      } catch {
        await sleep(20);
      }
    }
  };
  const done = write();
  return {
    stop: async () => {
      stopping.abort();
      await done;
      return acknowledged;
    },
  };
}
