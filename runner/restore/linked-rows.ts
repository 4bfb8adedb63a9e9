/**
 * An archive that joins the definitions for the target with the backup's own data files, as hard links in a folder beside the
 * backup. So one pg_restore loads everything in parallel, and no row is copied.
 */
import { createHash } from "node:crypto";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { pathInContainer } from "../docker/container";
import { sqlName } from "../postgres/session/names";
import type { ScratchDump } from "./scratch";
import type { StagedTable } from "./staging";
import type { RequestedBackup, Target } from "./begin";
import type { BackupFiles } from "../repository/files";
import type { RestoreRequest } from "../request";
import { rowsFinder } from "./reader";
import { asDirectory, type TocEntry } from "../postgres/archive/toc";
import { decompressorOf, archiveName } from "../postgres/archive/compression";
import { execArguments, callerIds, shell } from "../docker/exec";
import { openCopySession } from "../postgres/archive/copy-session";
import { loadSettings, restoreFailure } from "./statements";
import { Failure } from "../lib/failure";
import { together } from "../lib/concurrency";
import { spawnDocker } from "../docker/docker";
import canShareRows from "./can-share-rows.sh";
import shareRows from "./share-rows.sh";
import path from "node:path";

/** The folder of the links on this machine. A target database has one, because it has one restore at a time. */
export function linkFolder(
  files: BackupFiles,
  { container, names }: Pick<Target, "container" | "names">,
): string | undefined {
  if (files.folder === undefined) return undefined;
  const key = createHash("sha256")
    .update(JSON.stringify([container.Id, names.database]))
    .digest("hex");
  return path.join(path.dirname(files.folder), `.restore-${key.slice(0, 8)}`);
}

export interface LinkedArchive {
  /** In the container. */
  readonly path: string;
  /** Names of the files that hold the rows of each table. */
  readonly files: ReadonlyMap<StagedTable, string>;
  /** Ids of the entries of each table's rows. */
  readonly entries: ReadonlyMap<StagedTable, number>;
  /** Writes a list of entries for pg_restore; its path in the container. */
  list(name: string, ids: readonly number[]): Promise<string>;
}

/** The archive; undefined if links cannot be made, or the container does not see them. */
export async function linkRows(
  { manifest, files }: RequestedBackup,
  target: Target,
  entries: readonly TocEntry[],
  dump: ScratchDump,
  tables: readonly StagedTable[],
): Promise<LinkedArchive | undefined> {
  const linked = linkFolder(files, target);
  const inContainer = linked && pathInContainer(target.container, linked, "read");
  if (linked === undefined || inContainer === undefined) return undefined;
  const suffixes = new Map(
    manifest.files.flatMap((file) => {
      const [, id, suffix] = /^archive\/(\d+)\.dat(\.\w+)?$/.exec(file.path) ?? [];
      return id === undefined ? [] : [[id, suffix ?? ""] as const];
    }),
  );
  const findSource = rowsFinder(entries);
  const ids = new Map(
    dump.entries
      .filter(({ kind }) => kind === "TABLE DATA")
      .map((entry) => [sqlName(entry), entry.id] as const),
  );
  const rows = tables.map((table) => {
    const { id: from } = findSource(table.recorded);
    const id = ids.get(sqlName(table.stage));
    if (id === undefined) throw new Error(`pg_dump left out the rows of ${sqlName(table.stage)}`);
    const suffix = suffixes.get(String(from)) ?? "";
    return { table, id, from: `${from}.dat${suffix}`, to: `${id}.dat${suffix}` };
  });
  const archive = path.join(files.folder ?? "", archiveName("directory", manifest.compression));
  try {
    await mkdir(linked, { mode: 0o700 });
    await writeFile(path.join(linked, "toc.dat"), asDirectory(dump.archive), { mode: 0o600 });
    for (const { from, to } of rows) await link(path.join(archive, from), path.join(linked, to));
    return {
      path: inContainer,
      files: new Map(rows.map(({ table, to }) => [table, to])),
      entries: new Map(rows.map(({ table, id }) => [table, id])),
      list: async (name, wanted) => {
        await writeFile(path.join(linked, name), wanted.map((id) => `${id};\n`).join(""), { mode: 0o600 });
        return path.posix.join(inContainer, name);
      },
    };
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    await removeLinks(linked);
    return undefined;
  }
}

export async function removeLinks(linked: string | undefined): Promise<void> {
  if (linked !== undefined) await rm(linked, { recursive: true, force: true });
}

/**
 * Large tables whose rows several sessions load together: `pg_restore` loads each table in one session. None if the container
 * lacks the programs that deal out the rows.
 */
export async function sharedTables(
  { exec, jobs }: Pick<Target, "exec" | "jobs">,
  { files }: LinkedArchive,
  tables: readonly StagedTable[],
  from: RestoreRequest["splitTablesFrom"],
): Promise<StagedTable[]> {
  if (from === 0 || jobs < 2) return [];
  // psql's \copy is one line.
  const large = tables.filter(
    ({ recorded, stage, pooled }) => recorded.bytes >= from && !pooled && !/[\r\n]/.test(sqlName(stage)),
  );
  const programs = new Set(large.map((table) => decompressorOf(files.get(table) ?? "")[0] ?? ""));
  for (const program of programs) {
    const probe = execArguments(exec, shell(canShareRows, program));
    const { failed } = await spawnDocker(exec.docker, probe, { reject: false });
    if (failed) return [];
  }
  return large;
}

/** Of n sessions, each reads the whole file and takes every nth row. So they share no process that could fail. */
export async function loadShared(
  { exec, jobs }: Pick<Target, "exec" | "jobs">,
  { path, files }: LinkedArchive,
  tables: readonly StagedTable[],
  searchPath: string,
  signal: AbortSignal,
): Promise<void> {
  const load = (index: number) => async (either: AbortSignal) => {
    const options = { script: shareRows, folder: path, user: callerIds() };
    const session = openCopySession(exec, options, either);
    try {
      for (const setting of loadSettings(searchPath)) await session.run(setting);
      for (const table of tables) {
        const file = files.get(table) ?? "";
        const share = `${index + 1}/${jobs}`;
        await session.copy(sqlName(table.stage), "from", [file, share, ...decompressorOf(file)]);
      }
    } catch (error) {
      throw error instanceof Failure ? restoreFailure("rows", error.message) : error;
    } finally {
      await session.close();
    }
  };
  const sessions = Array.from({ length: jobs }, (_, index) => load(index));
  await together(signal, sessions);
  signal.throwIfAborted();
}
