import { constants } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { type BackupFiles, chunkBytes } from "../files";
import { isErrno } from "../../lib/files";

/** The files of a backup in a folder, complete or not. */
export function filesIn(folder: string): BackupFiles {
  return { location: folder, folder, read: (file) => readFrom(path.join(folder, file)) };
}

/** Follows no link, and does not wait for a pipe. */
const onlyFiles = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

const noFile = (file: string) =>
  new Failure(
    "checksum-mismatch",
    `${file} is a link or not a file: the backup was changed. Use another one.`,
  );

async function* readFrom(file: string): AsyncGenerator<Uint8Array, void> {
  try {
    const handle = await open(file, onlyFiles);
    const stats = await handle.stat();
    // Reading a folder fails by itself, with a clear error.
    if (stats.isFile() || stats.isDirectory())
      yield* handle.createReadStream({ highWaterMark: chunkBytes(stats.size) }) as AsyncIterable<Uint8Array>;
    else {
      await handle.close();
      throw noFile(file);
    }
  } catch (error) {
    if (error instanceof Failure) throw error;
    if (isErrno(error, "ELOOP")) throw noFile(file);
    throw isErrno(error, "ENOENT")
      ? new Failure("checksum-mismatch", `${file} is missing: the backup is damaged. Use another one.`)
      : new Failure("folder-not-readable", `${file} cannot be read: ${(error as Error).message}.`);
  }
}
