import { z } from "zod";
import type { Inspection } from "../../docker/container";
import { type Docker, dockerOutput } from "../../docker/docker";
import { execArguments, shell } from "../../docker/exec";
import describeDump from "./describe-dump.sh";
import type { Session } from "./session";

const ServerInfo = z.object({
  version: z.string(),
  number: z.int(),
  postgis: z.string().nullable(),
  encoding: z.string(),
  lcCollate: z.string(),
  lcCtype: z.string(),
  /** Null before version 15. */
  localeProvider: z.enum(["libc", "icu", "builtin"]).nullable(),
  locale: z.string().nullable(),
  icuRules: z.string().nullable(),
  collationVersion: z.string().nullable(),
});
export type ServerInfo = z.infer<typeof ServerInfo>;

export async function readServerInfo(session: Session): Promise<ServerInfo> {
  const [info] = await session.rows(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            (SELECT extversion FROM pg_extension WHERE extname = 'postgis') AS postgis,
            pg_encoding_to_char(encoding) AS encoding, datcollate AS "lcCollate", datctype AS "lcCtype",
            CASE d->>'datlocprovider' WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END AS "localeProvider",
            coalesce(d->>'datlocale', d->>'daticulocale') AS locale, d->>'daticurules' AS "icuRules", d->>'datcollversion' AS "collationVersion"
     FROM pg_database, to_jsonb(pg_database) AS d WHERE datname = current_database()`,
    ServerInfo,
  );
  if (info === undefined) throw new Error("the current database is not in the catalog");
  return info;
}

export interface DumpInfo {
  /** Such as "17.6 (Debian 17.6-0+deb13u1)". */
  readonly version: string;
  readonly major: number;
  /** Whether it was built with the method of compression that was asked for. */
  readonly compresses: boolean;
}

/** The version of `pg_dump` in the container, and whether it knows this compression. */
export async function readDumpInfo(
  docker: Docker,
  container: Pick<Inspection, "Id">,
  compression: string,
): Promise<DumpInfo> {
  const target = { docker, container: container.Id, env: { LC_ALL: "C" }, secretEnv: [] };
  const said = await dockerOutput(docker, execArguments(target, shell(describeDump, compression)));
  const version = (said.split("\n")[0] ?? "").replace(/^pg_dump \(PostgreSQL\) /, "").trim();
  const compresses = !said.includes("this build does not support compression");
  return { version, major: majorVersion(version), compresses };
}

export function majorVersion(version: string): number {
  return Number.parseInt(version, 10);
}

/** The server converts nothing between such an encoding and UTF-8; text in one is taken as it is. */
const rawEncodings = new Set(["SQL_ASCII", "MULE_INTERNAL"]);

export function isConvertible(encoding: string): boolean {
  return !rawEncodings.has(encoding);
}

/** The client encoding of all sessions in a database that has this encoding. */
export function clientEncoding(encoding: string): string {
  return isConvertible(encoding) ? "UTF8" : encoding;
}
