/**
 * Removes a backup from a bucket. The manifest is removed first, because a backup without it does not count; then the backup's
 * other files, and nobody else's. If the server refuses, the backup is left, with the reason.
 */
import { Failure } from "../../lib/failure";
import { parseManifest } from "../manifest";
import { readWhole } from "../checksums";
import { ownFiles } from "../own-files";
import { type Removal } from "../repository";
import type { Bucket } from "./client";
import { maybeDone } from "./failures";
import { deleteObjects, headObject, listObjects, readObject, type StoredObject } from "./objects";
import { objectsById } from "./backups";
import { backupTime } from "../backup-id";
import { manifestFile, keepFile } from "../layout";
import { totalBytes } from "../../lib/format";

export async function removeBackup(bucket: Bucket, prefix: string, id: string): Promise<Removal> {
  const objects = await listObjects(bucket, prefix);
  if (objects.length === 0) return { id, bytes: 0 };
  const source = await readObject(bucket, prefix + manifestFile);
  // Another process is removing it.
  if (source === undefined) return { id, bytes: 0 };
  const { manifest, problem } = parseManifest((await readWhole(source)).toString());
  const own = ownFiles(manifest);
  const left =
    findObstacle(objects, (path) => own.has(path)) ??
    problem ??
    (await findLock(bucket, prefix + manifestFile));
  if (left !== undefined) return { id, left };
  return deleteAll(bucket, prefix, id, objects);
}

/** Objects without a manifest count as abandoned after this time. */
const abandonedAfter = 24 * 60 * 60 * 1000;

/** Removes what interrupted removals and uploads have left: objects without a manifest, and none of them new for a day. */
export async function finishRemovals(bucket: Bucket, namePrefix: string, now: Date): Promise<Removal[]> {
  const before = now.getTime() - abandonedAfter;
  const removals: Removal[] = [];
  for (const [id, objects] of await objectsById(bucket, namePrefix)) {
    const times = [backupTime(id) ?? now, ...objects.map(({ modified }) => modified)];
    if (objects.some(({ path }) => path === manifestFile) || times.some((time) => time.getTime() > before))
      continue;
    const left = findObstacle(objects, (path) => backupFile.test(path));
    const prefix = `${namePrefix}${id}/`;
    removals.push(left === undefined ? await deleteAll(bucket, prefix, id, objects) : { id, left });
  }
  return removals;
}

/** The names that files of a backup have, for backups without a manifest. */
const backupFile =
  /^(SHA256SUMS|RESTORE\.md|(prepare|after-tables)\.sql|verification-(archive|restore)\.json|archive\.(dump|sql(\.[a-z0-9]+)?)|archive\/[\w.-]+)$/;

function findObstacle(
  objects: readonly StoredObject[],
  isOwn: (path: string) => boolean,
): string | undefined {
  if (objects.some(({ path }) => path === keepFile)) return `it is marked "${keepFile}"`;
  const foreign = objects.find(({ path }) => !isOwn(path));
  return foreign && `it contains ${foreign.path}, which is not part of the backup`;
}

/** Why an object is locked. In a bucket with versions, deleting a locked object would hide it and free nothing. */
async function findLock(bucket: Bucket, key: string): Promise<string | undefined> {
  const head = await headObject(bucket, key);
  if (head?.ObjectLockLegalHoldStatus === "ON") return "it is under a legal hold";
  const until = head?.ObjectLockRetainUntilDate;
  if (until === undefined || until.getTime() <= Date.now()) return undefined;
  return `it is locked until ${until.toISOString()}`;
}

async function deleteAll(
  bucket: Bucket,
  prefix: string,
  id: string,
  objects: readonly StoredObject[],
): Promise<Removal> {
  const rest = objects.map(({ path }) => path).filter((path) => path !== manifestFile);
  try {
    await deleteObjects(bucket, [prefix + manifestFile]);
    await deleteObjects(
      bucket,
      rest.map((path) => prefix + path),
    );
    return { id, bytes: totalBytes(objects) };
  } catch (error) {
    bucket.signal.throwIfAborted();
    if (!(error instanceof Failure)) throw error;
    // Without its manifest it is not a backup any more; a later run removes the other files.
    if (maybeDone(error) && (await isWithoutManifest(bucket, prefix)))
      return { id, bytes: totalBytes(objects) };
    return { id, left: error.message };
  }
}

async function isWithoutManifest(bucket: Bucket, prefix: string): Promise<boolean> {
  return headObject(bucket, prefix + manifestFile).then(
    (head) => head === undefined,
    () => false,
  );
}
