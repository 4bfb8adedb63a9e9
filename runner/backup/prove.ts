/** Proves that an archive can be restored, as far as the request asks for it. */
import type { Docker } from "../docker/docker";
import type { Progress } from "../lib/progress";
import type { StoredFile, BackupFiles } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import type { VerifyLevel } from "../request";
import { archiveIn, checkContents, startMountedContainer, verifyBackup } from "../verify";
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
