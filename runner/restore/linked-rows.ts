/**
 * An archive that has the definitions of the staging schemas and the backup's own files of rows: hard links in a folder
 * beside the backup, so that one pg_restore does all of it in parallel, and no row is copied.
 */
import { createHash } from "node:crypto";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathInContainer } from "../docker/container";
import { dockerFailure, spawnDocker } from "../docker/docker";
import { callerIds, execArguments, execTied } from "../docker/exec";
import { errorLines } from "../postgres/server";
import { archiveName } from "../restore-command";
import { idOf, rowsEntry } from "./entries";
import { restoreFailure } from "./feed";
import type { RestoreRun } from "./run";
import { stagedArchive } from "./scratch";
import type { StagedTable } from "./staging";

const listFile = "list";

/** On this machine, beside the backup's folder; of one restore at a time. */
export function linkFolder({ files, container, request }: RestoreRun): string | undefined {
  if (files.folder === undefined) return undefined;
  const key = createHash("sha256")
    .update(JSON.stringify([container.Id, request.database]))
    .digest("hex");
  return path.join(path.dirname(files.folder), `.restore-${key.slice(0, 8)}`);
}

export interface LinkedArchive {
  /** In the container. */
  readonly path: string;
  /** Names of the files that hold the rows of each table. */
  readonly files: ReadonlyMap<StagedTable, string>;
  /** Path, in the container, of a list of all entries but those of these tables' rows. */
  listWithout(tables: readonly StagedTable[]): Promise<string>;
}

/** The archive; undefined where links cannot be made, or the container does not see them. */
export async function linkRows(
  run: RestoreRun,
  entries: readonly string[],
  tables: readonly StagedTable[],
): Promise<LinkedArchive | undefined> {
  const linked = linkFolder(run);
  const inContainer = linked && pathInContainer(run.container, linked, "read");
  if (linked === undefined || inContainer === undefined) return undefined;
  const staged = await listStaged(run);
  const contents = await readContents(run);
  const suffixes = new Map(
    run.manifest.files.flatMap((file) => {
      const [, id, suffix] = /^archive\/(\d+)\.dat(\.\w+)?$/.exec(file.path) ?? [];
      return id === undefined ? [] : [[id, suffix ?? ""] as const];
    }),
  );
  const rows = tables.map((table) => {
    const entry = rowsEntry(staged, table.stage, table.owner);
    const from = idOf(rowsEntry(entries, table.recorded, table.recorded.owner));
    const suffix = suffixes.get(from) ?? "";
    return { table, entry, from: `${from}.dat${suffix}`, to: `${idOf(entry)}.dat${suffix}` };
  });
  const archive = path.join(run.files.folder ?? "", archiveName("directory", run.manifest.compression));
  try {
    await mkdir(linked, { mode: 0o700 });
    await writeFile(path.join(linked, "toc.dat"), contents, { mode: 0o600 });
    for (const { from, to } of rows) await link(path.join(archive, from), path.join(linked, to));
    return {
      path: inContainer,
      files: new Map(rows.map(({ table, to }) => [table, to])),
      listWithout: async (without) => {
        const left = new Set(rows.filter(({ table }) => without.includes(table)).map(({ entry }) => entry));
        const list = staged.filter((line) => !left.has(line)).join("\n");
        await writeFile(path.join(linked, listFile), list, { mode: 0o600 });
        return path.posix.join(inContainer, listFile);
      },
    };
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    await removeLinks(run);
    return undefined;
  }
}

export async function removeLinks(run: RestoreRun): Promise<void> {
  const linked = linkFolder(run);
  if (linked !== undefined) await rm(linked, { recursive: true, force: true });
}

async function readContents(run: RestoreRun): Promise<Uint8Array> {
  const file = path.posix.join(stagedArchive(run), "toc.dat");
  const command = execArguments({ ...run.target, secretEnv: [] }, ["cat", file], callerIds());
  try {
    const { stdout } = await spawnDocker(run.target.docker, command, {
      encoding: "buffer",
      cancelSignal: run.signal,
    });
    return stdout;
  } catch (error) {
    throw dockerFailure(error);
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
