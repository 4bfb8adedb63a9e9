/**
 * Loads the rows into the tables of the target, then makes indexes, foreign keys and everything else that comes after rows; and
 * compares what was loaded with what was backed up.
 */
import { z } from "zod";
import { callerIds, runTied } from "../docker/exec";
import { type RecordedTable, compareRestored } from "../verify";
import { sqlName } from "../postgres/session/names";
import { tableKey } from "../postgres/archive/script";
import { endedWith, errorLines } from "../postgres/session/server";
import { withOnly } from "../postgres/archive/toc";
import { whileLoading } from "./loaded-bytes";
import { type LinkedArchive, linkRows, loadShared, sharedTables } from "./linked-rows";
import { type Reader, rowsEntries } from "./reader";
import type { ScratchDump } from "./scratch";
import type { StagedTable } from "./staging";
import { rowsInto, feedPsql, restoreFailure } from "./statements";
import { isEmpty, type WantedEntries } from "./wanted";
import { groupBySize, together } from "../lib/concurrency";
import type { RestoreRun } from "./begin";
import { whyNotComparable } from "../postgres/catalog/fingerprint";

export async function load(
  run: RestoreRun,
  reader: Reader,
  dump: ScratchDump,
  wanted: WantedEntries,
  tables: readonly StagedTable[],
): Promise<void> {
  if (run.request.content === "schema") {
    await restoreEntries(run, dump, wanted.postData);
    return;
  }
  const filled = tables.filter(({ recorded }) => recorded.kind === "table");
  await whileLoading(run, filled, () => loadFilled(run, reader, dump, wanted, tables, filled));
}

async function loadFilled(
  run: RestoreRun,
  reader: Reader,
  dump: ScratchDump,
  wanted: WantedEntries,
  tables: readonly StagedTable[],
  filled: readonly StagedTable[],
): Promise<void> {
  const linkable = reader.inTarget !== undefined && !filled.some(({ inherits }) => inherits);
  const linked = linkable ? await linkRows(run, reader.entries, dump, filled) : undefined;
  if (linked !== undefined) {
    await loadLinked(run, linked, wanted, filled, dump.searchPath);
    return;
  }
  await streamRows(run, reader, { filled, partitioned: placesOf(tables, "partitioned") }, dump.searchPath);
  await restoreEntries(run, dump, [...wanted.sequenceValues, ...wanted.postData]);
}

/** Restores entries of the archive that has no rows. */
async function restoreEntries(
  run: Pick<RestoreRun, "request" | "target" | "session" | "jobs" | "signal">,
  dump: ScratchDump,
  ids: readonly number[],
): Promise<void> {
  if (isEmpty(ids, dump.entries)) return;
  await runPgRestore(run, { path: "/dev/stdin", input: withOnly(dump.archive, ids) });
}

async function loadLinked(
  run: RestoreRun,
  linked: LinkedArchive,
  { rows, sequenceValues, postData }: WantedEntries,
  tables: readonly StagedTable[],
  searchPath: string,
): Promise<void> {
  const shared = await sharedTables(run, linked, tables);
  const restoreList = async (name: string, ids: readonly number[]) => {
    await runPgRestore(run, { path: linked.path, list: await linked.list(name, ids) });
  };
  if (shared.length === 0) {
    await restoreList("all", [...new Set([...rows, ...sequenceValues, ...postData])]);
    return;
  }
  run.progress.note(
    `Loaded by ${run.jobs} workers together: ${shared.map(({ place }) => sqlName(place)).join(", ")}.`,
  );
  const others = new Set(shared.map((table) => linked.entries.get(table)));
  await restoreList(
    "rows",
    [...new Set([...rows, ...sequenceValues])].filter((id) => !others.has(id)),
  );
  await loadShared(run, linked, shared, searchPath);
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
  run: Pick<RestoreRun, "request" | "target" | "session" | "jobs" | "signal">,
  { path, list, input }: Restored,
): Promise<void> {
  const { target, request, session, jobs, signal } = run;
  const database = request.database.replaceAll(/['\\]/g, "\\$&");
  const command = [
    ...["pg_restore", "--no-password", "--exit-on-error", `--jobs=${jobs}`],
    ...(list === undefined ? [] : [`--use-list=${list}`]),
    ...[`--dbname=dbname='${database}'`, path],
  ];
  const settings = await session.row(settingsQuery, z.object({ options: z.string() }));
  const env = { ...target.env, PGOPTIONS: `${target.env["PGOPTIONS"] ?? ""} ${settings.options}` };
  const { failed, stderr, exitCode } = await runTied({ ...target, env }, command, signal, {
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
  run: Pick<RestoreRun, "target" | "jobs" | "signal">,
  reader: Reader,
  tables: { readonly filled: readonly StagedTable[]; readonly partitioned: ReadonlyMap<string, string> },
  searchPath: string,
): Promise<void> {
  const { filled, partitioned } = tables;
  if (filled.length === 0) return;
  const loadThese = async (these: readonly StagedTable[], signal: AbortSignal) => {
    const entries = rowsEntries(
      reader.entries,
      these.map(({ recorded }) => recorded),
    );
    const script = rowsInto(
      reader.script(entries, signal),
      placesOf(these, "table"),
      searchPath,
      partitioned,
    );
    await feedPsql(run.target, "rows", script, signal);
  };
  if (reader.sequential) {
    await loadThese(filled, run.signal);
    return;
  }
  // One process reads the rows of several small tables, because it takes longer to start than they take to load.
  const waiting = groupBySize(filled, ({ recorded }) => recorded.bytes);
  const work = async (signal: AbortSignal) => {
    for (let group = waiting.pop(); group !== undefined && !signal.aborted; group = waiting.pop())
      await loadThese(group, signal);
  };
  try {
    await together(
      run.signal,
      Array.from({ length: run.jobs }, () => work),
    );
  } finally {
    run.signal.throwIfAborted();
  }
}

/** The method of the manifest's fingerprints; undefined where the target cannot compute them. */
export function comparableMethod({ manifest, serverInfo }: Pick<RestoreRun, "manifest" | "serverInfo">) {
  const { fingerprintMethod, source } = manifest;
  return whyNotComparable(fingerprintMethod, source.encoding, serverInfo) === undefined
    ? fingerprintMethod
    : undefined;
}

/** Compares the tables where they were loaded, before they are published. */
export async function compareStaging(
  run: Pick<RestoreRun, "request" | "manifest" | "session" | "serverInfo" | "progress">,
  tables: readonly StagedTable[],
): Promise<void> {
  const { request, manifest, session, progress } = run;
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
  const comparison = { tables: compared, logicalForeignKeys, method: comparableMethod(run), validity: false };
  await compareRestored(session, comparison, progress);
}
