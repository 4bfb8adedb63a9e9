import { docker as dockerFor } from "../docker/connection";
import { Failure, type FailureCode } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { type VerifyRequest, type VerifyResult, referenceOf } from "../request";
import type { BackupFiles } from "../repository/files";
import { openRepository } from "../repository/open";
import { readChecksums } from "../repository/checksums";
import { existingBackups, findBackup, type Repository, type StoredBackup } from "../repository/repository";
import type { Verification as Found } from "../repository/verification";
import { verifyBackup } from "./verification";
import { secondsSince } from "../lib/format";

/** Failures that say something about the backup. All others, such as those of Docker, say that it could not be verified. */
const findings: ReadonlySet<FailureCode> = new Set([
  ...(["checksum-mismatch", "manifest-unreadable", "archive-incomplete", "script-unsafe"] as const),
  ...(["restore-failed", "restore-mismatch"] as const),
]);

/**
 * Verifies backups that were taken earlier, and records what it finds beside each. It goes on after a failure, and reports what is
 * wrong with each backup.
 */
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
  const record = async (backup: StoredBackup, found: Omit<Found, "recordVersion" | "finishedAt">) => {
    const recorded = await recordFound(repository, backup, found, progress);
    signal.throwIfAborted();
    return recorded;
  };
  for (const backup of backups) {
    const { id: backupId, location } = backup;
    const started = performance.now();
    const about = { backupId, location };
    try {
      const files = repository.files(backup.name, backupId);
      const verified = await verifyOne(request, files, backup.problem, progress, signal);
      const found = { ...verified, level: request.level };
      results.push({ ...about, ...found, recorded: await record(backup, found) });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      failures.push(error);
      const seconds = secondsSince(started);
      const { code, message } = error;
      const found = { level: request.level, seconds, error: { code, message } };
      const recorded = findings.has(code) && (await record(backup, found));
      results.push({ ...about, ...found, recorded });
    }
  }
  return { result: { backups: results }, failures };
}

/** The length of a message in a record; each of a thousand differences has a line in it. */
const messageLength = 2000;

/** False, with a warning, where nothing can be written: on a read-only disk, or with rights to read alone. */
async function recordFound(
  repository: Repository,
  { id, name, location }: StoredBackup,
  { error, ...found }: Omit<Found, "recordVersion" | "finishedAt">,
  progress: Progress,
): Promise<boolean> {
  const shortened = error && { code: error.code, message: error.message.slice(0, messageLength) };
  try {
    await repository.record(name, id, {
      recordVersion: 1,
      ...{ ...found, finishedAt: new Date().toISOString() },
      ...(shortened === undefined ? {} : { error: shortened }),
    });
    return true;
  } catch (reason) {
    if (!(reason instanceof Failure)) throw reason;
    progress.note(
      `warning: What was found is not recorded beside ${location}, so "postgis-backup list" does not show it: ${reason.message}`,
    );
    return false;
  }
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
    docker: await dockerFor(dockerHost, signal),
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
export { isWhole } from "./small-archive";
export { compareDefinitions, mismatch, type RecordedTable } from "./compare";
export { checkScripts, failUnlessListed, readPlainArchive } from "./scripts";
export { compareWhole } from "./whole-database";
export { compareFilled, compareRestored } from "./restored-tables";
