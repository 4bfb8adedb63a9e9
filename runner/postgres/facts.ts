import { z } from "zod";
import { dockerOutput } from "../docker/docker";
import { execArguments, type ExecTarget } from "../docker/exec";
import type { Session } from "./session";

const ServerFacts = z.object({ version: z.string(), number: z.int(), postgis: z.string().nullable() });
export type ServerFacts = z.infer<typeof ServerFacts>;

export async function serverFacts(session: Session): Promise<ServerFacts> {
  const [facts] = await session.rows(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            (SELECT extversion FROM pg_extension WHERE extname = 'postgis') AS postgis`,
    ServerFacts,
  );
  if (facts === undefined) throw new Error("a query without FROM returns one row");
  return facts;
}

/** Version of the `pg_dump` in the container, such as "17.6 (Debian 17.6-0+deb13u1)". */
export async function pgDumpVersion(target: ExecTarget): Promise<string> {
  const text = await dockerOutput(target.docker, execArguments(target, ["pg_dump", "--version"]));
  return text.replace(/^pg_dump \(PostgreSQL\) /, "").trim();
}

export function majorVersion(version: string): number {
  return Number.parseInt(version, 10);
}
