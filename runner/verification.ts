/** What proves that a backup can be restored. */
import path from "node:path";
import { type BackupContainer, startBackupContainer } from "./docker/backup-container";
import type { Docker } from "./docker/docker";
import { drillServer, runDrill } from "./drill";
import { Failure, Failures } from "./failure";
import type { Manifest } from "./manifest";
import { listArchive, missingFromArchive, readArchive } from "./postgres/archive";
import { readDecompressed } from "./postgres/decompress";
import { readScript, withoutDefinition, wrongRows } from "./postgres/script";
import type { Progress } from "./progress";
import type { VerifyLevel } from "./request";
import { archiveName } from "./restore-command";
import { checkFiles } from "./store/seal";

/** A manifest, as far as it is known before the backup is verified. */
type Verifiable = Omit<Manifest, "finishedAt" | "verification">;

export interface Verification {
  readonly docker: Docker;
  /** The backup's folder on this machine. */
  readonly folder: string;
  readonly manifest: Verifiable;
  readonly level: VerifyLevel;
  /** Image of the throwaway container. */
  readonly image: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Fails on the first proof that the backup is not what its manifest says. The archive is read in a throwaway container,
 * so that this works without the one that the backup came from, and takes nothing from it.
 */
export async function verifyBackup(verification: Verification): Promise<Manifest["verification"]> {
  const { folder, manifest, level, image, progress, signal } = verification;
  if (level === "none") return { level, seconds: 0 };
  const started = performance.now();
  progress.note("Reading the backup to its end.");
  await checkFiles(folder, manifest.files, signal);
  if (manifest.format === "plain") await checkPlainArchive(verification);
  if (manifest.format !== "plain" || level === "restore") await checkInContainer(verification);
  signal.throwIfAborted();
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { level, seconds, ...(level === "restore" ? { image } : {}) };
}

function archiveFile({ format, compression }: Verifiable): string {
  return archiveName(format, compression);
}

async function checkPlainArchive({ folder, manifest, signal }: Verification): Promise<void> {
  const file = path.join(folder, archiveFile(manifest));
  const contents = await readScript(readDecompressed(file, signal)).catch((error: unknown) => {
    signal.throwIfAborted();
    throw incomplete(`cannot be read to its end: ${(error as Error).message}`);
  });
  if (!contents.complete) throw incomplete("does not end as pg_dump ends an archive");
  failIfLacking(withoutDefinition(contents, manifest.tables));
  Failures.throwIfAny(wrongRows(contents, manifest.tables).map(incomplete));
}

async function checkInContainer(verification: Verification): Promise<void> {
  const { docker, folder, manifest, level, image, progress, signal } = verification;
  const server = level === "restore" ? { server: drillServer } : {};
  const container = await startBackupContainer(docker, { image, folder, ...server }, signal);
  try {
    if (manifest.format !== "plain") await checkArchive(verification, container);
    if (level !== "restore") return;
    progress.note("Restoring the backup in a throwaway container.");
    await runDrill({ docker, container, folder, manifest, signal });
  } finally {
    await container.close();
  }
}

async function checkArchive(
  { docker, manifest, signal }: Verification,
  { name, folder, user }: BackupContainer,
): Promise<void> {
  const target = { docker, container: name, env: { LC_ALL: "C" }, secretEnv: [] };
  const archive = { path: path.posix.join(folder, archiveFile(manifest)), user };
  failIfLacking(missingFromArchive(await listArchive(target, archive, signal), manifest.tables));
  const contents = await readArchive(target, archive, signal);
  Failures.throwIfAny(wrongRows(contents, manifest.tables).map(incomplete));
}

function failIfLacking(tables: readonly { readonly schema: string; readonly name: string }[]): void {
  if (tables.length === 0) return;
  const names = tables.map(({ schema, name }) => `${schema}.${name}`);
  throw incomplete(`lacks the definition or the rows of ${names.join(", ")}`);
}

function incomplete(what: string): Failure {
  return new Failure("archive-incomplete", `The archive ${what}. Do not rely on this backup.`);
}
