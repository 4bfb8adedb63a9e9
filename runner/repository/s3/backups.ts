/** Finds the backups in a bucket by listings and manifests. */
import pMap from "p-map";
import { parseManifest } from "../manifest";
import { readWhole } from "../checksums";
import { findInconsistency } from "../inconsistency";
import { newestOf } from "../newest";
import { type StoredBackup } from "../repository";
import { readVerifications } from "../verification";
import type { BackupFiles } from "../files";
import type { Bucket } from "./client";
import { s3Url } from "../../request/location";
import { listObjects, readObject, type StoredObject } from "./objects";
import { backupTime } from "../backup-id";
import { manifestFile, keepFile } from "../layout";
import { totalBytes } from "../../lib/format";

/** Number of manifests that are read at once. */
const atOnce = 8;

/** The objects under each id, each with its path in the backup. */
export async function objectsById(bucket: Bucket, namePrefix: string): Promise<Map<string, StoredObject[]>> {
  const found = new Map<string, StoredObject[]>();
  for (const object of await listObjects(bucket, namePrefix)) {
    const [, id = "", path = ""] = /^([^/]+)\/(.+)$/s.exec(object.path) ?? [];
    if (backupTime(id) === undefined) continue;
    const objects = found.get(id) ?? [];
    found.set(id, objects);
    objects.push({ ...object, path });
  }
  return found;
}

/** The backups of a name, oldest first, as keys are listed. Objects without a manifest are not a backup. */
export async function readBackups(
  bucket: Bucket,
  name: string,
  filesOf: (id: string) => BackupFiles,
): Promise<StoredBackup[]> {
  const namePrefix = `${bucket.prefix}${name}/`;
  const backups = [...(await objectsById(bucket, namePrefix))].filter(([, objects]) =>
    objects.some(({ path }) => path === manifestFile),
  );
  const read = ([id, objects]: [string, StoredObject[]]) =>
    readBackup(bucket, { id, name, prefix: `${namePrefix}${id}/` }, objects, filesOf(id));
  const found = (await pMap(backups, read, { concurrency: atOnce })).filter((backup) => backup !== undefined);
  const objects = new Map(backups);
  const latest = newestOf(
    found,
    ({ id }) => objects.get(id)?.find(({ path }) => path === manifestFile)?.modified,
  );
  return found.map((backup) => ({ ...backup, latest: backup === latest }));
}

async function readBackup(
  bucket: Bucket,
  { id, name, prefix }: { id: string; name: string; prefix: string },
  objects: readonly StoredObject[],
  files: BackupFiles,
): Promise<StoredBackup | undefined> {
  const source = await readObject(bucket, prefix + manifestFile);
  // Another process has removed the backup meanwhile.
  if (source === undefined) return undefined;
  const stored = {
    id,
    name,
    location: s3Url(bucket, prefix),
    startedAt: backupTime(id) ?? new Date(Number.NaN),
    bytes: totalBytes(objects),
    kept: objects.some(({ path }) => path === keepFile),
    latest: false,
    verifications: await readVerifications(files, objects),
  };
  const { manifest, problem } = parseManifest((await readWhole(source)).toString());
  if (problem !== undefined) return { ...stored, problem };
  const inconsistency = findInconsistency(manifest, id, name, objects);
  return inconsistency === undefined
    ? { ...stored, manifest }
    : { ...stored, manifest, problem: inconsistency };
}
