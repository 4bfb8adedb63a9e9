/** Proves that a backup can be restored. */
import path from "node:path";
import pMap from "p-map";
import { type BackupContainer, copyFiles, startBackupContainer } from "./backup-container";
import type { Docker } from "../docker/docker";
import { testServer, runRestoreTest } from "./restore-test";
import { Failure, Failures } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import {
  type Archive,
  type ContainerFile,
  listArchive,
  missingFromArchive,
  readArchive,
  rowsByTable,
} from "../postgres/archive/archive";
import { canCount, countDataFiles, countStreamedFiles, type DataFile } from "../postgres/archive/data-files";
import { largeObjectFile } from "../postgres/archive/toc";
import { readScript, withoutDefinition, wrongRows } from "../postgres/archive/script";
import type { Progress } from "../lib/progress";
import type { VerifyLevel } from "../request";
import { safeScript } from "../postgres/archive/script-pieces";
import { checkFiles, recordedFile, streamedArchive, whileReading } from "../repository/checksums";
import { secondsSince } from "../lib/format";
import { together } from "../lib/concurrency";
import { readPlainArchive, failUnlessListed, checkScripts, ArchiveKind, archiveFile } from "./scripts";
import type { BackupFiles, StoredFile } from "../repository/files";

/** A manifest, as far as it is known before the backup is verified. */
export type Verifiable = Omit<Manifest, "finishedAt" | "verification">;

export interface Verification {
  readonly docker: Docker;
  readonly files: BackupFiles;
  readonly manifest: Verifiable;
  readonly level: VerifyLevel;
  /** The files of the folder have just been read for the checksums of the manifest. */
  readonly justRead: boolean;
  /** Image of the throwaway container. */
  readonly image: string;
  /** Whether the user named it. */
  readonly asked: boolean;
  /** Numbers of rows in files of a bucket, by their names, that need not be read again to verify the archive. */
  readonly known?: ReadonlyMap<string, number>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Fails with the first difference between the backup and its manifest. The archive is read in a throwaway container, so that
 * the source's container is not needed and not slowed down. The checksums of files in a folder are checked first. Files elsewhere
 * are checked while they are read, so that they are read as seldom as possible.
 */
export async function verifyBackup(verification: Verification): Promise<Manifest["verification"]> {
  const { files, manifest, level, justRead, image, progress, signal } = verification;
  if (level === "none") return { level, seconds: 0 };
  const started = performance.now();
  progress.note("Reading the backup to its end.");
  failUnlessListed(manifest);
  const inContainer = manifest.format !== "plain" || level === "restore";
  if (files.folder === undefined ? !inContainer : !justRead) {
    const unread = unstreamed(verification);
    await whileReading(files, unread, progress, (counted) => checkFiles(counted, unread, signal));
  }
  await checkScripts(files, manifest, { signal, archive: false });
  if (manifest.format === "plain") await checkPlainArchive(verification);
  if (inContainer) await checkInContainer(verification);
  signal.throwIfAborted();
  return { level, seconds: secondsSince(started), ...(level === "restore" ? { image } : {}) };
}

/** Whether the rows are checked while they are read from a bucket, each file once and from its beginning to its end. */
function isStreamed({ files, manifest, level }: Verification): boolean {
  if (manifest.format === "plain") return true;
  return files.folder === undefined && level === "archive";
}

/** The files that hold rows and large objects. */
function contentFiles({ manifest }: Verification): Verifiable["files"] {
  const archive = archiveFile(manifest);
  return manifest.format === "directory"
    ? manifest.files.filter((file) => file.path.startsWith(`${archive}/`) && !file.path.endsWith("/toc.dat"))
    : [recordedFile(manifest, archive)];
}

function unstreamed(verification: Verification): Verifiable["files"] {
  const { files } = verification.manifest;
  if (!isStreamed(verification)) return files;
  const streamed = new Set(contentFiles(verification));
  return files.filter((file) => !streamed.has(file));
}

async function checkPlainArchive({ files, manifest, progress, signal }: Verification): Promise<void> {
  const archive = recordedFile(manifest, archiveFile(manifest));
  const contents = await whileReading(files, [archive], progress, (counted) =>
    readScript(safeScript(readPlainArchive(counted, archive, signal), archive.path)),
  );
  if (!contents.complete) throw incomplete("does not end as pg_dump ends an archive");
  failIfLacking(withoutDefinition(contents, manifest.tables));
  Failures.throwIfAny(wrongRows(contents.rows, manifest.tables).map(incomplete));
}

async function checkInContainer(verification: Verification): Promise<void> {
  const { docker, files, manifest, level, image, asked, progress, signal } = verification;
  const server = level === "restore" ? { server: testServer } : {};
  const copied = unstreamed(verification);
  const container = await startBackupContainer(docker, { image, asked, files, copied, ...server }, signal);
  try {
    if (manifest.format !== "plain") await checkArchive(verification, container);
    if (level !== "restore") return;
    progress.note("Restoring the backup in a throwaway container.");
    await runRestoreTest({ docker, container, files, manifest, progress, signal });
  } finally {
    await container.close();
  }
}

/** There can be many of them, which are small. */
const objectsAtOnce = 8;

async function checkArchive(verification: Verification, container: BackupContainer): Promise<void> {
  const { docker, files, manifest, known = new Map<string, number>(), progress, signal } = verification;
  const check = (archive: Archive, options?: ContentOptions) =>
    checkContents(docker, container, archive, manifest, signal, options);
  const inContainer = archiveIn(container, manifest);
  if (!isStreamed(verification)) return check(inContainer);
  const content = contentFiles(verification).filter((file) => !known.has(path.posix.basename(file.path)));
  const isLargeObject = ({ path: file }: StoredFile) => path.posix.basename(file).startsWith(largeObjectFile);
  const rows = content.filter((file) => !isLargeObject(file));
  if (manifest.format === "directory" && !(await canCount(targetOf(docker, container), rows))) {
    await copyFiles(docker, container, files, contentFiles(verification), signal);
    return check(inContainer);
  }
  return whileReading(files, content, progress, async (counted) => {
    const streamed = rows.map((file) => ({ name: file.path, ...streamedArchive(counted, file) }));
    const [archive] = streamed;
    if (manifest.format === "directory" || archive === undefined)
      await check(inContainer, { streamed, known });
    else await check(archive);
    await pMap(content.filter(isLargeObject), (file) => checkFiles(counted, [file], signal), {
      concurrency: objectsAtOnce,
    });
  });
}

const targetOf = (docker: Docker, { name }: Pick<BackupContainer, "name">) => ({
  docker,
  container: name,
  env: { LC_ALL: "C" },
  secretEnv: [],
});

/** How the data files of a directory archive are read. */
interface ContentOptions {
  /** Those that are not read, because they are known to have so many rows, by their names. */
  readonly known?: ReadonlyMap<string, number>;
  /** All of them, if the container has only the table of contents. */
  readonly streamed?: readonly DataFile[];
  /** Counts their rows elsewhere than in the container. */
  readonly count?: (signal: AbortSignal) => Promise<ReadonlyMap<string, number>>;
}

/** The archive as a container sees it. */
export const archiveIn = (
  { folder, user }: Pick<BackupContainer, "folder" | "user">,
  manifest: ArchiveKind,
): ContainerFile => ({
  path: path.posix.join(folder, archiveFile(manifest)),
  user,
});

/** Fails unless all tables and all rows are found in an archive. */
export async function checkContents(
  docker: Docker,
  container: Pick<BackupContainer, "name">,
  archive: Archive,
  manifest: Pick<Verifiable, "format" | "jobs" | "tables">,
  signal: AbortSignal,
  { known, streamed, count }: ContentOptions = {},
): Promise<void> {
  const target = targetOf(docker, container);
  const { tables, format, jobs } = manifest;
  const [list, found] = await together(signal, [
    (either) => listArchive(target, archive, either),
    async (either) => {
      if (count !== undefined) return count(either);
      if (streamed !== undefined) return countStreamedFiles(target, streamed, jobs, either, known);
      const inFiles = format === "directory" && "path" in archive;
      const counted = inFiles ? await countDataFiles(target, archive, jobs, either, known) : undefined;
      return counted ?? readArchive(target, archive, either);
    },
  ]);
  failIfLacking(missingFromArchive(list, tables));
  const rows = "complete" in found ? found.rows : rowsByTable(list, tables, found);
  Failures.throwIfAny(wrongRows(rows, tables).map(incomplete));
}

function failIfLacking(tables: readonly { readonly schema: string; readonly name: string }[]): void {
  if (tables.length === 0) return;
  const names = tables.map(({ schema, name }) => `${schema}.${name}`);
  throw incomplete(`lacks the definition or the rows of ${names.join(", ")}`);
}

function incomplete(what: string): Failure {
  return new Failure("archive-incomplete", `The archive ${what}. Do not rely on this backup.`);
}
