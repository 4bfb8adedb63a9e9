import type { Inspection } from "../../docker/container";
import type { Docker } from "../../docker/docker";
import type { ExecTarget } from "../../docker/exec";

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
