/** Copies a complete and verified backup from one repository to another. */
import pMap from "p-map";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { checkedContent, type BackupRecord } from "../repository/checksums";
import type { StoredFile, BackupFiles } from "../repository/files";
import { formatBytes, totalBytes } from "../lib/format";
import type { Published, Repository } from "../repository/repository";

/** Number of files that are copied at once. */
const atOnce = 4;

/**
 * Content is compared with the manifest while it is read, and the S3 server compares what it gets, or files are forced to disk. So
 * the copy is not read back.
 */
export async function copyBackup(
  from: BackupFiles,
  record: BackupRecord,
  to: Repository,
  fileMode: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<Published> {
  const { name, id, files } = record.manifest;
  const bytes = totalBytes(files);
  const writer = await to.create({ name, id, mostBytes: bytes, fileMode });
  progress.note(`Copying ${files.length} files, ${formatBytes(bytes)}, to ${to.files(name, id).location}.`);
  let [current, sent] = ["", 0];
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(sent),
    bytes,
  );
  const send = (file: StoredFile) => {
    current = file.path;
    const changed = (problem: string) =>
      new Failure("checksum-mismatch", `${from.location}: ${file.path} ${problem}, after it was verified.`);
    const content = checkedContent(from.read(file.path), file, changed, (more) => (sent += more));
    return writer.write(file.path, content, file);
  };
  try {
    await to.checkSpace(name, bytes);
    await pMap(files, send, { concurrency: atOnce, signal });
    const published = await writer.publish(record, signal);
    for (const note of published.notes) progress.note(`warning: ${note}`);
    return published;
  } catch (error) {
    throw await writer.abandon(error);
  } finally {
    stop();
  }
}
