/**
 * The first session of a run, which proves that the server which answers is the one that runs in the container, and holds the
 * lock of the run: one run at a time of its kind.
 */
import path from "node:path";
import * as z from "zod";
import type { Inspection } from "../../docker/container";
import { type Docker, spawnDocker } from "../../docker/docker";
import { execArguments, type ExecTarget } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { listed } from "../../lib/format";
import { findServer, type RunningServer } from "./find-server";
import { nobody } from "./restricted";
import {
  inDatabase,
  psql,
  type ServerAddress,
  type ServerRequest,
  serverTarget,
  withEnv,
  clientEncoding,
} from "./server";
import { inSession, openSession, type Session, sessionOptions, speakEnglish, SqlError } from "./session";
import { escapeLiteral } from "./escape";
import type { Progress } from "../../lib/progress";

export interface Connection {
  /** For all further sessions. */
  readonly target: ExecTarget;
  readonly session: Session;
}

type Container = Pick<Inspection, "Id" | "Name" | "Config">;

/** Finds the server of the container and opens a session there; fails where none can be opened, or another server answers. */
export async function connectServer(
  docker: Docker,
  container: Container,
  request: ServerRequest,
  applicationName: string,
  signal: AbortSignal,
): Promise<Connection> {
  const server = await findServer(docker, container, signal);
  const settings = { PGOPTIONS: sessionOptions(server.version) };
  const refusals: Failure[] = [];
  /** The address where the server answered, though it let nobody in. */
  let answering: ExecTarget | undefined;
  let second: Connection | undefined;
  for (const address of addressesOf(server)) {
    const target = withEnv(serverTarget(docker, container, request, applicationName, address), settings);
    const found = await open(target, server, signal).catch((error: unknown) => {
      if (!(error instanceof Failure) || signal.aborted) throw error;
      refusals.push(error);
      if (isOfServer(error) && !error.message.includes("password")) answering ??= target;
      return undefined;
    });
    if (found === undefined) continue;
    if (found.forAnyUser) {
      await second?.session.close();
      return found;
    }
    second ??= found;
  }
  if (second !== undefined) return second;
  const refusal = refusalOf(container, server, refusals);
  throw answering === undefined ? refusal : await withDatabases(refusal, answering, request, signal);
}

/** The databases that every server has, at least one of which lets a role in that may ask for the others. */
const maintenance = ["postgres", "template1"];

/** What a server says itself begins with a word of its language, such as FATAL, and two spaces. */
export const isOfServer = ({ message }: Failure): boolean => / failed: [^\s:]+: {2}/.test(message);

/** A database that does not exist is the likeliest mistake, so the failure names those that do. */
async function withDatabases(
  refusal: Failure,
  target: ExecTarget,
  { user, database }: ServerRequest,
  signal: AbortSignal,
): Promise<Failure> {
  if (/role ".*" does not exist/.test(refusal.message))
    return new Failure(
      refusal.code,
      `${refusal.message}\nThe server has no role "${user}": name another user.`,
    );
  for (const other of maintenance.filter((name) => name !== database)) {
    const names = await inSession(inDatabase(target, other), signal, databaseNames).catch(() => undefined);
    signal.throwIfAborted();
    if (names?.includes(database) === true) return refusal;
    if (names !== undefined)
      return new Failure(refusal.code, `${refusal.message}\nThe server's databases are ${listed(names)}.`);
  }
  return refusal;
}

/** Those that can be connected to. */
export async function databaseNames(session: Session): Promise<string[]> {
  const found = await session.rows(
    `SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname COLLATE "C"`,
    z.object({ name: z.string() }),
  );
  return found.map(({ name }) => name);
}

/** The same, for callers that open sessions when they need them. */
export async function connectedTarget(...args: Parameters<typeof connectServer>): Promise<ExecTarget> {
  const { target, session } = await connectServer(...args);
  await session.close();
  return target;
}

/** The socket first: its file belongs to this container, while other containers may share the network of a port. */
export function addressesOf({
  socket,
  address,
  port,
  dataDirectory,
}: Pick<RunningServer, "socket" | "address" | "port" | "dataDirectory">): ServerAddress[] {
  const hosts = [
    ...(socket === undefined
      ? []
      : [socket.startsWith("@") ? socket : path.posix.resolve(dataDirectory, socket)]),
    ...(address === undefined ? [] : (anyAddress[address] ?? [address])),
  ];
  return hosts.map((host) => ({ host, port }));
}

const anyAddress: Readonly<Record<string, string[]>> = {
  "*": ["127.0.0.1", "::1"],
  "0.0.0.0": ["127.0.0.1"],
  "::": ["::1"],
};

const First = z.object({ pid: z.int(), encoding: z.string(), superuser: z.boolean() });
/** The role that logs in may act as another. */
const firstQuery = `SELECT pg_backend_pid() AS pid, pg_encoding_to_char(encoding) AS encoding,
    rolsuper AND current_setting('is_superuser')::bool AS superuser
  FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = session_user`;

async function open(
  base: ExecTarget,
  server: RunningServer,
  signal: AbortSignal,
): Promise<Connection & { readonly forAnyUser: boolean }> {
  const inEncoding = (encoding: string) => withEnv(base, { PGCLIENTENCODING: encoding });
  const { PGHOST = "" } = base.env;
  const onSocket = /^[/@]/.test(PGHOST);
  // Every server accepts this client encoding, whatever the database has.
  const target = inEncoding("SQL_ASCII");
  const own = withEnv(target, { PGAPPNAME: nameWithoutLock });
  const forAnyone = onSocket ? letsAnyoneIn(own, signal) : Promise.resolve(true);
  const session = openSession(own, signal);
  try {
    const { pid, encoding, superuser } = await session.row(firstQuery, First);
    const seen = await session.command(`\\echo \`cat /proc/${pid}/stat "/proc/$PPID/stat" 2>/dev/null\``);
    if (!isBackendOf(server, seen)) throw foreign(base);
    const ours = clientEncoding(encoding);
    await session.run(`SET client_encoding = '${ours}'`);
    const encoded = inEncoding(ours);
    const spoken = superuser ? await speakEnglish(session, encoded) : encoded;
    return { target: spoken, session, forAnyUser: await forAnyone };
  } catch (error) {
    await Promise.allSettled([session.close(), forAnyone]);
    throw error;
  }
}

/**
 * The programs of a run are started as several users of the operating system. A server may ask who they are (peer), or
 * have a socket that not all of them may use.
 */
async function letsAnyoneIn(target: ExecTarget, signal: AbortSignal): Promise<boolean> {
  const args = execArguments(target, [...psql, "--command=SELECT"], nobody);
  const { failed } = await spawnDocker(target.docker, args, { reject: false, cancelSignal: signal });
  return !failed;
}

/**
 * The session's backend must be a process of this container and a child of its postmaster. It must also be no older than the
 * psql that asked for it; otherwise another process may have the same number by chance.
 */
export function isBackendOf({ pid }: Pick<RunningServer, "pid">, stat: readonly string[]): boolean {
  const [backend, client] = stat.map(readStat);
  if (backend === undefined || client === undefined) return false;
  return backend.parent === pid && backend.started >= client.started;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the name of the program, in parentheses, may hold anything. */
function readStat(line: string): { parent: number; started: number } {
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), started: Number(fields[19]) };
}

const foreignCode = "server-not-found";

function foreign({ env }: ExecTarget): Failure {
  return new Failure(
    foreignCode,
    `the one that answers at ${env["PGHOST"]}, port ${env["PGPORT"]}, is another`,
  );
}

/** Answers of the server come before addresses that were not reached; two addresses of one server give the same answer once. */
function refusalOf({ Name }: Container, server: RunningServer, refusals: readonly Failure[]): Failure {
  const name = Name.replace(/^\//, "");
  const others = refusals.filter(({ code }) => code !== foreignCode);
  const [first] = others;
  if (first === undefined) {
    const found = refusals.map(({ message }) => message).join("; ");
    return new Failure(
      foreignCode,
      `The server of container "${name}" (port ${server.port}, ${server.dataDirectory}) cannot be reached${found && `: ${found}`}. ` +
        "Give each server a port and a socket of its own.",
    );
  }
  const said = new Map(others.map((refusal) => [withoutAddress(refusal.message), refusal.message]));
  return new Failure(first.code, [...said.values()].join("\n"));
}

const withoutAddress = (message: string) =>
  message.replace(/^psql: error: connection to server .*? failed: /, "");

/** Seconds to wait for the lock: the session of a run that was just killed may be about to end. */
const waitSeconds = 5;

interface RunLock {
  readonly lock: string;
  /** Of all sessions of a run. */
  readonly applicationName: string;
}

/** Name of a session without the lock. The run that gets the lock ends all sessions with such a name. */
export const nameWithoutLock = "postgis-backup";

/**
 * Takes the lock for this session. All other sessions of such a run then belong to a killed run, and are ended. Returns their
 * number.
 */
export async function lockRuns(
  session: Session,
  { lock, applicationName }: RunLock,
  inProgress: (since: string) => Failure,
): Promise<number> {
  const key = `hashtextextended(${escapeLiteral(lock)}, 0)`;
  try {
    await session.run(`SET lock_timeout = '${waitSeconds}s'`);
    await session.run(`SELECT pg_advisory_lock(${key})`);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw inProgress(await holderOf(session, key));
  }
  await session.run(`SET application_name = ${escapeLiteral(applicationName)}`);
  const { ended } = await session.row(
    `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
     WHERE application_name = current_setting('application_name') AND datname = current_database()
       AND usename = session_user AND pid <> pg_backend_pid()`,
    z.object({ ended: z.int() }),
  );
  return ended;
}

export function noteEnded(sessions: number, progress: Progress): void {
  if (sessions > 0) progress.note(`Ended ${sessions} database sessions of a run that was killed.`);
}

async function holderOf(session: Session, key: string): Promise<string> {
  const [holder] = await session.rows(
    `SELECT a.pid, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = a.datid
       AND ((l.classid::bigint << 32) | l.objid::bigint) = ${key}`,
    z.object({ pid: z.int(), since: z.string() }),
  );
  return holder === undefined ? "" : ` since ${holder.since} UTC (server process ${holder.pid})`;
}
