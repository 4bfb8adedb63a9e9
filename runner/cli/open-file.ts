import { open } from "node:fs/promises";
import type { Readable } from "node:stream";
import { Failure } from "../lib/failure";
import { isErrno } from "../lib/files";

/** Opens a file that the user named. */
export async function openFile(file: string): Promise<Readable> {
  try {
    const handle = await open(file);
    return handle.createReadStream({ highWaterMark: 1 << 20 });
  } catch (error) {
    throw isErrno(error, "ENOENT")
      ? new Failure("backup-not-found", `There is no file ${file}.`)
      : new Failure(
          "folder-not-readable",
          `${file} cannot be read: ${(error as Error).message}. Give this user permission to read it.`,
        );
  }
}
