import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { formatBytes } from "../../lib/progress";
import { bytesBelow } from "../files";
import { discardBackup, type PendingBackup } from "./folder";

/** Removes what a failed run wrote; gives the failure to report, which is the destination's where that was the cause. */
export async function abandonBackup(
  pending: Pick<PendingBackup, "workPath" | "finalPath">,
  error: unknown,
): Promise<unknown> {
  const { workPath, finalPath } = pending;
  const folder = path.dirname(finalPath);
  const vanished = !existsSync(workPath) && !existsSync(finalPath);
  const written = await bytesBelow(workPath);
  const notRemoved = await discardBackup(pending).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isWriteError(error, "ENOSPC") || isWriteError(error, "EDQUOT")) {
    const { bavail, bsize } = await statfs(folder);
    return new Failure(
      "space-insufficient",
      `The disk of ${folder} is full: this backup had ${formatBytes(written)} when it had to stop (${error.message}). ` +
        `Now that they are removed, ${formatBytes(bavail * bsize)} are free. Free some more, or choose another repository.`,
    );
  }
  if (vanished) {
    return new Failure(
      "directory-not-writable",
      `Somebody removed or moved ${workPath} while the backup was being written there. Nothing of this run was kept.`,
    );
  }
  if (isWriteError(error) || notRemoved !== undefined) {
    const { message } = (isWriteError(error) ? error : notRemoved) as Error;
    const rest = existsSync(workPath) ? ` Remove ${workPath}, which is incomplete.` : "";
    return new Failure(
      "directory-not-writable",
      `The backup folder ${folder} can no longer be written: ${message}.${rest}`,
    );
  }
  return error;
}

/** An error of the file system, from this program's own calls or in the words of pg_dump. */
function isWriteError(error: unknown, code?: string): error is NodeJS.ErrnoException {
  if (!(error instanceof Error && "code" in error && "syscall" in error)) return false;
  return (code === undefined || error.code === code) && !String(error.syscall).startsWith("spawn");
}
