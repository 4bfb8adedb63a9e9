/** Brings definitions and rows into the staging schemas of the target. */
import path from "node:path";
import { spawnDocker, dockerFailure } from "../docker/docker";
import { execArguments, execTied } from "../docker/exec";
import { Failure } from "../failure";
import type { ContainerFile } from "../postgres/archive";
import { tableKey } from "../postgres/script";
import { errorLines } from "../postgres/server";
import { feedPsql, restoreFailure } from "./feed";
import { sqlName } from "./members";
import type { Reader } from "./reader";
import { callerIds, type RestoreRun } from "./run";
import { stagedArchive } from "./scratch";
import type { StagedTable } from "./staging";
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
  if (reader.inTarget !== undefined) {
    await linkRows(run, reader, reader.inTarget, filled);
    await runPgRestore(run, [`--jobs=${run.jobs}`]);
    return;
  }
  // The staged archive has no rows, but it has the values of the sequences.
  await runPgRestore(run, ["--section=pre-data", "--section=data"]);
  await streamRows(run, reader, filled);
  await runPgRestore(run, ["--section=post-data", `--jobs=${run.jobs}`]);
}

/** What the server does faster when it may, for these sessions only. */
const sessionSettings = "-c synchronous_commit=off -c maintenance_work_mem=256MB";

async function runPgRestore(run: RestoreRun, options: readonly string[]): Promise<void> {
  const { target, request, signal } = run;
  const database = request.database.replaceAll(/['\\]/g, "\\$&");
  const command = [
    ...["pg_restore", "--no-password", "--exit-on-error", "--no-tablespaces", ...options],
    ...[`--dbname=dbname='${database}'`, stagedArchive(run)],
  ];
  const env = { ...target.env, PGOPTIONS: sessionSettings };
  const process = execTied({ ...target, env }, command, signal, { user: callerIds(), reject: false });
  const { failed, stderr, shortMessage } = await process;
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || (shortMessage ?? "it ended early"));
}

const linkFiles = `cd "$1" || exit
shift
while [ $# -gt 0 ]; do
  rm -f -- "$1.dat" "$1.dat.gz" "$1.dat.zst" "$1.dat.lz4" && ln -s -- "$2" "$1.dat$3" || exit
  shift 3
done`;

/** Tables for each process: their files are arguments, whose total size the system limits. */
const batchSize = 200;

/** Puts the backup's own files in the place of the empty ones, so that one pg_restore does all of it in parallel. */
async function linkRows(
  run: RestoreRun,
  reader: Reader,
  archive: ContainerFile,
  tables: readonly StagedTable[],
): Promise<void> {
  const { target, manifest } = run;
  const staged = await listStaged(run);
  const suffixes = new Map(
    manifest.files.flatMap((file) => {
      const [, id, suffix] = /^archive\/(\d+)\.dat(\.\w+)?$/.exec(file.path) ?? [];
      return id === undefined ? [] : [[id, suffix ?? ""] as const];
    }),
  );
  const links = tables.map(({ stage, recorded, owner }) => {
    const to = idOf(rowsEntry(staged, stage, owner));
    const from = idOf(rowsEntry(reader.entries, recorded, recorded.owner));
    const suffix = suffixes.get(from) ?? "";
    return [to, path.posix.join(archive.path, `${from}.dat${suffix}`), suffix];
  });
  for (let start = 0; start < links.length; start += batchSize) {
    const batch = links.slice(start, start + batchSize).flat();
    const command = ["sh", "-c", linkFiles, "sh", stagedArchive(run), ...batch];
    try {
      await spawnDocker(target.docker, execArguments({ ...target, secretEnv: [] }, command, callerIds()), {});
    } catch (error) {
      throw dockerFailure(error);
    }
  }
}

async function listStaged(run: RestoreRun): Promise<string[]> {
  const { target, signal } = run;
  const command = ["pg_restore", "--list", stagedArchive(run)];
  const { failed, stdout, stderr } = await execTied(target, command, signal, {
    user: callerIds(),
    reject: false,
  });
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr));
  return stdout.split("\n");
}

const idOf = (entry: string): string => entry.split(";")[0] ?? "";

/** The entry of a table's rows. Tables of contents have names without quotes, each in one line. */
export function rowsEntry(
  entries: readonly string[],
  { schema, name }: { readonly schema: string; readonly name: string },
  owner: string,
): string {
  const text = ["TABLE DATA", schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ");
  const found = entries.filter((line) => line.replace(/^\d+; \d+ \d+ /, "") === text);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new Failure(
    "restore-failed",
    `The archive has ${found.length} entries for the rows of ${schema}.${name}, and there must be one.`,
  );
}

/** As many tables at once as there are jobs, or, from a script, one after another. */
async function streamRows(run: RestoreRun, reader: Reader, tables: readonly StagedTable[]): Promise<void> {
  const failed = new AbortController();
  const signal = AbortSignal.any([run.signal, failed.signal]);
  const load = async (these: readonly StagedTable[]) => {
    const entries =
      reader.entries.length === 0
        ? []
        : these.map(({ recorded }) => rowsEntry(reader.entries, recorded, recorded.owner));
    const { chunks, ended } = await reader.script(entries, signal);
    const places = new Map(
      these.map(({ recorded, stage }) => [tableKey(recorded.schema, recorded.name), sqlName(stage)]),
    );
    await feedPsql(run.target, "rows", rowsInto(chunks, places), signal);
    await ended;
  };
  if (reader.entries.length === 0) {
    await load(tables);
    return;
  }
  const waiting = tables.toSorted((one, other) => one.recorded.bytes - other.recorded.bytes);
  let first: unknown;
  const work = async () => {
    for (let table = waiting.pop(); table !== undefined && !signal.aborted; table = waiting.pop()) {
      try {
        await load([table]);
      } catch (error) {
        first ??= error;
        failed.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: run.jobs }, work));
  run.signal.throwIfAborted();
  if (first !== undefined) throw first as Error;
}
