import { Failure } from "../lib/failure";
import { decompressed } from "../postgres/archive/decompress";
import type { BackupFiles } from "../repository/files";
import type { StoredFile } from "../repository/files";
import { checkFiles, readChecked } from "../repository/checksums";

/** The script that a plain archive is; fails unless the file can be read to its end, and is what the manifest records. */
export async function* readPlainArchive(
  files: BackupFiles,
  recorded: StoredFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* decompressed(readChecked(files, recorded), recorded.path, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) throw error;
    // What cannot be decompressed may be damaged, which only its last byte tells.
    await checkFiles(files, [recorded], signal);
    throw new Failure(
      "archive-incomplete",
      `The archive cannot be read to its end: ${(error as Error).message}. Do not rely on this backup.`,
    );
  }
}
