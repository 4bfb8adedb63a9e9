/**
 * The beginning of a restore: the backup is checked, its database created if that is asked for, the target locked, and what an
 * earlier restore left removed.
 */
import * as z from "zod";
import { docker as dockerFor } from "../docker/connection";
import { type Inspection, serviceNote } from "../docker/container";
import type { Docker } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import { chooseJobs } from "../lib/concurrency";
import { Attempts, Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { archiveName } from "../postgres/archive/compression";
import { createDatabase } from "../postgres/archive/restore";
import { describeContent } from "../postgres/catalog/not-carried";
import { connectServer, noteEnded, lockRuns } from "../postgres/session/connect";
import { escapeLiteral, escapeIdentifier } from "../postgres/session/escape";
import { isHotStandby } from "../postgres/session/hot-standby";
import { sqlName } from "../postgres/session/names";
import {
  readDumpInfo,
  readServerInfo,
  type ServerInfo,
  type DumpInfo,
  inDatabase,
} from "../postgres/session/server";
import { withoutJit, type Session, SqlError, inSession } from "../postgres/session/session";
import { readChecksums, whileReading, checkFiles, damaged } from "../repository/checksums";
import type { BackupFiles } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import { openBackup } from "../repository/open";
import type { RestoreRequest } from "../request";
import { failUnlessListed, checkScripts } from "../verify";
import {
  cleanUpMilliseconds,
  restoreNames,
  type RestoreNames,
  restoreInProgress,
  dropWork,
  countObjects,
} from "./clean-up";
import { findExisting, finalPlace } from "./places";

/** A checked backup, and the container that it is restored in. */
export interface Found {
  readonly docker: Docker;
  readonly backup: RequestedBackup;
  readonly container: Inspection;
}

/** Fails with everything that is wrong with either, in one message. */
export async function findBoth(
  request: RestoreRequest,
  running: () => Promise<Inspection>,
  caller: Caller,
): Promise<Found> {
  const { progress, signal } = caller;
  const attempts = new Attempts();
  const docker = await dockerFor(request.dockerHost, signal);
  const backup = await attempts.run(() => readBackup(request, caller));
  const container = await attempts.run(running);
  if (backup === undefined || container === undefined) throw attempts.failure();
  const note = serviceNote(container, request.container);
  if (note !== undefined) progress.note(note);
  return { docker, backup, container };
}

/** Fails with everything that is wrong, in one message. The caller closes the session. */
export async function beginRestore({ docker, backup, container }: Found, caller: Caller): Promise<Begun> {
  const { progress, signal } = caller;
  const { request } = backup;
  const names = restoreNames(request.database);
  const own = request.createDatabase
    ? await makeDatabase(docker, container, request, backup.manifest, names.applicationName, progress, signal)
    : undefined;
  try {
    return { backup, target: await lockTarget(docker, container, names, backup, caller), own };
  } catch (error) {
    await own?.discard();
    throw error;
  }
}

interface Begun {
  readonly backup: RequestedBackup;
  readonly target: Target;
  /** Set if the restore has created the database. */
  readonly own: OwnDatabase | undefined;
}

/** What is restored: a backup, and the request that says how. */
export interface RequestedBackup {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
  readonly files: BackupFiles;
}

/** Where it goes: a database, locked for this restore. */
export interface Target {
  readonly container: Inspection;
  /** Runs programs in the container, which connect to the database. */
  readonly exec: ExecTarget;
  /** Holds the lock until it is closed. */
  readonly session: Session;
  readonly serverInfo: ServerInfo;
  /** The programs in the container. */
  readonly tools: DumpInfo;
  readonly names: RestoreNames;
  /** At most so many sessions load rows at once. */
  readonly jobs: number;
}

/** Who has asked for the restore, hears how it goes, and can end it. */
export interface Caller {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** For the result. */
  readonly notes: string[];
}

/** Connects to the database, takes the lock, and removes what an earlier restore left. */
export async function lockTarget(
  docker: Docker,
  container: Inspection,
  names: RestoreNames,
  { request, manifest }: RequestedBackup,
  { progress, signal, notes }: Caller,
): Promise<Target> {
  const attempts = new Attempts();
  const [connection, tools] = await Promise.all([
    attempts.run(() => connectServer(docker, container, request, names.applicationName, signal)),
    attempts.run(() => readDumpInfo(docker, container, manifest.compression)),
  ]);
  if (connection === undefined) throw attempts.failure();
  const { target: exec, session } = connection;
  try {
    const serverInfo = await attempts.run(() => readServerInfo(session));
    if (serverInfo === undefined || tools === undefined) throw attempts.failure();
    await checkWritable(session);
    noteEnded(await lockRuns(session, names, restoreInProgress(names.database)), progress);
    await session.run("RESET lock_timeout");
    // Otherwise the server sends a notice for each object that it skips.
    await session.run("SET client_min_messages = error");
    await session.run(withoutJit);
    await dropWork(session, names);
    notes.push(...leftOut(manifest));
    return { container, exec, session, serverInfo, tools, names, jobs: chooseJobs(request.jobs) };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** Content that the user agreed to leave out of the backup. */
const leftOut = ({ notCarried = [] }: Manifest): string[] =>
  notCarried.map((content) => `Not in the backup: ${describeContent(content)}`);

/** Fails if the server or the database is read-only. */
async function checkWritable(session: Session): Promise<void> {
  if (await isHotStandby(session)) {
    throw new Failure(
      "requirement-missing",
      "The server is a hot standby and takes no changes. Restore into its primary, the server that it follows.",
    );
  }
  const { database, protected: isProtected } = await session.row(
    `SELECT current_database() AS database, current_setting('default_transaction_read_only') = 'on' AS protected`,
    z.object({ database: z.string(), protected: z.boolean() }),
  );
  if (!isProtected) return;
  throw new Failure(
    "requirement-missing",
    `Database "${database}" takes no changes: default_transaction_read_only is on, for the server, the database or the role. ` +
      'Turn it off for the restore, such as by "ALTER DATABASE ... SET default_transaction_read_only = off".',
  );
}

async function readBackup(
  request: RestoreRequest,
  { progress, signal }: Pick<Caller, "progress" | "signal">,
): Promise<RequestedBackup> {
  const { repository, found } = await openBackup(request, signal);
  const files = repository.files(found.name, found.id);
  const manifest = await readChecksums(files);
  failUnlessListed(manifest);
  progress.note(`Reading ${files.location} for its checksums.`);
  const checked = checkedBefore(files, manifest, request);
  await whileReading(files, checked, progress, (counted) => checkFiles(counted, checked, signal));
  if (found.problem !== undefined) {
    throw manifest.id === found.id && manifest.name === found.name
      ? damaged(files.location, found.problem)
      : new Failure("manifest-unreadable", `${files.location}: ${found.problem}.`);
  }
  // A restore checks a plain archive when it reads the definitions, before it runs any of them; a dry run checks it here.
  await checkScripts(files, manifest, { signal, archive: request.dryRun });
  const schemas = new Set(manifest.tables.map(({ schema }) => schema));
  const unknown = Object.keys(request.schemas).filter((schema) => !schemas.has(schema));
  if (unknown.length > 0) {
    throw new Failure(
      "table-not-found",
      `No table of the backup is in schema ${unknown.join(", ")}. Its tables are in ${[...schemas].join(", ")}.`,
    );
  }
  return { request, manifest, files };
}

/**
 * The files that are checked before anything else. An archive that is not in a local folder is checked while it is read, which
 * is before anything is published.
 */
function checkedBefore(
  { folder }: BackupFiles,
  { format, compression, files }: Manifest,
  { content, dryRun }: RestoreRequest,
): Manifest["files"] {
  const onlyBeginning = format === "custom" && content === "schema";
  if (folder !== undefined || dryRun || onlyBeginning) return files;
  const archive = archiveName(format, compression);
  return files.filter(({ path }) => path !== archive && !path.startsWith(`${archive}/`));
}

interface OwnDatabase {
  /** Removes it, if nothing is in it and nobody is connected to it. */
  discard(): Promise<void>;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: duplicate_database */
const exists = "42P04";

/** Creates the database that the request names, with the encoding and the locale of the backup's; undefined if it exists. */
async function makeDatabase(
  docker: Docker,
  container: Inspection,
  request: RestoreRequest,
  { source }: Manifest,
  applicationName: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<OwnDatabase | undefined> {
  const { database, user } = request;
  const connect = (maintenance: string) =>
    connectServer(docker, container, { user, database: maintenance }, applicationName, signal);
  const { session, target } = await connect("postgres").catch(() => connect("template1"));
  try {
    const isThere = await session.rows(
      `SELECT datname AS name FROM pg_database WHERE datname = ${escapeLiteral(database)}`,
      z.object({ name: z.string() }),
    );
    if (isThere.length > 0) return undefined;
    await checkWritable(session);
    await createDatabase(session, database, source);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    if (error.sqlState === exists) return undefined;
    throw new Failure(
      "requirement-missing",
      `Database "${database}" cannot be created with the encoding ${source.encoding} and the locale ${source.locale ?? source.lcCollate}, ` +
        `which that of the backup had. ${error.message}. Create it yourself, and restore without --create-database.`,
    );
  } finally {
    await session.close();
  }
  progress.note(`Database "${database}" is created.`);
  return { discard: () => discard(target, database, progress) };
}

async function discard(target: ExecTarget, database: string, progress: Progress): Promise<void> {
  const timeout = AbortSignal.timeout(cleanUpMilliseconds);
  try {
    const objects = await inSession(inDatabase(target, database), timeout, countObjects);
    if (objects > 0) throw new Failure("server-error", `It has ${objects} objects.`);
    await inSession(target, timeout, (session: Session) =>
      session.run(`DROP DATABASE ${escapeIdentifier(database)}`),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.note(`warning: Database "${database}", which this restore created, is left there. ${why}`);
  }
}

const setting = ({ by }: NonNullable<RestoreRequest["once"]>) => `postgis_backup.restored_${by}`;

/**
 * A restore that a stack declares runs once in a database, even if the stack was destroyed in between and its volume kept: by
 * then the tables are the user's. A setting of the database remembers it. Somebody who forges the setting only keeps rows from
 * being overwritten. Returns the tables of the backup that exist, if the same declaration restored them before; none if the restore may run.
 */
export async function restoredBefore(
  { request, manifest }: RequestedBackup,
  session: Session,
  { progress, notes }: Pick<Caller, "progress" | "notes">,
): Promise<Manifest["tables"]> {
  if (!(await remembersRestore(request, session))) return [];
  const existing = await findExisting(
    session,
    manifest.tables.map((table) => finalPlace(request, table)),
  );
  const places = new Set(existing.map((place) => sqlName(place)));
  const there = manifest.tables.filter((table) => places.has(sqlName(finalPlace(request, table))));
  if (there.length > 0) noteRestoredBefore("These tables were", { progress, notes });
  return there;
}

export function noteRestoredBefore(
  what: "These tables were" | "This database was",
  { progress, notes }: Pick<Caller, "progress" | "notes">,
): void {
  const [are, them] = what.endsWith("were") ? ["are left as they are", "them"] : ["is left as it is", "it"];
  const note = `${what} restored by the same declaration before, and ${are}. To restore ${them} again, change its triggers.`;
  notes.push(note);
  progress.note(note);
}

/** Whether the database of the session says that the same declaration has restored the same into it. */
export async function remembersRestore(
  { once }: Pick<RestoreRequest, "once">,
  session: Session,
): Promise<boolean> {
  if (once === undefined) return false;
  const [found] = await session.rows(
    `SELECT split_part(value, '=', 2) AS what FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS value
     WHERE d.datname = current_database() AND s.setrole = 0 AND split_part(value, '=', 1) = ${escapeLiteral(setting(once))}`,
    z.object({ what: z.string() }),
  );
  return found?.what === once.what;
}

/** Call it once the tables are published. */
export async function rememberRestored(
  request: RestoreRequest,
  session: Session,
  notes: string[],
): Promise<void> {
  if (request.once === undefined) return;
  const database = escapeIdentifier(request.database);
  try {
    await session.run(
      `ALTER DATABASE ${database} SET ${setting(request.once)} = ${escapeLiteral(request.once.what)}`,
    );
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    notes.push(
      `The database could not remember that it was restored into, and a stack that is taken down and set up again restores again. ${error.message}`,
    );
  }
}

/** Whether every table of the backup exists and is to be left as it is. */
export async function allExist({ request, manifest }: RequestedBackup, session: Session): Promise<boolean> {
  if (request.ifExists !== "skip" || request.tables !== undefined || request.excludeTables.length > 0)
    return false;
  const places = manifest.tables.map((table) => finalPlace(request, table));
  return (await findExisting(session, places)).length === places.length;
}
