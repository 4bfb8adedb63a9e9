/** The scripts of a backup: a plain archive, and what ends in .sql. */
import type { StoredFile, BackupFiles } from "../repository/files";
import { readChecked, checkFiles, recordedFile } from "../repository/checksums";
import { Failure } from "../lib/failure";
import { prepareFile } from "../repository/layout";
import { safeScript } from "../postgres/archive/script-pieces";
import type { Verifiable } from "./verification";
import { archiveName, decompressed } from "../postgres/archive/compression";

/** The script in a plain archive. Fails unless the file can be read to its end and has the checksum of the manifest. */
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
    // If the file is damaged, its checksum says more than the error of the decompressor.
    await checkFiles(files, [recorded], signal);
    throw new Failure(
      "archive-incomplete",
      `The archive cannot be read to its end: ${(error as Error).message}. Do not rely on this backup.`,
    );
  }
}

/** Fails unless the manifest lists the files that are read, so that each has a checksum. */
export function failUnlessListed(manifest: Pick<Verifiable, "files" | "format" | "compression">): void {
  recordedFile(manifest, prepareFile);
  recordedFile(
    manifest,
    manifest.format === "directory" ? `${archiveFile(manifest)}/toc.dat` : archiveFile(manifest),
  );
}

/** Fails if a script of the backup contains a command of psql. A plain archive is a script too. */
export async function checkScripts(
  files: BackupFiles,
  manifest: Pick<Verifiable, "files" | "format" | "compression">,
  { signal, archive }: { readonly signal: AbortSignal; readonly archive: boolean },
): Promise<void> {
  const plain = manifest.format === "plain" ? archiveFile(manifest) : undefined;
  for (const script of manifest.files) {
    if (script.path === plain ? !archive : !script.path.endsWith(".sql")) continue;
    const content =
      script.path === plain ? readPlainArchive(files, script, signal) : readChecked(files, script);
    for await (const piece of safeScript(content, script.path)) if (piece.length > 0) signal.throwIfAborted();
  }
}

export type ArchiveKind = Pick<Verifiable, "format" | "compression">;

export function archiveFile({ format, compression }: ArchiveKind): string {
  return archiveName(format, compression);
}
