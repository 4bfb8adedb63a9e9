/**
 * A database of the target server in which the definitions of a backup are run, and the server itself renames the tables. So no
 * SQL has to be parsed, and the target's own pg_dump writes definitions that fit the target.
 */
import { Readable } from "node:stream";
import * as z from "zod";
import { type ExecTarget, runTied } from "../docker/exec";
import { Failure, Failures } from "../lib/failure";
import { createDatabase, readLocale } from "../postgres/archive/restore";
import { holdsRows, type TocEntry, withSearchPath, readToc } from "../postgres/archive/toc";
import { giveSearchPath, noSearchPath } from "../postgres/catalog/unqualified";
import { escapeIdentifier } from "../postgres/session/escape";
import { oidList, literalList } from "../postgres/session/names";
import { inDatabase, withEnv, errorLines, endedWith } from "../postgres/session/server";
import { type Session, openSession, withoutJit } from "../postgres/session/session";
import { readChecked, recordedFile } from "../repository/checksums";
import { prepareFile, afterTablesFile } from "../repository/layout";
import type { Caller, RequestedBackup, Target } from "./begin";
import type { Staging } from "./staging";
import type { WantedObjects } from "./objects";
import type { Reader } from "./reader";
import {
  serverNames,
  definitionsOf,
  noteTablespaces,
  feedPsql,
  accessMethodMissing,
  restoreFailure,
} from "./statements";

/** A scratch database that has all definitions of the backup. */
export interface Scratch {
  readonly session: Session;
  /** Ids, as in a table of contents, of functions that got a search path, so that they can be called. */
  readonly unqualified: readonly string[];
}

/** Works in a scratch database, and then goes on with the result while the database is dropped. */
export async function withScratch<T, R>(
  target: Target,
  scripts: Scripts,
  signal: AbortSignal,
  work: (scratch: Scratch) => Promise<T>,
  afterwards: (found: T) => Promise<R>,
): Promise<R> {
  const { session, names } = target;
  await createDatabase(session, names.scratch, await readLocale(session));
  const inScratch = openSession(scratchTarget(target), signal);
  let found: T;
  try {
    await inScratch.run("SET client_min_messages = error");
    await inScratch.run(withoutJit);
    found = await work({ session: inScratch, unqualified: await define(target, scripts, inScratch, signal) });
  } catch (error) {
    await inScratch.close();
    if (!signal.aborted) await session.run(dropDatabase(names.scratch));
    throw error;
  }
  await inScratch.close();
  const dropped = dropAside(target, signal);
  try {
    return await afterwards(found);
  } finally {
    await dropped;
  }
}

const dropDatabase = (name: string) => `DROP DATABASE ${escapeIdentifier(name)}`;

/** Dropping takes long, because the server removes each file and waits for the disk. If this fails, the clean-up drops the database. */
async function dropAside(
  { exec, names }: Pick<Target, "exec" | "names">,
  signal: AbortSignal,
): Promise<void> {
  const session = openSession(exec, signal);
  try {
    await session.run(dropDatabase(names.scratch));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  } finally {
    await session.close();
  }
}

/** Nothing in it has to survive a crash of the server, so no statement waits for the disk. */
function scratchTarget({ exec, names }: Pick<Target, "exec" | "names">): ExecTarget {
  const scratch = inDatabase(exec, names.scratch);
  return withEnv(scratch, { PGOPTIONS: `${exec.env["PGOPTIONS"] ?? ""} -c synchronous_commit=off` });
}

export interface Scripts {
  readonly prepare: AsyncIterable<string>;
  readonly definitions: AsyncIterable<string>;
  /** Access methods of tables that the target lacks, so that the first script must bring them. */
  readonly accessMethods: ReadonlySet<string>;
}

/** Reads and checks all scripts to their end before any of them is run. */
export async function readScripts(
  { manifest, files }: RequestedBackup,
  session: Session,
  reader: Reader,
  { signal, notes }: Pick<Caller, "signal" | "notes">,
): Promise<Scripts> {
  const lacking = new Set<string>();
  const accessMethods = new Set<string>();
  const options = {
    known: await serverNames(session),
    onTablespace: (name: string) => lacking.add(name),
    onAccessMethod: (name: string) => accessMethods.add(name),
  };
  const read = (name: string) =>
    definitionsOf(readChecked(files, recordedFile(manifest, name)), {
      ...options,
      ...{ name, withoutKeys: [], settingsAnywhere: true },
    });
  const prepare = await whole(read(prepareFile));
  const archived = reader.script(
    reader.entries.filter((entry) => !holdsRows(entry)),
    signal,
  );
  const hasMore = manifest.files.some((file) => file.path === afterTablesFile);
  const definitions = await whole(
    definitionsOf(archived, {
      ...options,
      ...{ name: "The archive", withoutKeys: manifest.ignoredReferences },
      afterTables: hasMore ? () => read(afterTablesFile) : undefined,
    }),
  );
  noteTablespaces(notes, lacking);
  return { prepare, definitions, accessMethods };
}

/**
 * The same script, read to its end. A reader of a process in a container must keep up: two seconds after the process has ended,
 * the docker daemon drops what nobody has read.
 */
export async function whole(script: AsyncIterable<string>): Promise<AsyncIterable<string>> {
  const pieces: string[] = [];
  for await (const piece of script) pieces.push(piece);
  return Readable.from(pieces);
}

/** Runs the scripts; returns the functions that got a search path. Functions over rows exist once the tables do. */
async function define(
  target: Pick<Target, "exec" | "names">,
  scripts: Scripts,
  inScratch: Session,
  signal: AbortSignal,
) {
  const scratch = scratchTarget(target);
  await feedPsql(scratch, prepareFile, scripts.prepare, signal);
  const known = await serverNames(inScratch);
  Failures.throwIfAny(
    [...scripts.accessMethods].filter((name) => !known.accessMethods.has(name)).map(accessMethodMissing),
  );
  const first = await giveSearchPath(inScratch);
  await feedPsql(scratch, "definitions", scripts.definitions, signal);
  return [...first, ...(await giveSearchPath(inScratch))];
}

/** An archive for the target with all definitions of the scratch database. */
export interface ScratchDump {
  /** In the custom format, because pg_dump writes a directory with a file for each table, even if no table has rows. */
  readonly archive: Buffer;
  /** Its table of contents. */
  readonly entries: readonly TocEntry[];
  /** The statement that sets the search path of the sessions that load it into the target. */
  readonly searchPath: string;
  readonly wanted: WantedEntries;
}

export async function dumpScratch(
  target: Pick<Target, "exec" | "names">,
  inScratch: Session,
  { searchPath, wanted }: Pick<Staging, "searchPath" | "wanted">,
  signal: AbortSignal,
): Promise<ScratchDump> {
  const command = ["pg_dump", "--no-password", "--format=custom", "--compress=0"];
  const { failed, stdout, stderr, exitCode } = await runTied(scratchTarget(target), command, signal);
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_dump", errorLines(stderr) || endedWith(exitCode));
  const archive = searchPath === noSearchPath ? stdout : withSearchPath(stdout, `${searchPath};\n`);
  const { entries } = readToc(archive);
  return { archive, entries, searchPath, wanted: await wantedEntries(inScratch, entries, wanted) };
}

/** Ids of the entries, in the order of the archive. */
export interface WantedEntries {
  readonly preData: readonly number[];
  readonly rows: readonly number[];
  readonly sequenceValues: readonly number[];
  readonly postData: readonly number[];
  /** Privileges, which are granted last. */
  readonly rights: readonly number[];
}

const wantedQuery = ({ relations, objects, schemas, extensions }: WantedObjects) => `
WITH RECURSIVE wanted (class, object) AS (
  SELECT * FROM (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE oid IN (${oidList(relations)})
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname IN (${literalList(schemas)})
    UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension WHERE extname IN (${literalList(extensions)})
    UNION ALL SELECT split_part(id, ' ', 1)::oid, split_part(id, ' ', 2)::oid FROM unnest(ARRAY[${literalList(objects)}]::text[]) id WHERE id IS NOT NULL
  ) root
  UNION SELECT d.classid, d.objid FROM wanted JOIN pg_depend d ON d.refclassid = wanted.class AND d.refobjid = wanted.object
  WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
SELECT format('%s %s', class, object) AS id FROM wanted
UNION ALL SELECT format('0 %s', object) FROM wanted WHERE class = 'pg_class'::regclass`;

const always = ["ENCODING", "STDSTRINGS", "SEARCHPATH"];

async function wantedEntries(
  scratch: Session,
  entries: readonly TocEntry[],
  objects: WantedObjects,
): Promise<WantedEntries> {
  const found = await scratch.rows(wantedQuery(objects), z.object({ id: z.string() }));
  return sortEntries(entries, new Set(found.map(({ id }) => id)));
}

/** An entry that is no object of its own, such as a comment, goes with the entries that it needs, in their section. */
export function sortEntries(entries: readonly TocEntry[], objects: ReadonlySet<string>): WantedEntries {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const needsOf = ({ needs }: TocEntry) => needs.flatMap((id) => byId.get(id) ?? []);
  const known = new Map<number, boolean>();
  const isWanted = (entry: TocEntry): boolean => {
    const before = known.get(entry.id);
    if (before !== undefined) return before;
    const needs = needsOf(entry);
    const wanted =
      entry.object === "0 0" ? needs.length > 0 && needs.every(isWanted) : objects.has(entry.object);
    known.set(entry.id, wanted);
    return wanted;
  };
  const sectionOf = (entry: TocEntry): TocEntry["section"] => {
    const [first] = needsOf(entry);
    return entry.section === "none" && first !== undefined ? sectionOf(first) : entry.section;
  };
  const wanted = entries.filter((entry) => always.includes(entry.kind) || isWanted(entry));
  const ids = (condition: (entry: TocEntry) => boolean) =>
    wanted.filter((entry) => always.includes(entry.kind) || condition(entry)).map(({ id }) => id);
  const isRight = ({ kind }: TocEntry) => kind === "ACL";
  return {
    preData: ids((entry) => !isRight(entry) && ["none", "pre-data"].includes(sectionOf(entry))),
    rows: ids(({ kind }) => kind === "TABLE DATA"),
    sequenceValues: ids(({ kind }) => kind === "SEQUENCE SET"),
    postData: ids((entry) => !isRight(entry) && sectionOf(entry) === "post-data"),
    rights: ids(isRight),
  };
}

/** Whether a list has nothing but the entries that every script begins with. */
export const isEmpty = (list: readonly number[], entries: readonly TocEntry[]): boolean => {
  const beginning = new Set(entries.filter(({ kind }) => always.includes(kind)).map(({ id }) => id));
  return list.every((id) => beginning.has(id));
};
