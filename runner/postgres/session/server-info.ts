import { z } from "zod";
import type { Inspection } from "../../docker/container";
import { type Docker, dockerOutput } from "../../docker/docker";
import { execArguments } from "../../docker/exec";
import type { Session } from "./session";

const ServerFacts = z.object({
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
export type ServerFacts = z.infer<typeof ServerFacts>;

export async function serverFacts(session: Session): Promise<ServerFacts> {
  const [facts] = await session.rows(
    `SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS number,
            (SELECT extversion FROM pg_extension WHERE extname = 'postgis') AS postgis,
            pg_encoding_to_char(encoding) AS encoding, datcollate AS "lcCollate", datctype AS "lcCtype",
            CASE d->>'datlocprovider' WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' END AS "localeProvider",
            coalesce(d->>'datlocale', d->>'daticulocale') AS locale, d->>'daticurules' AS "icuRules", d->>'datcollversion' AS "collationVersion"
     FROM pg_database, to_jsonb(pg_database) AS d WHERE datname = current_database()`,
    ServerFacts,
  );
  if (facts === undefined) throw new Error("the current database is in the catalog");
  return facts;
}

/**
 * Says its version, then whether it was built with a method of compression. It looks at that before it looks for the
 * server, which must not be there: this is no time for a dump.
 */
const introduce = `pg_dump --version || exit
PGHOST=/nonexistent pg_dump --compress="$1" 2>&1 >/dev/null
exit 0`;

export interface DumpFacts {
  /** Such as "17.6 (Debian 17.6-0+deb13u1)". */
  readonly version: string;
  readonly major: number;
  /** Whether it was built with the method of compression that it was asked about. */
  readonly compresses: boolean;
}

/** What the `pg_dump` in the container is, and whether it can compress so. */
export async function dumpFacts(
  docker: Docker,
  container: Pick<Inspection, "Id">,
  compression: string,
): Promise<DumpFacts> {
  const target = { docker, container: container.Id, env: { LC_ALL: "C" }, secretEnv: [] };
  const command = ["sh", "-c", introduce, "sh", compression];
  const said = await dockerOutput(docker, execArguments(target, command));
  const version = (said.split("\n")[0] ?? "").replace(/^pg_dump \(PostgreSQL\) /, "").trim();
  const compresses = !said.includes("this build does not support compression");
  return { version, major: majorVersion(version), compresses };
}

export function majorVersion(version: string): number {
  return Number.parseInt(version, 10);
}
