import pMap from "p-map";
import { Failure } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import { checkedContent } from "../repository/checked-content";
import type { StoredFile } from "../repository/files";
import type { Store } from "../repository/repository";
import { bucketLocation, sealInBucket } from "./bucket-destination";
import type { Draft, Place, Publication } from "./destination";
import { totalBytes, formatBytes } from "../lib/format";

/** Files on their way at once. */
const atOnce = 4;

/**
 * Copies a backup that is complete and verified into a bucket. What is read is compared with the manifest, and the server
 * compares what it gets with the checksum of each part, so that what is there needs no reading back.
 */
export async function uploadDraft(
  { id, stored }: Pick<Draft, "id" | "stored">,
  store: Store,
  manifest: Manifest,
  { progress, signal }: Publication,
): Promise<Place> {
  const { name, files } = manifest;
  const location = bucketLocation(store, name, id);
  const bytes = totalBytes(files);
  const incoming = await store.receive({ name, id, bytes, fileMode: 0o600 });
  progress.note(`Uploading ${files.length} files, ${formatBytes(bytes)}, to ${location}.`);
  let [current, sent] = ["", 0];
  const stop = progress.follow(
    () => current,
    () => Promise.resolve(sent),
  );
  const send = (file: StoredFile) => {
    current = file.path;
    const changed = (problem: string) =>
      new Failure("checksum-mismatch", `${stored.location}: ${file.path} ${problem}, after it was verified.`);
    return incoming.write(
      file.path,
      checkedContent(stored.read(file.path), file, changed, (more) => (sent += more)),
    );
  };
  try {
    await pMap(files, send, { concurrency: atOnce, signal });
    return await sealInBucket(incoming, location, manifest);
  } catch (error) {
    throw await incoming.abandon(error);
  } finally {
    stop();
  }
}
