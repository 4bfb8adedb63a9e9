/**
 * Brings tables into the target: makes what comes before the rows (schemas, extensions, types, functions, tables), loads the rows,
 * makes indexes, foreign keys and everything else that comes after rows, and compares what was loaded with what was backed up.
 */
import { Readable } from "node:stream";
import * as z from "zod";
import { callerIds, execFilter, type ExecTarget, runTied } from "../docker/exec";
import { groupBySize, together } from "../lib/concurrency";
import { Failure } from "../lib/failure";
import { totalBytes } from "../lib/format";
import { tableKey } from "../postgres/archive/script";
import { safePieces, readPieces } from "../postgres/archive/script-pieces";
import { restriction } from "../postgres/archive/script-scanner";
import { withOnly } from "../postgres/archive/toc";
import { whyNotComparable } from "../postgres/catalog/fingerprint";
import { insertSrid } from "../postgres/catalog/prepare";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { sqlName } from "../postgres/session/names";
import { nobody } from "../postgres/session/restricted";
import { errorLines, endedWith, type ServerInfo } from "../postgres/session/server";
import { type Session, openSession } from "../postgres/session/session";
import type { CustomSrid } from "../request/contents";
import { type RecordedTable, compareRestored } from "../verify";
import type { Progress } from "../lib/progress";
import type { Manifest } from "../repository/manifest";
import type { Caller, RequestedBackup, Target } from "./begin";
import { postgisSchema, installedSrids } from "./check";
import { recordNew, type RestoreNames, recordSystem } from "./clean-up";
import { linkRows, type LinkedArchive, sharedTables, loadShared } from "./linked-rows";
import { asByDefault } from "./objects";
import { type Reader, rowsEntries } from "./reader";
import { type ScratchDump, whole, isEmpty } from "./scratch";
import type { StagedTable } from "./staging";
import { restoreFailure, feedPsql, rowsInto } from "./statements";

/** The script of some entries of the archive for the target. */
async function* scriptOf(
  exec: ExecTarget,
  archive: Buffer,
  ids: readonly number[],
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const part = withOnly(archive, ids);
  const input = { bytes: part.length, content: () => Readable.from([part]) };
  const own = { ...exec, secretEnv: [] };
  const { chunks, ended } = execFilter(own, ["pg_restore", "--file=-"], input, signal, { user: nobody });
  yield* chunks as AsyncIterable<Uint8Array>;
  const { failed, stderr, exitCode } = await ended;
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || endedWith(exitCode));
}

/** Entries in one transaction: few enough that its locks fit into the server's table of locks. */
const entriesAtOnce = 250;

export async function define(
  { exec, session, names }: Target,
  { archive, wanted }: ScratchDump,
  customSrids: readonly CustomSrid[],
  signal: AbortSignal,
): Promise<void> {
  const definitions = scriptOf(exec, archive, wanted.preData, signal);
  const script = inTransactions(definitions, recordNew(names), entriesAtOnce);
  await feedPsql(exec, "definitions", await whole(script), signal);
  const made = `SELECT class, object FROM ${escapeIdentifier(names.record)}.made`;
  await asByDefault(
    session,
    `(class, oid) IN (${made}) OR class = 'pg_class'::regclass AND oid IN (
       SELECT objid FROM pg_depend d JOIN (${made}) m ON m.class = d.refclassid AND m.object = d.refobjid
       WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i')`,
  );
  await makeSystems(session, names, customSrids);
}

const beginning = /^-- Name: .*; Type: .*; Schema: .*; Owner: /;

const end = "-- PostgreSQL database dump complete";

/** Puts the statements of so many entries into each transaction, with one more statement at its end. */
export async function* inTransactions(
  script: AsyncIterable<Uint8Array>,
  last: string,
  entries: number,
): AsyncGenerator<string, void> {
  let begun = 0;
  let complete = false;
  for await (const piece of safePieces(readPieces(script), "The script of the definitions")) {
    // feedPsql restricts psql already.
    if (piece.kind !== "line" || restriction.test(piece.text)) continue;
    if (piece.text === end) {
      complete = true;
      if (begun > 0) yield `${last}\nCOMMIT;\n`;
    }
    if (!complete && beginning.test(piece.text)) {
      if (begun === 0) yield "BEGIN;\n";
      else if (begun % entries === 0) yield `${last}\nCOMMIT;\nBEGIN;\n`;
      begun++;
    }
    yield `${piece.text}\n`;
  }
  if (!complete) throw new Failure("restore-failed", "The definitions for the target are cut off.");
}

/** Adds the spatial reference systems that PostGIS does not bring. */
async function makeSystems(
  session: Session,
  names: RestoreNames,
  customSrids: readonly CustomSrid[],
): Promise<void> {
  if (customSrids.length === 0) return;
  const postgis = await postgisSchema(session);
  if (postgis === undefined) return;
  const there = new Set((await installedSrids(session, customSrids)).map(({ srid }) => srid));
  for (const system of customSrids.filter(({ srid }) => !there.has(srid))) {
    await session.run("BEGIN");
    await session.run(recordSystem(names, system.srid, system.srtext));
    await session.run(insertSrid(system, postgis).replace(/;$/, ""));
    await session.run("COMMIT");
  }
}

/** Grants come last, so that until then only the owner sees tables that are not complete. */
export async function giveRights(
  exec: ExecTarget,
  { archive, entries, wanted }: ScratchDump,
  signal: AbortSignal,
): Promise<void> {
  if (isEmpty(wanted.rights, entries)) return;
  const grants = scriptOf(exec, archive, wanted.rights, signal);
  const script = inTransactions(grants, "", Number.POSITIVE_INFINITY);
  await feedPsql(exec, "privileges", await whole(script), signal);
}

/** What is loaded. */
interface Loaded {
  /** Has the rows. */
  readonly reader: Reader;
  /** Has everything else. */
  readonly dump: ScratchDump;
  readonly tables: readonly StagedTable[];
}

export async function load(
  backup: RequestedBackup,
  target: Target,
  loaded: Loaded,
  caller: Caller,
): Promise<void> {
  const { dump, tables } = loaded;
  if (backup.request.content === "schema") {
    await restoreEntries(target, dump, dump.wanted.postData, caller.signal);
    return;
  }
  const filled = tables.filter(({ recorded }) => recorded.kind === "table");
  await whileLoading(target.exec, filled, caller, () => loadFilled(backup, target, loaded, filled, caller));
}

async function loadFilled(
  backup: RequestedBackup,
  target: Target,
  { reader, dump, tables }: Loaded,
  filled: readonly StagedTable[],
  caller: Caller,
): Promise<void> {
  const linkable = reader.inTarget !== undefined && !filled.some(({ inherits }) => inherits);
  const linked = linkable ? await linkRows(backup, target, reader.entries, dump, filled) : undefined;
  if (linked !== undefined) {
    const shared = await sharedTables(target, linked, filled, backup.request.splitTablesFrom);
    await loadLinked(target, linked, dump, shared, caller);
    return;
  }
  const { signal } = caller;
  const partitioned = placesOf(tables, "partitioned");
  await streamRows(target, reader, { filled, partitioned }, dump.searchPath, signal);
  await restoreEntries(target, dump, [...dump.wanted.sequenceValues, ...dump.wanted.postData], signal);
}

/**
 * Meanwhile, tells the size of the tables by now, of that which they had in their source. The session that asks is opened only if the
 * work takes longer than a moment.
 */
async function whileLoading(
  exec: ExecTarget,
  tables: readonly StagedTable[],
  { progress, signal }: Pick<Caller, "progress" | "signal">,
  work: () => Promise<void>,
): Promise<void> {
  const names = tables.map(({ stage }) => escapeLiteral(sqlName(stage))).join(", ");
  const query = `SELECT coalesce(sum(pg_table_size(to_regclass(name))), 0)::float8 AS bytes FROM unnest(ARRAY[${names}]::text[]) name`;
  let session: Session | undefined;
  let last = 0;
  const measure = async () => {
    try {
      if (session === undefined) {
        session = openSession(exec, signal);
        // A table whose index is being made is locked, and this must not wait for it.
        await session.run("SET lock_timeout = '500ms'");
      }
      last = (await session.row(query, z.object({ bytes: z.number() }))).bytes;
    } catch {
      // The restore needs no size, and a session that is gone is reported by those that it needs.
    }
    return last;
  };
  const stop = progress.follow(
    () => "rows and indexes",
    measure,
    totalBytes(tables.map(({ recorded }) => recorded)),
  );
  try {
    await work();
  } finally {
    stop();
    await session?.close();
  }
}

/** Restores entries of the archive that has no rows. */
async function restoreEntries(
  target: Target,
  dump: ScratchDump,
  ids: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  if (isEmpty(ids, dump.entries)) return;
  await runPgRestore(target, { path: "/dev/stdin", input: withOnly(dump.archive, ids) }, signal);
}

/** The shared tables are loaded by several sessions together. */
async function loadLinked(
  target: Target,
  linked: LinkedArchive,
  { wanted, searchPath }: ScratchDump,
  shared: readonly StagedTable[],
  { progress, signal }: Pick<Caller, "progress" | "signal">,
): Promise<void> {
  const { rows, sequenceValues, postData } = wanted;
  const restoreList = async (name: string, ids: readonly number[]) => {
    await runPgRestore(target, { path: linked.path, list: await linked.list(name, ids) }, signal);
  };
  if (shared.length === 0) {
    await restoreList("all", [...new Set([...rows, ...sequenceValues, ...postData])]);
    return;
  }
  progress.note(
    `Loaded by ${target.jobs} workers together: ${shared.map(({ place }) => sqlName(place)).join(", ")}.`,
  );
  const others = new Set(shared.map((table) => linked.entries.get(table)));
  await restoreList(
    "rows",
    [...new Set([...rows, ...sequenceValues])].filter((id) => !others.has(id)),
  );
  await loadShared(target, linked, shared, searchPath, signal);
  await restoreList("post-data", postData);
}

/**
 * Settings that make the sessions of one pg_restore faster. Compressing the WAL takes a fifth of the time of an index build;
 * only a superuser may turn that off.
 */
const settingsQuery = `
SELECT concat_ws(' ', '-c synchronous_commit=off',
  '-c maintenance_work_mem=' || greatest(pg_size_bytes(current_setting('maintenance_work_mem')) / 1024, 262144) || 'kB',
  CASE current_setting('is_superuser') WHEN 'on' THEN '-c wal_compression=off' END) AS options`;

interface Restored {
  readonly path: string;
  /** The file with the list of the entries that are restored. Unset: all are. */
  readonly list?: string;
  readonly input?: Uint8Array;
}

async function runPgRestore(
  { exec, session, names, jobs }: Target,
  { path, list, input }: Restored,
  signal: AbortSignal,
): Promise<void> {
  const database = names.database.replaceAll(/['\\]/g, "\\$&");
  const command = [
    ...["pg_restore", "--no-password", "--exit-on-error", `--jobs=${jobs}`],
    ...(list === undefined ? [] : [`--use-list=${list}`]),
    ...[`--dbname=dbname='${database}'`, path],
  ];
  const settings = await session.row(settingsQuery, z.object({ options: z.string() }));
  const env = { ...exec.env, PGOPTIONS: `${exec.env["PGOPTIONS"] ?? ""} ${settings.options}` };
  const { failed, stderr, exitCode } = await runTied({ ...exec, env }, command, signal, {
    user: callerIds(),
    ...(input === undefined ? {} : { input }),
  });
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || endedWith(exitCode));
}

const placesOf = (tables: readonly StagedTable[], kind: RecordedTable["kind"]) =>
  new Map(
    tables
      .filter(({ recorded }) => recorded.kind === kind)
      .map(({ recorded, stage }) => [tableKey(recorded.schema, recorded.name), sqlName(stage)]),
  );

/** Loads as many groups of tables at once as there are jobs; one after another if the archive is read sequentially. */
async function streamRows(
  { exec, jobs }: Pick<Target, "exec" | "jobs">,
  reader: Reader,
  tables: { readonly filled: readonly StagedTable[]; readonly partitioned: ReadonlyMap<string, string> },
  searchPath: string,
  signal: AbortSignal,
): Promise<void> {
  const { filled, partitioned } = tables;
  if (filled.length === 0) return;
  const loadThese = async (these: readonly StagedTable[], either: AbortSignal) => {
    const entries = rowsEntries(
      reader.entries,
      these.map(({ recorded }) => recorded),
    );
    const script = rowsInto(
      reader.script(entries, either),
      placesOf(these, "table"),
      searchPath,
      partitioned,
    );
    await feedPsql(exec, "rows", script, either);
  };
  if (reader.sequential) {
    await loadThese(filled, signal);
    return;
  }
  // One process reads the rows of several small tables, because it takes longer to start than they take to load.
  const waiting = groupBySize(filled, ({ recorded }) => recorded.bytes);
  const work = async (either: AbortSignal) => {
    for (let group = waiting.pop(); group !== undefined && !either.aborted; group = waiting.pop())
      await loadThese(group, either);
  };
  try {
    await together(
      signal,
      Array.from({ length: jobs }, () => work),
    );
  } finally {
    signal.throwIfAborted();
  }
}

/** The method of the manifest's fingerprints; undefined where the target cannot compute them. */
export function comparableMethod({ fingerprintMethod, source }: Manifest, serverInfo: ServerInfo) {
  return whyNotComparable(fingerprintMethod, source.encoding, serverInfo) === undefined
    ? fingerprintMethod
    : undefined;
}

/** Compares the tables where they were loaded, before they are published. */
export async function compareStaging(
  { request, manifest }: RequestedBackup,
  { session, serverInfo }: Pick<Target, "session" | "serverInfo">,
  tables: readonly StagedTable[],
  progress: Progress,
): Promise<void> {
  const empty = request.content === "schema";
  // If the server crashes now, the restore has to start again anyway.
  await session.run("SET synchronous_commit = off");
  await session.run(`ANALYZE ${tables.map(({ stage }) => sqlName(stage)).join(", ")}`);
  await session.run("RESET synchronous_commit");
  const compared = tables.map(({ recorded, stage, place, definitions }) => ({
    ...{ recorded, at: stage, place },
    expected: { ...recorded, ...(empty ? { rows: 0, fingerprint: "0" } : {}), ...definitions },
  }));
  const logicalForeignKeys = empty ? [] : manifest.logicalForeignKeys;
  const method = comparableMethod(manifest, serverInfo);
  const comparison = { tables: compared, logicalForeignKeys, method, validity: false };
  await compareRestored(session, comparison, progress);
}
