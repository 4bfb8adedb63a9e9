/** Brings in a backup that `export` wrote, here or elsewhere; all of it is checked while it is written. */
import path from "node:path";
import type { Readable } from "node:stream";
import { Failure } from "../lib/failure";
import { type Progress } from "../lib/progress";
import type { ImportRequest } from "../request";
import { checkedContent, readWhole, type BackupRecord } from "../repository/checksums";
import { alreadyExists, type BackupWriter, type Repository } from "../repository/repository";
import { endsEarly, readTar, type TarEntry } from "../lib/tar";
import { invalid, readTarRecord } from "./tar-record";
import { manifestFile, sumsFile } from "../repository/layout";
import { formatBytes, totalBytes } from "../lib/format";

export interface ImportResult {
  readonly backupId: string;
  readonly name: string;
  readonly location: string;
  readonly files: number;
  readonly sizeBytes: number;
  /** False if the same backup existed already and was complete. */
  readonly imported: boolean;
  /** Whether it is the latest backup of its name now. */
  readonly latest: boolean;
}

export async function importBackup(
  repository: Repository,
  request: Omit<ImportRequest, "file">,
  tar: Readable,
  progress: Progress,
  signal: AbortSignal,
): Promise<ImportResult> {
  const entries = readTar(tar, signal);
  try {
    const record = await readTarRecord(entries);
    const { name, id, files } = record.manifest;
    if (request.name !== undefined && request.name !== name) {
      throw new Failure(
        "backup-not-found",
        `The tar holds a backup of "${name}", not of "${request.name}". A backup keeps its name; leave --name out to import it as that.`,
      );
    }
    const imported = !(await isThere(repository, record, signal));
    const sizeBytes = [record.source.length, record.sums.length, ...files.map(({ bytes }) => bytes)].reduce(
      (sum, bytes) => sum + bytes,
    );
    if (imported) {
      progress.note(`Importing ${name}/${id}: ${files.length + 2} files, ${formatBytes(sizeBytes)}.`);
      const fileMode = Number.parseInt(request.fileMode, 8);
      const writer = await repository.create({ name, id, mostBytes: sizeBytes, fileMode });
      try {
        await repository.checkSpace(name, sizeBytes);
        await writeAll(writer, record, entries, progress);
        const { notes } = await writer.publish(record, signal);
        for (const note of notes) progress.note(`warning: ${note}`);
      } catch (error) {
        throw await writer.abandon(error);
      }
    } else {
      // The tar is read to its end, or the program that writes it into a pipe would fail.
      for await (const { path: passed } of entries) progress.note(`${passed} is there already.`);
    }
    const stored = (await repository.backups(name)).find((backup) => backup.id === id);
    if (stored === undefined) throw new Error(`${name}/${id} is gone`);
    const { location, latest } = stored;
    return { backupId: id, name, location, files: files.length + 2, sizeBytes, imported, latest };
  } finally {
    await entries.return();
  }
}

async function writeAll(
  writer: BackupWriter,
  { manifest }: BackupRecord,
  entries: AsyncGenerator<TarEntry, void>,
  progress: Progress,
): Promise<void> {
  const expected = new Map(
    manifest.files.map((file) => [path.posix.join(manifest.name, manifest.id, file.path), file]),
  );
  const total = expected.size;
  let current = manifestFile;
  let read = 0;
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(read),
    totalBytes(manifest.files),
  );
  try {
    for await (const entry of entries) {
      const file = expected.get(entry.path);
      if (file === undefined || !entry.isFile) throw invalid(describeExtra(entry));
      expected.delete(entry.path);
      current = file.path;
      const failure = (problem: string) =>
        new Failure(
          "checksum-mismatch",
          `${file.path} in the tar ${problem}. Nothing was imported; transfer it again, or export it again.`,
        );
      if (entry.bytes !== file.bytes) throw failure(`has ${entry.bytes} bytes instead of ${file.bytes}`);
      const content = checkedContent(entry.content, file, failure, (bytes) => (read += bytes));
      await writer.write(file.path, content, file);
    }
  } finally {
    stop();
  }
  const [missing] = expected.values();
  if (missing !== undefined)
    throw endsEarly(`: ${expected.size} of ${total} files are missing, ${missing.path} among them`);
}

function describeExtra({ path: found, isFile }: TarEntry): string {
  return isFile
    ? `${JSON.stringify(found)} is in it, which the manifest does not list or which was there before`
    : `${JSON.stringify(found)} is not a plain file`;
}

/** Whether the same backup exists and is complete. Fails if another backup, or a damaged one, has its id. */
async function isThere(
  repository: Repository,
  { manifest, source, sums }: BackupRecord,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, id, files } = manifest;
  const found = (await repository.backups(name)).find((backup) => backup.id === id);
  if (found === undefined) return false;
  const inTheWay = () => alreadyExists(found.location);
  if (found.problem !== undefined) throw inTheWay();
  const there = repository.files(name, id);
  const same = async (file: string, content: Uint8Array) =>
    (await readWhole(there.read(file))).equals(content);
  if (!(await same(manifestFile, source)) || !(await same(sumsFile, sums))) throw inTheWay();
  for (const file of files) {
    for await (const chunk of checkedContent(there.read(file.path), file, inTheWay)) {
      if (chunk.length > 0) signal.throwIfAborted();
    }
  }
  return true;
}
