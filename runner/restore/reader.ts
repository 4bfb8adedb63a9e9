/** Reads an archive with the target's own pg_restore, if that sees the archive and can read it; otherwise in a throwaway container. */
import path from "node:path";
import { type BackupContainer, copyFiles, startBackupContainer, readPlainArchive } from "../verify";
import { pathInContainer } from "../docker/container";
import { spawnDocker } from "../docker/docker";
import { callerIds, execArguments, type ExecTarget, writeFile } from "../docker/exec";
import { Failure } from "../lib/failure";
import { type Archive, type ContainerFile, listArchive, startReading } from "../postgres/archive/archive";
import { majorVersion, endedWith, errorLines } from "../postgres/session/server";
import { hashFile } from "../repository/files";
import { recordedFile, streamedArchive } from "../repository/checksums";
import { sumsFile } from "../repository/layout";
import type { RestoreRun } from "./begin";
import type { Name } from "../postgres/session/names";
import { holdsRows, type ListedEntry, listedFinder } from "../postgres/archive/toc";
import { archiveName } from "../postgres/archive/compression";

export interface Reader {
  /** Set if the target's own pg_restore can load the archive from a folder. */
  readonly inTarget: ContainerFile | undefined;
  /** The table of contents, one line for each entry; empty for a plain archive. */
  readonly entries: readonly ListedEntry[];
  /** Reading the rows of one table means reading the whole archive. */
  readonly sequential: boolean;
  /** The script of these entries, in the order of the archive; for a plain archive, all of it. */
  script(entries: readonly ListedEntry[], signal: AbortSignal): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export async function openReader(run: RestoreRun): Promise<Reader> {
  const { manifest, files, signal, names } = run;
  const archive = archiveName(manifest.format, manifest.compression);
  if (manifest.format === "plain") return plainReader(run, archive);
  const mounted = await archiveInTarget(run, archive);
  if (mounted !== undefined) {
    const target = { ...run.target, secretEnv: [] };
    const inTarget = manifest.format === "directory" ? mounted : undefined;
    const place = { target, archive: mounted, user: mounted.user, work: names.workFolder, inTarget };
    return archiveReader({ ...place, close: () => Promise.resolve() }, signal);
  }
  const { docker } = run.target;
  const image = canRead(run) ? run.container.Image : (run.request.image ?? manifest.source.imageDigest);
  const asked = run.request.image !== undefined;
  const copied = manifest.format === "directory" ? [recordedFile(manifest, `${archive}/toc.dat`)] : [];
  const container = await startBackupContainer(docker, { image, asked, files, copied }, signal);
  try {
    const target = { docker, container: container.name, env: { LC_ALL: "C" }, secretEnv: [] };
    const { user } = container;
    const close = () => container.close();
    const place = { target, user, work: "/tmp", inTarget: undefined, close, ...archiveFor(run, container) };
    return await archiveReader(place, signal);
  } catch (error) {
    await container.close();
    throw error;
  }
}

/** An archive that the container does not see is streamed to it, or its files are copied when they are needed. */
function archiveFor(
  { manifest, files, target, signal }: RestoreRun,
  container: BackupContainer,
): Pick<Place, "archive" | "bring"> {
  const name = archiveName(manifest.format, manifest.compression);
  const archive = { path: path.posix.join(container.folder, name), user: container.user };
  if (container.mounted) return { archive };
  if (manifest.format === "custom") return { archive: streamedArchive(files, recordedFile(manifest, name)) };
  const bring = async (entries: readonly ListedEntry[]) => {
    const ids = new Set(entries.map(({ id }) => id));
    const rows = manifest.files.filter(({ path }) => ids.has(/^archive\/(\d+)\.dat/.exec(path)?.[1] ?? ""));
    if (rows.length > 0) await copyFiles(target.docker, container, files, rows, signal);
  };
  return { archive, bring };
}

/** The target's pg_restore cannot read an archive of a newer pg_dump, or one that is compressed by a method that it lacks. */
function canRead({ tools, manifest }: Pick<RestoreRun, "tools" | "manifest">): boolean {
  return tools.major >= majorVersion(manifest.pgDumpVersion) && tools.compresses;
}

async function archiveInTarget(run: RestoreRun, archive: string): Promise<ContainerFile | undefined> {
  const { folder } = run.files;
  const file = folder && pathInContainer(run.container, path.join(folder, archive), "read");
  if (folder === undefined || file === undefined || !canRead(run)) return undefined;
  // If the daemon is remote, a mount of the same path can be a folder of another machine.
  const sums = path.posix.join(path.posix.dirname(file), sumsFile);
  const probe = execArguments(run.target, ["sha256sum", sums], callerIds());
  const { failed, stdout } = await spawnDocker(run.target.docker, probe, { reject: false });
  const same = !failed && stdout.startsWith(await hashFile(path.join(folder, sumsFile)));
  return same ? { path: file, user: callerIds() } : undefined;
}

function plainReader({ files, manifest }: RestoreRun, archive: string): Reader {
  return {
    inTarget: undefined,
    entries: [],
    sequential: true,
    script: (_, signal) => readPlainArchive(files, recordedFile(manifest, archive), signal),
    close: () => Promise.resolve(),
  };
}

interface Place {
  readonly target: ExecTarget;
  readonly archive: Archive;
  /** A user who can read it. */
  readonly user: string;
  /** Folder for lists of entries. */
  readonly work: string;
  readonly inTarget: ContainerFile | undefined;
  /** Copies the data files of these entries into the container. */
  readonly bring?: (entries: readonly ListedEntry[]) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function archiveReader(place: Place, signal: AbortSignal): Promise<Reader> {
  const { target, archive, user, work, inTarget, bring, close } = place;
  const entries = await listArchive(target, archive, signal);
  let lists = 0;
  const script = async function* (wanted: readonly ListedEntry[], until: AbortSignal) {
    const list = path.posix.join(work, `list_${++lists}`);
    await writeFile(target, list, wanted.map(({ line }) => `${line}\n`).join(""), user);
    await bring?.(wanted);
    const command = ["pg_restore", `--use-list=${list}`, "--file=-"];
    // A list without rows needs the beginning of the archive only.
    const toEnd = wanted.some(holdsRows);
    const { chunks, ended } = startReading(target, command, archive, until, { toEnd });
    yield* chunks as AsyncIterable<Uint8Array>;
    const { failed, stderr, exitCode } = await ended;
    until.throwIfAborted();
    if (!failed) return;
    const said = errorLines(stderr) || endedWith(exitCode);
    throw new Failure("restore-failed", `The archive cannot be read: pg_restore: ${said}`);
  };
  return { inTarget, entries, sequential: "content" in archive, script, close };
}

interface OwnedTable extends Name {
  readonly owner: string;
}

/** The entries that hold the rows of some tables, in the order of the archive; a plain archive has none. */
export function rowsEntries(entries: readonly ListedEntry[], tables: readonly OwnedTable[]): ListedEntry[] {
  if (entries.length === 0) return [];
  const wanted = new Set(tables.map(rowsFinder(entries)));
  return entries.filter((entry) => wanted.has(entry));
}

/** Finds the entry of a table's rows. */
export function rowsFinder(entries: readonly ListedEntry[]): (table: OwnedTable) => ListedEntry {
  const find = listedFinder(entries.filter(holdsRows));
  return (table) => {
    const [only, ...others] = find("TABLE DATA", table);
    if (only !== undefined && others.length === 0) return only;
    const count = only === undefined ? 0 : others.length + 1;
    throw new Failure(
      "restore-failed",
      `The archive has ${count} entries for the rows of ${table.schema}.${table.name}, and there must be one.`,
    );
  };
}
