/** Brings definitions and rows into the staging schemas of the target. */
import { z } from "zod";
import { callerIds, execTied } from "../docker/exec";
import { sqlName } from "../postgres/names";
import { tableKey } from "../postgres/script";
import { endedWith, errorLines } from "../postgres/server";
import { together } from "../together";
import { feedPsql, restoreFailure } from "./feed";
import { rowsEntries } from "./entries";
import { type LinkedArchive, linkRows } from "./linked-rows";
import type { Reader } from "./reader";
import type { RestoreRun } from "./run";
import { stagedArchive } from "./scratch";
import type { StagedTable } from "./staging";
import { loadShared, sharedTables } from "./shared-rows";
import { rowsInto } from "./statements";

export async function loadStaging(
  run: RestoreRun,
  reader: Reader,
  tables: readonly StagedTable[],
): Promise<void> {
  if (run.request.content === "schema") {
    await runPgRestore(run, ["--section=pre-data", "--section=post-data"]);
    return;
  }
  const filled = tables.filter(({ recorded }) => recorded.kind === "table");
  const linkable = reader.inTarget !== undefined && !filled.some(({ inherits }) => inherits);
  const linked = linkable ? await linkRows(run, reader.entries, filled) : undefined;
  if (linked !== undefined) {
    await loadLinked(run, linked, filled);
    return;
  }
  // The staged archive has no rows, but it has the values of the sequences.
  await runPgRestore(run, ["--section=pre-data", "--section=data"]);
  await streamRows(run, reader, filled);
  await runPgRestore(run, ["--section=post-data", `--jobs=${run.jobs}`]);
}

async function loadLinked(
  run: RestoreRun,
  linked: LinkedArchive,
  tables: readonly StagedTable[],
): Promise<void> {
  const jobs = `--jobs=${run.jobs}`;
  const shared = await sharedTables(run, linked, tables);
  if (shared.length === 0) {
    await runPgRestore(run, [jobs], linked.path);
    return;
  }
  const names = shared.map(({ place }) => sqlName(place));
  run.progress.note(`Loaded by ${run.jobs} workers together: ${names.join(", ")}.`);
  const list = `--use-list=${await linked.listWithout(shared)}`;
  await runPgRestore(run, ["--section=pre-data", "--section=data", list, jobs], linked.path);
  await loadShared(run, linked, shared);
  await runPgRestore(run, ["--section=post-data", jobs], linked.path);
}

/**
 * What the server does faster when it may, for the sessions of one command only. A WAL of smaller pages takes as long as
 * a fifth of an index build; only a superuser may choose.
 */
const settingsQuery = `
SELECT concat_ws(' ', '-c synchronous_commit=off',
  '-c maintenance_work_mem=' || greatest(pg_size_bytes(current_setting('maintenance_work_mem')) / 1024, 262144) || 'kB',
  CASE current_setting('is_superuser') WHEN 'on' THEN '-c wal_compression=off' END) AS options`;

async function runPgRestore(
  run: RestoreRun,
  options: readonly string[],
  archive = stagedArchive(run),
): Promise<void> {
  const { target, request, session, signal } = run;
  const database = request.database.replaceAll(/['\\]/g, "\\$&");
  const command = [
    ...["pg_restore", "--no-password", "--exit-on-error", "--no-tablespaces", ...options],
    ...[`--dbname=dbname='${database}'`, archive],
  ];
  const settings = await session.row(settingsQuery, z.object({ options: z.string() }));
  const env = { ...target.env, PGOPTIONS: `${target.env["PGOPTIONS"] ?? ""} ${settings.options}` };
  const process = execTied({ ...target, env }, command, signal, { user: callerIds(), reject: false });
  const { failed, stderr, exitCode } = await process;
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || endedWith(exitCode));
}

/** As many tables at once as there are jobs, or all of them one after another, if that is how they are read. */
async function streamRows(run: RestoreRun, reader: Reader, tables: readonly StagedTable[]): Promise<void> {
  const load = async (these: readonly StagedTable[], signal: AbortSignal) => {
    const entries = rowsEntries(
      reader.entries,
      these.map(({ recorded }) => recorded),
    );
    const places = new Map(
      these.map(({ recorded, stage }) => [tableKey(recorded.schema, recorded.name), sqlName(stage)]),
    );
    await feedPsql(run.target, "rows", rowsInto(reader.script(entries, signal), places), signal);
  };
  if (reader.sequential) {
    await load(tables, run.signal);
    return;
  }
  const waiting = tables.toSorted((one, other) => one.recorded.bytes - other.recorded.bytes);
  const work = async (signal: AbortSignal) => {
    for (let table = waiting.pop(); table !== undefined && !signal.aborted; table = waiting.pop())
      await load([table], signal);
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
