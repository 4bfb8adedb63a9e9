/** Copies of a complete and verified backup in other repositories. */
import pMap from "p-map";
import { totalBytes } from "../lib/bytes";
import { Failure } from "../lib/failure";
import { formatBytes, type Progress } from "../lib/progress";
import type { BackupFiles } from "../repository/backup-files";
import { checkedContent, onceOnly } from "../repository/checked-content";
import { sealOf } from "../repository/checksums";
import type { StoredFile } from "../repository/files";
import { manifestFile, sumsFile } from "../repository/layout";
import type { Manifest } from "../repository/manifest";
import type { IncomingBackup, Store } from "../repository/repository";
import type { BackupPlace } from "../request";
import { summarizeVersionIds } from "../request/result";

/** Files on their way at once. */
const atOnce = 4;

interface Copying {
  readonly fileMode: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Writes the files of a backup into a repository. What is read is compared with the manifest, and what is written is compared by
 * the server or forced to disk, so that what is there needs no reading back.
 */
export async function copyFilesTo(
  from: BackupFiles,
  manifest: Manifest,
  store: Store,
  { fileMode, progress, signal }: Copying,
): Promise<BackupPlace> {
  const { name, id, files } = manifest;
  const location = store.folder(name, id) ?? `${store.location}/${name}/${id}`;
  const bytes = totalBytes(files);
  const incoming = await store.receive({ name, id, bytes, fileMode: Number.parseInt(fileMode, 8) });
  progress.note(`Copying ${files.length} files, ${formatBytes(bytes)}, to ${location}.`);
  let [current, sent] = ["", 0];
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(sent),
  );
  const send = (file: StoredFile) => {
    current = file.path;
    const changed = (problem: string) =>
      new Failure("checksum-mismatch", `${from.location}: ${file.path} ${problem}, after it was verified.`);
    return incoming.write(
      file.path,
      checkedContent(from.read(file.path), file, changed, (more) => (sent += more)),
    );
  };
  try {
    await pMap(files, send, { concurrency: atOnce, signal });
    const { place, notes } = await sealIn(incoming, location, manifest);
    for (const note of notes) progress.note(`warning: ${note}`);
    return place;
  } catch (error) {
    throw await incoming.abandon(error);
  } finally {
    stop();
  }
}

/** Writes the checksums, and then the manifest, which makes it a backup. */
export async function sealIn(
  incoming: IncomingBackup,
  location: string,
  manifest: Manifest,
): Promise<{ readonly place: BackupPlace; readonly notes: readonly string[] }> {
  const { source, sums } = sealOf(manifest);
  await incoming.write(sumsFile, onceOnly(Buffer.from(sums)));
  await incoming.write(manifestFile, onceOnly(Buffer.from(source)));
  const { versionIds, notes = [] } = await incoming.publish();
  const place = {
    location,
    manifest: `${location}/${manifestFile}`,
    ...(Object.keys(versionIds).length === 0
      ? {}
      : { versionIds: summarizeVersionIds(versionIds, manifestFile) }),
  };
  return { place, notes };
}
