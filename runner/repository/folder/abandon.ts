import { existsSync } from "node:fs";
import { rm, statfs } from "node:fs/promises";
import { Failure } from "../../lib/failure";
import { bytesBelow } from "../files";
import { formatBytes } from "../../lib/format";
import path from "node:path";

/** Removes what a failed run wrote; returns the failure to report: a full or unwritable disk if that was the cause. */
export async function abandonBackup(
  { workPath, finalPath }: { readonly workPath: string; readonly finalPath: string },
  error: unknown,
): Promise<unknown> {
  const folder = path.dirname(finalPath);
  const vanished = !existsSync(workPath) && !existsSync(finalPath);
  const written = await bytesBelow(workPath);
  const notRemoved = await rm(workPath, { recursive: true, force: true, maxRetries: 3 }).then(
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
      "folder-not-writable",
      `Somebody removed or moved ${workPath} while the backup was being written there. Nothing of this run was kept.`,
    );
  }
  if (isWriteError(error) || notRemoved !== undefined) {
    const { message } = (isWriteError(error) ? error : notRemoved) as Error;
    const rest = existsSync(workPath) ? ` Remove ${workPath}, which is incomplete.` : "";
    return new Failure(
      "folder-not-writable",
      `The backup folder ${folder} can no longer be written: ${message}.${rest}`,
    );
  }
  return error;
}

/** Whether the file system caused the error, in a call of this program or of pg_dump. */
function isWriteError(error: unknown, code?: string): error is NodeJS.ErrnoException {
  if (!(error instanceof Error && "code" in error && "syscall" in error)) return false;
  return (code === undefined || error.code === code) && !String(error.syscall).startsWith("spawn");
}
