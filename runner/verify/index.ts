import { docker as dockerFor } from "../docker/docker";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { referenceOf, type VerifyRequest, type VerifyResult } from "../request";
import { secondsSince } from "../lib/seconds";
import { type BackupFiles, filesOf } from "../repository/backup-files";
import { openStore } from "../repository/open";
import { readSealed } from "../repository/checksums";
import { existingBackups, findBackup } from "../repository/repository";
import { verifyBackup } from "./verification";

/** Verifies backups that were taken earlier, and says of each what is wrong with it; all of them, whatever comes up. */
export async function verify(
  request: VerifyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ result: VerifyResult; failures: Failure[] }> {
  const { repository, name, backup: wanted } = referenceOf(request);
  const store = openStore({ repository, s3: request.s3 }, signal);
  const backups = request.all ? await existingBackups(store, name) : [await findBackup(store, name, wanted)];
  const results: VerifyResult["backups"] = [];
  const failures: Failure[] = [];
  for (const backup of backups) {
    const { id: backupId, location } = backup;
    const started = performance.now();
    const about = { backupId, location };
    try {
      results.push({
        ...about,
        ...(await verifyOne(request, filesOf(store, backup), backup.problem, progress, signal)),
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      const seconds = secondsSince(started);
      const { code, message } = error;
      results.push({ ...about, level: request.level, seconds, error: { code, message } });
    }
  }
  return { result: { backups: results }, failures };
}

async function verifyOne(
  { level, image, dockerHost }: VerifyRequest,
  files: BackupFiles,
  problem: string | undefined,
  progress: Progress,
  signal: AbortSignal,
) {
  const manifest = await readSealed(files);
  progress.note(`Verifying ${files.location}.`);
  const verification = await verifyBackup({
    docker: dockerFor(dockerHost),
    files,
    manifest,
    level,
    justRead: false,
    image: image ?? manifest.source.imageDigest,
    asked: image !== undefined,
    progress,
    signal,
  });
  if (problem !== undefined) throw new Failure("manifest-unreadable", `${files.location}: ${problem}.`);
  return verification;
}

export {
  startMountedContainer,
  type BackupContainer,
  copyFiles,
  startBackupContainer,
} from "./backup-container";
export { archiveIn, checkContents, verifyBackup, checkScripts, failUnlessListed } from "./verification";
export {
  compareTable,
  mismatch,
  settlePools,
  withFingerprints,
  type RecordedTable,
  compareDefinitions,
} from "./compare";
export { compareOrphans } from "./compare-orphans";
export { readPlainArchive } from "./plain-archive";
