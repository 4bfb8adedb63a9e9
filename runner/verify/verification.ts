/** Proves that a backup can be restored. */
import path from "node:path";
import { type BackupContainer, startBackupContainer } from "./backup-container";
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
import { countDataFiles } from "../postgres/archive/data-files";
import { readScript, withoutDefinition, wrongRows } from "../postgres/archive/script";
import type { Progress } from "../lib/progress";
import type { VerifyLevel } from "../request";
import { safeScript } from "../postgres/archive/script-pieces";
import { checkFiles, recordedFile, streamedArchive, whileReading } from "../repository/checksums";
import { secondsSince } from "../lib/format";
import { together } from "../lib/concurrency";
import { readPlainArchive, failUnlessListed, checkScripts, ArchiveKind, archiveFile } from "./scripts";
import type { BackupFiles } from "../repository/files";

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

/** Whether the archive is one file, which is checked while it is read from its beginning to its end. */
function isStreamed({ files, manifest, level }: Verification): boolean {
  if (manifest.format === "plain") return true;
  return manifest.format === "custom" && files.folder === undefined && level === "archive";
}

function unstreamed(verification: Verification): Verifiable["files"] {
  const { files } = verification.manifest;
  if (!isStreamed(verification)) return files;
  return files.filter(({ path }) => path !== archiveFile(verification.manifest));
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

function checkArchive(verification: Verification, container: BackupContainer): Promise<void> {
  const { docker, files, manifest, progress, signal } = verification;
  const check = (archive: Archive) => checkContents(docker, container, archive, manifest, signal);
  if (!isStreamed(verification)) return check(archiveIn(container, manifest));
  const recorded = recordedFile(manifest, archiveFile(manifest));
  return whileReading(files, [recorded], progress, (counted) => check(streamedArchive(counted, recorded)));
}

/** The archive as a container sees it. */
export const archiveIn = ({ folder, user }: BackupContainer, manifest: ArchiveKind): ContainerFile => ({
  path: path.posix.join(folder, archiveFile(manifest)),
  user,
});

/** Fails unless all tables and all rows are found in an archive. The data files in `known` are not read: they have so many rows. */
export async function checkContents(
  docker: Docker,
  { name }: BackupContainer,
  archive: Archive,
  manifest: Pick<Verifiable, "format" | "jobs" | "tables">,
  signal: AbortSignal,
  known?: ReadonlyMap<string, number>,
): Promise<void> {
  const target = { docker, container: name, env: { LC_ALL: "C" }, secretEnv: [] };
  const { tables, format } = manifest;
  const [list, found] = await together(signal, [
    (either) => listArchive(target, archive, either),
    async (either) => {
      const inFiles = format === "directory" && "path" in archive;
      const counted = inFiles
        ? await countDataFiles(target, archive, manifest.jobs, either, known)
        : undefined;
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
