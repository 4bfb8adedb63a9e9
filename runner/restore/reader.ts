/**
 * Reads an archive with the target's own pg_restore, if that can read it and sees it, or can have it by standard input; otherwise
 * in a throwaway container.
 */
import path from "node:path";
import { type BackupContainer, copyFiles, startBackupContainer, readPlainArchive } from "../verify";
import { pathInContainer } from "../docker/container";
import { type Docker, spawnDocker } from "../docker/docker";
import { callerIds, execArguments, type ExecTarget } from "../docker/exec";
import { Failure } from "../lib/failure";
import { type Archive, type ContainerFile, startScript } from "../postgres/archive/archive";
import { type DumpInfo, majorVersion, endedWith, errorLines } from "../postgres/session/server";
import { nobody } from "../postgres/session/restricted";
import { type BackupFiles, hashFile } from "../repository/files";
import { readChecked, recordedFile, streamedArchive } from "../repository/checksums";
import { sumsFile } from "../repository/layout";
import type { Manifest } from "../repository/manifest";
import type { RequestedBackup, Target } from "./begin";
import { type Name, sqlName } from "../postgres/session/names";
import {
  holdsLargeObjects,
  holdsRows,
  largeObjectFile,
  readToc,
  type TocEntry,
} from "../postgres/archive/toc";
import { archiveName } from "../postgres/archive/compression";

export interface Reader {
  /** Set if the target's own pg_restore can load the archive from a folder. */
  readonly inTarget: ContainerFile | undefined;
  /** The table of contents; empty for a plain archive. */
  readonly entries: readonly TocEntry[];
  /** Reading the rows of one table means reading the whole archive. */
  readonly sequential: boolean;
  /** The script of these entries, in the order of the archive; for a plain archive, all of it. */
  script(entries: readonly TocEntry[], signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export async function openReader(
  backup: RequestedBackup,
  target: Target,
  signal: AbortSignal,
): Promise<Reader> {
  const { request, manifest, files } = backup;
  const { exec, container } = target;
  const archive = archiveName(manifest.format, manifest.compression);
  if (manifest.format === "plain") return plainReader(backup, archive);
  const entries = (await readEntries(files, manifest)) ?? [];
  const own = { exec: { ...exec, secretEnv: [] }, close: () => Promise.resolve() };
  const mounted = await archiveInTarget(backup, target, archive);
  if (mounted !== undefined) {
    const inTarget = manifest.format === "directory" ? mounted : undefined;
    return archiveReader({ ...own, archive: mounted, inTarget }, entries);
  }
  if (manifest.format === "custom" && canRead(target.tools, manifest)) {
    const streamed = streamedArchive(files, recordedFile(manifest, archive));
    return archiveReader({ ...own, archive: streamed, inTarget: undefined }, entries);
  }
  const { docker } = exec;
  const image = canRead(target.tools, manifest)
    ? container.Image
    : (request.image ?? manifest.source.imageDigest);
  const asked = request.image !== undefined;
  const copied = manifest.format === "directory" ? [recordedFile(manifest, `${archive}/toc.dat`)] : [];
  const throwaway = await startBackupContainer(docker, { image, asked, files, copied }, signal);
  const inThrowaway = { docker, container: throwaway.name, env: { LC_ALL: "C" }, secretEnv: [] };
  const place = { exec: inThrowaway, inTarget: undefined, close: () => throwaway.close() };
  return archiveReader({ ...place, ...archiveFor(backup, docker, throwaway, signal) }, entries);
}

/** An archive that the container does not see is streamed to it, or its files are copied when they are needed. */
function archiveFor(
  { manifest, files }: RequestedBackup,
  docker: Docker,
  container: BackupContainer,
  signal: AbortSignal,
): Pick<Place, "archive" | "bring"> {
  const name = archiveName(manifest.format, manifest.compression);
  const archive = { path: path.posix.join(container.folder, name), user: container.user };
  if (container.mounted) return { archive };
  if (manifest.format === "custom") return { archive: streamedArchive(files, recordedFile(manifest, name)) };
  const bring = async (entries: readonly TocEntry[]) => {
    const ids = new Set(entries.map(({ id }) => String(id)));
    const wantLargeObjects = entries.some(holdsLargeObjects);
    const wanted = manifest.files.filter(({ path: file }) => {
      if (wantLargeObjects && file.startsWith(`${name}/${largeObjectFile}`)) return true;
      return ids.has(/^archive\/(\d+)\.dat/.exec(file)?.[1] ?? "");
    });
    if (wanted.length > 0) await copyFiles(docker, container, files, wanted, signal);
  };
  return { archive, bring };
}

/** The target's pg_restore cannot read an archive of a newer pg_dump, or one that is compressed by a method that it lacks. */
function canRead(tools: DumpInfo, manifest: Manifest): boolean {
  return tools.major >= majorVersion(manifest.pgDumpVersion) && tools.compresses;
}

async function archiveInTarget(
  { manifest, files: { folder } }: RequestedBackup,
  { container, exec, tools }: Target,
  archive: string,
): Promise<ContainerFile | undefined> {
  const file = folder && pathInContainer(container, path.join(folder, archive), "read");
  if (folder === undefined || file === undefined || !canRead(tools, manifest)) return undefined;
  // If the daemon is remote, a mount of the same path can be a folder of another machine.
  const sums = path.posix.join(path.posix.dirname(file), sumsFile);
  const probe = execArguments(exec, ["sha256sum", sums], callerIds());
  const { failed, stdout } = await spawnDocker(exec.docker, probe, { reject: false });
  const same = !failed && stdout.startsWith(await hashFile(path.join(folder, sumsFile)));
  return same ? { path: file, user: callerIds() } : undefined;
}

function plainReader({ files, manifest }: RequestedBackup, archive: string): Reader {
  return {
    inTarget: undefined,
    entries: [],
    sequential: true,
    script: (_, signal) => readPlainArchive(files, recordedFile(manifest, archive), signal),
    close: () => Promise.resolve(),
  };
}

interface Place {
  readonly exec: ExecTarget;
  readonly archive: Archive;
  readonly inTarget: ContainerFile | undefined;
  /** Copies the data files of these entries into the container. */
  readonly bring?: (entries: readonly TocEntry[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

function archiveReader(
  { exec, archive, inTarget, bring, close }: Place,
  entries: readonly TocEntry[],
): Reader {
  const script = async function* (wanted: readonly TocEntry[], until: AbortSignal) {
    await bring?.(wanted);
    const ids = wanted.map(({ id }) => id);
    // A list without rows needs the beginning of the archive only.
    const toEnd = wanted.some((entry) => holdsRows(entry) || holdsLargeObjects(entry));
    const options = { toEnd, user: nobody };
    const { chunks, ended } = startScript(exec, archive, ids, until, options);
    yield* chunks as AsyncIterable<Uint8Array>;
    const { failed, stderr, exitCode } = await ended;
    until.throwIfAborted();
    if (!failed) return;
    const said = errorLines(stderr) || endedWith(exitCode);
    throw new Failure("restore-failed", `The archive cannot be read: pg_restore: ${said}`);
  };
  return { inTarget, entries, sequential: "content" in archive, script, close };
}

/** The table of contents; undefined for a plain archive, which has none. */
export async function readEntries(
  files: BackupFiles,
  manifest: Manifest,
): Promise<readonly TocEntry[] | undefined> {
  const { format, compression } = manifest;
  if (format === "plain") return undefined;
  const archive = archiveName(format, compression);
  const file = recordedFile(manifest, format === "directory" ? `${archive}/toc.dat` : archive);
  let data = Buffer.alloc(0);
  let tried = 0;
  for await (const chunk of readChecked(files, file)) {
    data = Buffer.concat([data, chunk]);
    // A custom archive begins with its table of contents. Nothing says how long it is, so longer and longer beginnings are tried.
    if (format === "directory" || data.length < tried * 2) continue;
    tried = data.length;
    const entries = tryToRead(data);
    if (entries !== undefined) return entries;
  }
  return readToc(data).entries;
}

function tryToRead(data: Buffer): readonly TocEntry[] | undefined {
  try {
    return readToc(data).entries;
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** The entries that hold the rows of some tables, in the order of the archive; a plain archive has none. */
export function rowsEntries(entries: readonly TocEntry[], tables: readonly Name[]): TocEntry[] {
  if (entries.length === 0) return [];
  const wanted = new Set(tables.map(rowsFinder(entries)));
  return entries.filter((entry) => wanted.has(entry));
}

/** Finds the entry of a table's rows. */
export function rowsFinder(entries: readonly TocEntry[]): (table: Name) => TocEntry {
  const byTable = new Map<string, TocEntry[]>();
  for (const entry of entries.filter(holdsRows))
    byTable.set(sqlName(entry), [...(byTable.get(sqlName(entry)) ?? []), entry]);
  return (table) => {
    const [only, ...others] = byTable.get(sqlName(table)) ?? [];
    if (only !== undefined && others.length === 0) return only;
    const count = only === undefined ? 0 : others.length + 1;
    throw new Failure(
      "restore-failed",
      `The archive has ${count} entries for the rows of ${table.schema}.${table.name}, and there must be one.`,
    );
  };
}
