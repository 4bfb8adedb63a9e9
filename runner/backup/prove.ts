/** Proves that an archive can be restored, as far as the request asks for it. */
import type { Docker } from "../docker/docker";
import { callerIds, type ExecTarget } from "../docker/exec";
import type { Progress } from "../lib/progress";
import type { StoredFile, BackupFiles } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import type { VerifyLevel } from "../request";
import { archiveIn, checkContents, isWhole, startMountedContainer, verifyBackup } from "../verify";
import type { Description } from "./describe-backup";
import { secondsSince } from "../lib/format";

/** Reads the archive as soon as it is written, in a container that is started while `pg_dump` runs. */
export interface EarlyContainer {
  /**
   * False if the archive was not read; the verification has to do that. Fails if the archive is not whole. Data files of known
   * numbers of rows are not read.
   */
  check(description: Description, known: ReadonlyMap<string, number>): Promise<boolean>;
  /** Removes the container; can be repeated. */
  close(): Promise<void>;
}

/** To be called when the folder of the backup has a file. */
export function startEarlyContainer(
  docker: Docker,
  image: string,
  files: BackupFiles,
  progress: Progress,
  signal: AbortSignal,
): EarlyContainer {
  const started = startMountedContainer(docker, { image, files }, signal);
  // A failure is reported by whoever awaits `started`.
  const settled = started.catch(() => undefined);
  return {
    async check(description, known) {
      const reader = await started;
      if (reader === undefined) return false;
      progress.note("Reading the backup to its end.");
      await checkContents(docker, reader, archiveIn(reader, description), description, signal, { known });
      return true;
    },
    close: async () => (await settled)?.close(),
  };
}

/**
 * Reads a small archive without another container. In the one that the database runs in, pg_restore may list the archive, but the
 * programs that count its rows must not run: a pipe can end them by a signal, and that can restart the server. So this program counts.
 */
export function ownReader(
  { docker, container }: ExecTarget,
  folder: string,
  files: BackupFiles,
  progress: Progress,
  signal: AbortSignal,
): EarlyContainer {
  return {
    async check(description, known) {
      progress.note("Reading the backup to its end.");
      const archive = archiveIn({ folder, user: callerIds() }, description);
      return isWhole({ docker, container, archive, files }, description, known, signal);
    },
    close: () => Promise.resolve(),
  };
}

export const noEarlyContainer: EarlyContainer = {
  check: () => Promise.resolve(false),
  close: () => Promise.resolve(),
};

/**
 * The checksums of the files, and the verification. Checksums wait for the disk, and reading the archive needs the processor;
 * so they are done at the same time.
 */
export async function proveArchive(
  docker: Docker,
  stored: BackupFiles,
  checksums: () => Promise<StoredFile[]>,
  description: Description,
  known: ReadonlyMap<string, number>,
  level: VerifyLevel,
  reader: EarlyContainer,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<Manifest, "files" | "verification">> {
  const started = performance.now();
  const [computing, checking] = [checksums(), reader.check(description, known)];
  const [files, checked] = await Promise.all([computing, checking]).finally(() =>
    Promise.allSettled([computing, checking]),
  );
  if (checked) return { files, verification: { level, seconds: secondsSince(started) } };
  const verification = await verifyBackup({
    docker,
    files: stored,
    manifest: { ...description, files },
    level,
    justRead: stored.folder !== undefined,
    image: description.source.imageDigest,
    asked: false,
    known,
    progress,
    signal,
  });
  return { files, verification };
}
