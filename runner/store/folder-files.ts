import { createReadStream } from "node:fs";
import path from "node:path";
import { Failure } from "../failure";
import type { BackupFiles } from "./backup-files";
import { isErrno } from "./folder";

/** The files of a backup in a folder, complete or not. */
export function filesIn(folder: string): BackupFiles {
  return { location: folder, folder, read: (file) => readFrom(path.join(folder, file)) };
}

async function* readFrom(file: string): AsyncGenerator<Uint8Array, void> {
  try {
    yield* createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw isErrno(error, "ENOENT")
      ? new Failure("checksum-mismatch", `${file} is missing: the backup is damaged. Use another one.`)
      : new Failure("directory-not-readable", `${file} cannot be read: ${(error as Error).message}.`);
  }
}
