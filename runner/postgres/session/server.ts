import type { Inspection } from "../../docker/container";
import { type Docker, dockerOutput } from "../../docker/docker";
import { type ExecTarget, execArguments, shell } from "../../docker/exec";
import * as z from "zod";
import describeDump from "./describe-dump.sh";
import type { Session } from "./session";

/** The password reaches libpq by this variable alone, whose name, never value, is an argument of docker. */
export const passwordVariable = "PGPASSWORD";

export interface ServerRequest {
  readonly user: string;
  readonly database: string;
}

/** Where a server listens, as a program in its container sees it: a host of libpq, which may be the folder of a socket. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a server listens that has a network of its own. */
export const loopback: ServerAddress = { host: "127.0.0.1", port: 5432 };

/**
 * Variables of the container that would lead libpq's programs to another server, or change what they read or write. Variables for
 * authentication (PGPASSFILE, PGSSLCERT, PGSSLKEY) stay. https://www.postgresql.org/docs/current/libpq-envars.html
 */
const foreignVariables = [
  ...[
    "PGHOSTADDR",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSYSCONFDIR",
    "PGTARGETSESSIONATTRS",
    "PGLOADBALANCEHOSTS",
  ],
  ...["PGSSLMODE", "PGREQUIRESSL", "PGSSLNEGOTIATION", "PGGSSENCMODE", "PGCHANNELBINDING", "PGREQUIREAUTH"],
  ...["PGREQUIREPEER", "PGOPTIONS", "PGTZ", "PGDATESTYLE", "PGGEQO", "PG_COLOR"],
];

/** The target with other variables besides, or instead. */
export function withEnv(target: ExecTarget, env: Readonly<Record<string, string>>): ExecTarget {
  return { ...target, env: { ...target.env, ...env } };
}

/**
 * How libpq's programs in the container reach the server. By environment, because a database named `a=b` on a command
 * line would be read as connection parameters.
 */
export function serverTarget(
  docker: Docker,
  container: Pick<Inspection, "Id">,
  { user, database }: ServerRequest,
  applicationName: string,
  { host, port }: ServerAddress = loopback,
): ExecTarget {
  return {
    docker,
    container: container.Id,
    env: {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGDATABASE: database,
      PGAPPNAME: applicationName,
      PGCLIENTENCODING: "UTF8",
      PGCONNECT_TIMEOUT: "10",
      LC_ALL: "C",
    },
    withoutEnv: foreignVariables,
    secretEnv: process.env[passwordVariable] === undefined ? [] : [passwordVariable],
  };
}

export function addressOf({ env }: ExecTarget): ServerAddress {
  return { host: env["PGHOST"] ?? "", port: Number(env["PGPORT"]) };
}

/** psql that prints bare values, reads no start-up file, stops at the first error and takes no input for a password. */
export const psql = [
  "psql",
  "--no-password",
  "--no-psqlrc",
  "--quiet",
  "--no-align",
  "--tuples-only",
  "--set=ON_ERROR_STOP=1",
] as const;

/** What a libpq program wrote to standard error, without the lines that only report progress. */
export function errorLines(stderr: string): string {
  return stderr
    .split("\n")
    .filter((line) => !/^pg_(dump|restore): (?!error|detail|hint|warning)/.test(line))
    .join("\n")
    .trim();
}

/** Says how a program ended that printed no message. */
export function endedWith(exitCode: number | undefined): string {
  return exitCode === undefined
    ? "it was ended before its time."
    : `it ended with exit code ${exitCode} and no message.`;
}

/** The same server and user, in another database. */
export function inDatabase(target: ExecTarget, database: string): ExecTarget {
  return withEnv(target, { PGDATABASE: database });
}

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
