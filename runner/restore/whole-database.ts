/**
 * Restores a whole database: beside the others of the server, under a name of its own, until all of it is there and compared. Then
 * it is renamed, and one that has its name already is kept under another.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { ExecTarget } from "../docker/exec";
import { Attempts, Failure, Failures } from "../lib/failure";
import { formatBytes, totalBytes } from "../lib/format";
import { setting } from "../lib/setting";
import { archiveName } from "../postgres/archive/compression";
import { createDatabase, restoreArchive, restoreRows, runScript } from "../postgres/archive/restore";
import type { TocEntry } from "../postgres/archive/toc";
import { safeScript } from "../postgres/archive/script-pieces";
import { countUsersObjects } from "../postgres/catalog/database-objects";
import { checkExtensions } from "../postgres/catalog/extensions";
import { whyNotComparable } from "../postgres/catalog/fingerprint";
import { functionNames, giveSearchPath, resetSearchPath } from "../postgres/catalog/unqualified";
import { currentRole } from "../postgres/session/current-role";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import type { Name } from "../postgres/session/names";
import { clientEncoding, inDatabase, majorVersion, withEnv } from "../postgres/session/server";
import { inSession, type Session, SqlError } from "../postgres/session/session";
import { readChecked, recordedFile } from "../repository/checksums";
import { databaseFile, globalsFile, prepareFile } from "../repository/layout";
import type { Manifest } from "../repository/manifest";
import { compareRestored, compareWhole, mismatch } from "../verify";
import {
  type Caller,
  type Found,
  lockTarget,
  noteRestoredBefore,
  rememberRestored,
  remembersRestore,
  type RequestedBackup,
  type Target,
} from "./begin";
import { checkFreeSpace, checkRoles } from "./check";
import { cleanUp, forgetRecord, makeMissingRoles, openRecord, recordRoles, restoreNames } from "./clean-up";
import { nameBefore } from "./publish";
import { openReader, type Reader } from "./reader";

/** What came of a restore. */
export interface Outcome {
  readonly tables: readonly { readonly place: Name; readonly rows: number }[];
  readonly restored: boolean;
  /** Schemas that hold the tables that were there before, or the database that was. */
  readonly swappedInto: string[];
}

/** Restores all of a backup of a whole database, or changes nothing. */
export async function restoreDatabase(found: Found, caller: Caller): Promise<Outcome> {
  const { backup } = found;
  refuseParts(backup);
  const target = await lockServer(found, caller);
  let outcome: Outcome | undefined;
  try {
    outcome = await restoreWhole(backup, target, caller);
    return outcome;
  } finally {
    await cleanUp(target, backup.files, outcome !== undefined, caller.progress);
  }
}

/** The session is in another database of the server: nobody can rename the one that a session is in. */
async function lockServer({ docker, backup, container }: Found, caller: Caller): Promise<Target> {
  const { request } = backup;
  const names = restoreNames(request.database);
  // Restores into other databases may go on at the same time.
  const own = { ...names, lock: `${names.lock} ${names.applicationName}` };
  const lockIn = (database: string) =>
    lockTarget(docker, container, own, { ...backup, request: { ...request, database } }, caller);
  if (request.database === "postgres") return lockIn("template1");
  return lockIn("postgres").catch((error: unknown) => {
    if (error instanceof Failure && error.code === "connection-refused") return lockIn("template1");
    throw error;
  });
}

async function restoreWhole(backup: RequestedBackup, target: Target, caller: Caller): Promise<Outcome> {
  const { request, manifest } = backup;
  const { progress, notes } = caller;
  const tables = manifest.tables.map((table) => ({ place: table, rows: table.rows }));
  const existing = await findExisting(backup, target, caller);
  if (existing === "left") return { tables, restored: false, swappedInto: [] };
  await check(backup, target, notes);
  if (request.dryRun) return { tables, restored: false, swappedInto: [] };
  progress.note(
    `Restoring the database, ${tables.length} tables, ${formatBytes(totalBytes(manifest.tables))} in the one they come from.`,
  );
  await makeDatabase(backup, target, caller);
  await load(backup, target, caller);
  progress.note("Comparing what was restored with what was backed up.");
  await compare(backup, target, caller);
  await giveSettings(backup, target, caller);
  const swappedInto = await publish(backup, target, existing, caller);
  await rememberRestored(request, target.session, notes);
  return { tables, restored: true, swappedInto };
}

/** Where the database is made. */
function inDatabaseOf({ exec, names }: Target, { source }: Pick<Manifest, "source">): ExecTarget {
  // The encoding of the database that the restore has connected to may be another.
  const encoding = { PGCLIENTENCODING: clientEncoding(source.encoding) };
  return withEnv(inDatabase(exec, names.scratch), encoding);
}

/** A whole database is restored whole. */
function refuseParts({ request }: RequestedBackup): void {
  const asked = [
    ...(request.tables === undefined ? [] : [setting("--table", "tables")]),
    ...(request.excludeTables.length === 0 ? [] : [setting("--exclude-table", "excludeTables")]),
    ...(Object.keys(request.schemas).length === 0 ? [] : [setting("--schema", "schemas")]),
    ...(request.content === "all" ? [] : [setting("--data-only or --schema-only", "content")]),
  ];
  if (asked.length === 0) return;
  throw new Failure(
    "usage",
    `The backup is of a whole database, which is restored whole: ${asked.join(", ")} cannot be used with it. ` +
      "Restore it under another name, and take from there what you need.",
  );
}

/** none: there is no such database; empty: nothing of the user's is in it; left: it is to be left as it is. */
type Existing = "none" | "empty" | "filled" | "left";

async function findExisting(
  backup: RequestedBackup,
  { exec, session }: Target,
  caller: Caller,
): Promise<Existing> {
  const { request, manifest } = backup;
  const { database, ifExists } = request;
  const found = await session.rows(
    `SELECT datname AS name FROM pg_database WHERE datname = ${escapeLiteral(database)}`,
    z.object({ name: z.string() }),
  );
  if (found.length === 0) {
    if (request.createDatabase) return "none";
    throw new Failure(
      "requirement-missing",
      `There is no database "${database}". Create it, or set ${setting("--create-database", "createDatabase: true")}.`,
    );
  }
  const { count, remembers } = await inSession(inDatabase(exec, database), caller.signal, async (own) => ({
    count: await countUsersObjects(own),
    remembers: await remembersRestore(request, own),
  }));
  if (count === 0) return "empty";
  if (remembers) {
    noteRestoredBefore("This database was", caller);
    return "left";
  }
  if (ifExists === "skip") return "left";
  if (ifExists !== "fail") return "filled";
  throw new Failure(
    "table-exists",
    `Database "${database}" is not empty: it has ${count} tables, views, functions and large objects. Restore backup ${manifest.id} under another ` +
      `name, or set ${setting("--if-exists swap", 'ifExists: "swap"')}, which keeps this database under another one, or replace, which drops it.`,
  );
}

/** Fails with all that would keep the database from being restored. */
async function check(backup: RequestedBackup, target: Target, notes: string[]): Promise<void> {
  const { manifest, request } = backup;
  const { session, serverInfo } = target;
  const attempts = new Attempts();
  const role = await currentRole(session);
  if (!role.createDatabase) {
    attempts.add(
      new Failure(
        "privilege-missing",
        `Role "${role.name}" may not create databases. Use another role, or give it: "ALTER ROLE ${escapeIdentifier(role.name)} CREATEDB".`,
      ),
    );
  }
  if (majorVersion(serverInfo.version) < majorVersion(manifest.source.serverVersion)) {
    attempts.add(
      new Failure(
        "requirement-missing",
        `The server is PostgreSQL ${serverInfo.version}, and the database comes from ${manifest.source.serverVersion}. A whole database cannot go to an ` +
          "older version. Restore it into a newer server, or back up its tables.",
      ),
    );
  }
  const needed = { extensions: manifest.requires.extensions, whole: true };
  await attempts.run(() => checkExtensions(needed, session, role.superuser, notes, attempts));
  if (request.missingRoles === "restore")
    attempts.runSync(() => {
      checkGlobals(manifest, role);
    });
  await attempts.run(() => checkRoles(backup, session, role.superuser, attempts));
  await attempts.run(() =>
    checkFreeSpace(
      target,
      manifest.tables.map((recorded) => ({ recorded })),
    ),
  );
  await attempts.run(() => checkConnections(request, session));
  attempts.end();
}

/** Fails unless the backup has roles, and the role may make all kinds of them. */
function checkGlobals(
  { wholeDatabase }: Manifest,
  role: { readonly name: string; readonly superuser: boolean },
): void {
  if (wholeDatabase?.globals === undefined)
    throw new Failure(
      "requirement-missing",
      `The backup does not have the roles of its server: it was taken without ${setting("--globals", "globals")}. Create those that are missing, or ` +
        `set ${setting("--missing-roles create", 'missingRoles: "create"')}.`,
    );
  if (!role.superuser)
    throw new Failure(
      "privilege-missing",
      `Role "${role.name}" is no superuser, and only one may make roles as they were. Restore as one.`,
    );
}

const Connected = z.object({ pid: z.int(), user: z.string().nullable(), application: z.string() });

/** Nobody may be connected to a database that is renamed. */
async function checkConnections({ database, connections }: RequestedBackup["request"], session: Session) {
  if (connections === "end") return;
  const found = await session.rows(
    `SELECT pid, usename AS user, application_name AS application FROM pg_stat_activity
     WHERE datname = ${escapeLiteral(database)} AND pid <> pg_backend_pid() AND application_name NOT LIKE 'postgis-backup%' ORDER BY pid LIMIT 10`,
    Connected,
  );
  if (found.length === 0) return;
  const who = found.map(
    ({ pid, user, application }) =>
      `process ${pid} (${[user ?? "", application].filter(Boolean).join(", ")})`,
  );
  throw new Failure(
    "database-in-use",
    `Database "${database}" cannot be renamed while somebody is connected to it: ${who.join(", ")}. Stop what uses it, or set ` +
      `${setting("--connections end", 'connections: "end"')}, which ends these sessions once the restored database is complete.`,
  );
}

/** Makes the new database, and the roles that it needs. */
async function makeDatabase(
  backup: RequestedBackup,
  target: Target,
  { signal }: Pick<Caller, "signal">,
): Promise<void> {
  const { request, manifest } = backup;
  const { session, names } = target;
  if (request.missingRoles !== "fail") await openRecord(session, names);
  if (request.missingRoles === "create") await makeMissingRoles(session, names, manifest.requires.roles);
  if (request.missingRoles === "restore") await restoreRoles(backup, target, signal);
  await createDatabase(session, names.scratch, manifest.source);
}

/** Its errors and the server's log would tell a password's hash with the statement that failed. */
const quietly = [
  "log_statement = 'none'",
  "log_min_duration_statement = -1",
  "log_min_error_statement = 'panic'",
  "log_error_verbosity = 'terse'",
]
  .map((one) => `SET ${one};\n`)
  .join("");

/** Makes the roles that the server lacks, and records them in the same transaction. */
async function restoreRoles(
  { manifest, files }: RequestedBackup,
  { exec, session, names }: Target,
  signal: AbortSignal,
): Promise<void> {
  const there = await session.rows("SELECT rolname AS name FROM pg_roles", z.object({ name: z.string() }));
  const script = async function* () {
    yield quietly;
    yield* safeScript(readChecked(files, recordedFile(manifest, globalsFile)), globalsFile);
    yield recordRoles(
      names,
      there.map(({ name }) => name),
    );
  };
  await runScript(exec, globalsFile, script(), signal, ["--set=VERBOSITY=terse"]);
}

/** Fills the new database. */
async function load(backup: RequestedBackup, target: Target, { signal }: Caller): Promise<void> {
  const { manifest } = backup;
  const exec = inDatabaseOf(target, manifest);
  const prepare = readChecked(backup.files, recordedFile(manifest, prepareFile));
  await runScript(exec, prepareFile, safeScript(prepare, prepareFile), signal);
  const reader = await openReader(backup, target, signal);
  const loadPart = partLoader(manifest, target, reader, signal);
  try {
    if (manifest.format === "plain") {
      await loadPart("all");
      return;
    }
    await loadPart("definitions");
    const unqualified = await inSession(exec, signal, giveSearchPath);
    await loadPart("rest");
    await inSession(exec, signal, async (own) => resetSearchPath(own, await functionNames(own, unqualified)));
  } finally {
    await reader.close();
  }
}

type Part = "all" | "definitions" | "rest";

/** By the target's own pg_restore where it sees the archive, otherwise by a script that another one writes. */
function partLoader(
  manifest: Manifest,
  target: Target,
  reader: Reader,
  signal: AbortSignal,
): (part: Part) => Promise<void> {
  const { format, compression } = manifest;
  const { inTarget } = reader;
  const exec = inDatabaseOf(target, manifest);
  if (inTarget !== undefined && format !== "plain") {
    return (part) => {
      const options = { format, database: target.names.scratch, jobs: target.jobs };
      if (part !== "definitions") return restoreRows(exec, inTarget, options, signal);
      return restoreArchive(exec, inTarget, { ...options, sections: ["pre-data"] }, signal);
    };
  }
  const archive = archiveName(format, compression);
  return (part) => {
    // Comments and privileges are in no section. They come after all that they are about.
    const isPart = ({ section }: TocEntry) =>
      part === "all" || (section === "pre-data") === (part === "definitions");
    const script = reader.script(reader.entries.filter(isPart), signal);
    return runScript(exec, archive, safeScript(script, archive), signal);
  };
}

/** Fails unless all rows and all objects are there. What only looks different is noted. */
async function compare(
  { manifest, files }: RequestedBackup,
  target: Target,
  { progress, signal, notes }: Caller,
) {
  const { fingerprintMethod, source } = manifest;
  const { serverInfo } = target;
  const why = whyNotComparable(fingerprintMethod, source.encoding, {
    ...serverInfo,
    encoding: source.encoding,
  });
  if (why !== undefined) notes.push(`Rows were counted, but their fingerprints not compared: ${why}.`);
  const sameVersion = majorVersion(serverInfo.version) === majorVersion(source.serverVersion);
  await inSession(inDatabaseOf(target, manifest), signal, async (session) => {
    const comparison = {
      tables: manifest.tables.map((recorded) => ({ recorded, at: recorded })),
      logicalForeignKeys: manifest.logicalForeignKeys,
      method: why === undefined ? fingerprintMethod : undefined,
      ...{ validity: false, sameVersion },
    };
    await compareRestored(session, comparison, progress);
    const { missing, changed } = await compareWhole(session, { manifest, files }, { sameVersion });
    Failures.throwIfAny(missing.map(mismatch));
    notes.push(...changed.slice(0, shown).map((one) => `Not as in the backup: ${one}.`));
    if (changed.length > shown) notes.push(`And ${changed.length - shown} more are not as in the backup.`);
    if (!sameVersion)
      notes.push(
        "Definitions were not compared, because another version of PostgreSQL writes them in other words; that all objects are there was.",
      );
  });
}

/** A result must stay short. */
const shown = 10;

/** Owner, settings and the like; the last ones may keep the database from being written to. */
function giveSettings(
  { manifest, files }: RequestedBackup,
  target: Target,
  { signal }: Caller,
): Promise<void> {
  const script = readChecked(files, recordedFile(manifest, databaseFile));
  return runScript(inDatabaseOf(target, manifest), databaseFile, safeScript(script, databaseFile), signal);
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: object_in_use */
const inUse = "55006";
const attemptsToRename = 20;
const pauseMilliseconds = 250;

/** Gives the new database its name. Returns the name of the database that had it, if that is kept. */
async function publish(
  { request, manifest }: RequestedBackup,
  { session, names }: Target,
  existing: Existing,
  { signal, progress }: Caller,
): Promise<string[]> {
  const { database, ifExists, connections } = request;
  const aside = nameBefore(database, manifest.id);
  const rename = (from: string, to: string) =>
    session.run(`ALTER DATABASE ${escapeIdentifier(from)} RENAME TO ${escapeIdentifier(to)}`);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    if (connections === "end")
      await session.run(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${escapeLiteral(database)} AND pid <> pg_backend_pid()`,
      );
    await session.run("BEGIN");
    try {
      if (existing !== "none") await rename(database, aside);
      await rename(names.scratch, database);
      if (request.missingRoles !== "fail") await forgetRecord(session, names);
      await session.run("COMMIT");
      break;
    } catch (error) {
      await session.run("ROLLBACK");
      const isBusy = error instanceof SqlError && error.sqlState === inUse;
      if (!isBusy) throw error;
      if (attempt >= attemptsToRename) {
        await checkConnections({ ...request, connections: "fail" }, session);
        throw error;
      }
      // A session that was ended, or our own that has just been closed, takes a moment.
      await sleep(pauseMilliseconds);
    }
  }
  if (existing === "none") return [];
  if (existing === "filled" && ifExists === "swap") return [aside];
  try {
    await session.run(`DROP DATABASE ${escapeIdentifier(aside)}`);
    return [];
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    progress.note(`warning: The database that was there before is left as "${aside}". ${error.message}`);
    return [aside];
  }
}
