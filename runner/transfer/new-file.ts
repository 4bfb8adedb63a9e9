import { createWriteStream } from "node:fs";
import { lstat, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Writable } from "node:stream";
import { Failure } from "../lib/failure";
import { checkSpace } from "../repository/folder/space";
import { removeDeadWork, workName } from "../lib/work-name";
import { isErrno, syncToDisk } from "../lib/files";

/** Writes a file that appears under its name only when it is complete and on disk; an existing file stays until then. */
export async function writeNewFile(
  file: string,
  bytes: number,
  write: (destination: Writable) => Promise<void>,
  mode = 0o600,
): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  const name = path.basename(file);
  const work = path.join(folder, workName(name));
  try {
    await failUnlessFile(file);
    await removeDeadWork(folder);
    await checkSpace(folder, bytes);
    await write(createWriteStream(work, { flags: "wx", mode, flush: true }));
    await rename(work, file);
    await syncToDisk(folder);
  } catch (error) {
    await rm(work, { force: true }).catch(() => undefined);
    throw describe(file, error);
  }
}

/** Fails for a device, a pipe or a link, because the new file would replace it. */
async function failUnlessFile(file: string): Promise<void> {
  const stats = await lstat(file).catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  });
  if (stats === undefined || stats.isFile()) return;
  throw new Failure(
    "folder-not-writable",
    `${file} exists and is not a plain file, so it is not replaced. Choose another name, or "-" with ">" for a device or a pipe.`,
  );
}

function describe(file: string, error: unknown): unknown {
  if (!(error instanceof Error && "syscall" in error) || error instanceof Failure) return error;
  const full = isErrno(error, "ENOSPC") || isErrno(error, "EDQUOT");
  return new Failure(
    full ? "space-insufficient" : "folder-not-writable",
    `${file} cannot be written: ${error.message}. Nothing of it was kept; ${full ? "free some space" : "give this user write permission"}, or choose another file.`,
  );
}
