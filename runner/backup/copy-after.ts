import { quote } from "shell-quote";
import { Attempts, Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { filesOf } from "../repository/backup-files";
import { readSealed } from "../repository/checksums";
import type { Store } from "../repository/repository";
import type { BackupPlace, BackupRequest } from "../request";
import { isS3Url } from "../request/location";
import { copyFilesTo } from "../transfer";
import { s3Options } from "./restore-command";

/** Copies a backup that is complete and verified; it stays where it is, whatever becomes of its copies. */
export async function copyAfterBackup(
  { store, copies }: { readonly store: Store; readonly copies: readonly Store[] },
  request: BackupRequest,
  { backupId, location }: { readonly backupId: string; readonly location: string },
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupPlace[]> {
  if (copies.length === 0) return [];
  const { name, fileMode } = request;
  const files = filesOf(store, { name, id: backupId, location });
  const attempts = new Attempts();
  const places: BackupPlace[] = [];
  try {
    const manifest = await readSealed(files);
    for (const copy of copies) {
      const copying = copyFilesTo(files, manifest, copy, { fileMode, progress, signal }).catch(
        (error: unknown) => {
          signal.throwIfAborted();
          throw notCopied(error, { location, backupId, to: copy.location }, store.location, request);
        },
      );
      const place = await attempts.run(() => copying);
      if (place !== undefined) places.push(place);
    }
  } catch (error) {
    progress.note(`The backup is complete in ${location}, but was not copied.`);
    throw error;
  }
  attempts.end();
  return places;
}

function notCopied(
  reason: unknown,
  { location, backupId, to }: { readonly location: string; readonly backupId: string; readonly to: string },
  repository: string,
  { name, s3 }: BackupRequest,
): Failure {
  const command = (verb: string, what: string, at: string, ...rest: string[]) =>
    quote(["postgis-backup", verb, what, "--repository", at, ...rest, ...(isS3Url(at) ? s3Options(s3) : [])]);
  const send = command("export", backupId, repository, "--name", name);
  const receive = command("import", "-", to);
  const why = reason instanceof Error ? reason.message : String(reason);
  return new Failure(
    "upload-failed",
    `The backup is complete in ${location}, but did not get to ${to}: ${why} Send it there later: ${send} | ${receive}`,
  );
}
