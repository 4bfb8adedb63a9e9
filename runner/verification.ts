/** What proves that a backup can be restored. */
import path from "node:path";
import { type BackupContainer, startBackupContainer } from "./docker/backup-container";
import type { Docker } from "./docker/docker";
import type { ExecTarget } from "./docker/exec";
import { drillServer, runDrill } from "./drill";
import { Failure } from "./failure";
import type { Manifest } from "./manifest";
import { listArchive, missingFromArchive, readArchive } from "./postgres/archive";
import type { DumpDestination } from "./postgres/dump";
import { checkPlainArchive } from "./postgres/plain-archive";
import type { Progress } from "./progress";
import type { VerifyLevel } from "./request";
import { archiveName } from "./restore-command";
import { checkFiles } from "./store/seal";

/** A manifest, as far as it is known before the backup is verified. */
export type Verifiable = Omit<Manifest, "finishedAt" | "verification">;

/** A `pg_restore`, and where it finds the archive. */
export interface ArchiveReader {
  readonly target: ExecTarget;
  readonly archive: DumpDestination;
}

export interface Verification {
  readonly docker: Docker;
  /** The backup's folder on this machine. */
  readonly folder: string;
  readonly manifest: Verifiable;
  readonly level: VerifyLevel;
  /** Image of the throwaway container. */
  readonly image: string;
  /** A running container that can read the archive; without one, a throwaway container does. */
  readonly reader?: ArchiveReader;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Fails on the first proof that the backup is not what its manifest says. */
export async function verifyBackup(verification: Verification): Promise<Manifest["verification"]> {
  const { docker, folder, manifest, level, image, reader, progress, signal } = verification;
  if (level === "none") return { level, seconds: 0 };
  const started = performance.now();
  progress.note("Reading the backup to its end.");
  await checkFiles(folder, manifest.files, signal);
  const archive = path.join(folder, archiveName(manifest.format, manifest.compression));
  if (manifest.format === "plain") await checkPlainArchive(archive, manifest.tables);
  else if (reader !== undefined) await checkArchive(reader, manifest, signal);
  const inContainer = level === "restore" || (manifest.format !== "plain" && reader === undefined);
  if (inContainer) {
    const server = level === "restore" ? { server: drillServer } : {};
    const container = await startBackupContainer(docker, { image, folder, ...server }, signal);
    try {
      if (manifest.format !== "plain" && reader === undefined)
        await checkArchive(readerIn(container, docker, archive), manifest, signal);
      if (level === "restore") {
        progress.note("Restoring the backup in a throwaway container.");
        await runDrill({ docker, container, folder, manifest, signal });
      }
    } finally {
      await container.close();
    }
  }
  signal.throwIfAborted();
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  return { level, seconds, ...(level === "restore" ? { image } : {}) };
}

function readerIn({ name, folder, user }: BackupContainer, docker: Docker, archive: string): ArchiveReader {
  return {
    target: { docker, container: name, env: { LC_ALL: "C" }, secretEnv: [] },
    archive: { containerPath: path.posix.join(folder, path.basename(archive)), user },
  };
}

async function checkArchive(
  { target, archive }: ArchiveReader,
  { tables }: Verifiable,
  signal: AbortSignal,
): Promise<void> {
  const missing = missingFromArchive(await listArchive(target, archive, signal), tables);
  if (missing.length > 0) {
    const names = missing.map(({ schema, name }) => `${schema}.${name}`).join(", ");
    throw new Failure(
      "archive-incomplete",
      `The archive lacks ${names}. Do not rely on it; please report this.`,
    );
  }
  await readArchive(target, archive, signal);
}
