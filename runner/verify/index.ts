import { docker as dockerFor } from "../docker/docker";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { type VerifyRequest, type VerifyResult, referenceOf } from "../request";
import type { BackupFiles } from "../repository/files";
import { openRepository } from "../repository/open";
import { readChecksums } from "../repository/checksums";
import { existingBackups, findBackup } from "../repository/repository";
import { verifyBackup } from "./verification";
import { secondsSince } from "../lib/format";

/** Verifies backups that were taken earlier. It goes on after a failure, and reports what is wrong with each backup. */
export async function verify(
  request: VerifyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ result: VerifyResult; failures: Failure[] }> {
  const { name, backup: wanted, ...reference } = referenceOf(request);
  const repository = openRepository({ ...reference, s3: request.s3 }, signal);
  const backups = request.all
    ? await existingBackups(repository, name)
    : [await findBackup(repository, name, wanted)];
  const results: VerifyResult["backups"] = [];
  const failures: Failure[] = [];
  for (const backup of backups) {
    const { id: backupId, location } = backup;
    const started = performance.now();
    const about = { backupId, location };
    try {
      results.push({
        ...about,
        ...(await verifyOne(
          request,
          repository.files(backup.name, backupId),
          backup.problem,
          progress,
          signal,
        )),
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
  const manifest = await readChecksums(files);
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
export { archiveIn, checkContents, verifyBackup } from "./verification";
export { compareDefinitions, mismatch, type RecordedTable } from "./compare";
export { checkScripts, failUnlessListed, readPlainArchive } from "./scripts";
export { compareFilled, compareRestored } from "./restored-tables";
