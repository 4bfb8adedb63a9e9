/** A complete backup as one tar file: `<name>/<id>/` and all below it, the manifest and the checksums first. */
import path from "node:path";
import type { Writable } from "node:stream";
import { Failure } from "../lib/failure";
import { type Progress } from "../lib/progress";
import type { ExportRequest } from "../request";
import { onceOnly, readWhole, damaged, parseRecord, readChecked } from "../repository/checksums";
import { writeNewFile } from "./new-file";
import { oddPath } from "../repository/plain-paths";
import { openBackup } from "../repository/open";
import { tarBytes, type TarFile, writeTar } from "../lib/tar";
import { manifestFile, sumsFile } from "../repository/layout";
import { formatBytes, totalBytes } from "../lib/format";

export interface ExportResult {
  readonly backupId: string;
  readonly name: string;
  /** Absolute path of the tar file, or `-`. */
  readonly file: string;
  readonly files: number;
  /** Size of the tar file. */
  readonly sizeBytes: number;
}

/** Every file is checked while it is written. A damaged file fails the export, and the tar stays incomplete. */
export async function exportBackup(
  request: ExportRequest,
  standardOutput: Writable,
  progress: Progress,
  signal: AbortSignal,
): Promise<ExportResult> {
  const { repository, found } = await openBackup(request, signal);
  const { name, id, location } = found;
  const { file } = request;
  const stored = repository.files(name, id);
  const [source, sums] = [await readWhole(stored.read(manifestFile)), await readWhole(stored.read(sumsFile))];
  const { manifest } = parseRecord(source, sums, location);
  if (manifest.name !== name || manifest.id !== id)
    throw damaged(location, `${manifestFile} is that of ${manifest.name}/${manifest.id}`);
  const odd = oddPath(manifest.files);
  if (odd !== undefined) throw damaged(location, odd);
  const sizes = [source.length, sums.length, ...manifest.files.map(({ bytes }) => bytes)];
  const sizeBytes = tarBytes(sizes);
  progress.note(`Exporting ${location}: ${sizes.length} files, ${formatBytes(sizeBytes)}.`);
  let current = manifestFile;
  let written = 0;
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(written),
    totalBytes(manifest.files),
  );
  const contents = function* (): Generator<TarFile> {
    const inTar = (file: string) => path.posix.join(name, id, file);
    yield { path: inTar(manifestFile), bytes: source.length, content: onceOnly(source) };
    yield { path: inTar(sumsFile), bytes: sums.length, content: onceOnly(sums) };
    for (const recorded of manifest.files) {
      current = recorded.path;
      const content = readChecked(stored, recorded, (bytes) => (written += bytes));
      yield { path: inTar(recorded.path), bytes: recorded.bytes, content };
    }
  };
  const write = (destination: Writable) =>
    writeTar(contents(), new Date(manifest.finishedAt), destination, signal);
  try {
    if (file === "-") await write(standardOutput).catch(describeOutput);
    else await writeNewFile(file, sizeBytes, write);
  } finally {
    stop();
  }
  return {
    backupId: id,
    name,
    file: file === "-" ? file : path.resolve(file),
    files: sizes.length,
    sizeBytes,
  };
}

/** Describes errors of writing; errors of reading are described already. */
function describeOutput(error: unknown): never {
  if (!(error instanceof Error && "code" in error && "syscall" in error)) throw error;
  if (error.code !== "EPIPE")
    throw new Failure(
      "output-not-written",
      `Standard output cannot be written: ${error.message}. The tar is not whole; make room, and export again.`,
    );
  throw new Failure(
    "interrupted",
    "The program that reads the tar ended before the tar did; see what it says.",
  );
}
