import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Failure } from "../../lib/failure";
import { BackupName } from "../../request";
import type { BackupFiles } from "../files";
import type { Repository } from "../repository";
import type { Bucket } from "./client";
import { maybeDone } from "./failures";
import { asNew, checked } from "./features";
import { createInBucket } from "./writer";
import { s3Url } from "../../request/location";
import { headObject, listNames, listObjects, readObject } from "./objects";
import { finishRemovals, removeBackup } from "./removal";
import { readBackups } from "./backups";
import { backupTime } from "../backup-id";
import { keepFile, manifestFile, verificationFile } from "../layout";
import { type Verification, verificationText } from "../verification";

/** Backups as objects, prefix/name/id/file. Objects that are not below an id belong to no backup, and are never touched. */
export function s3Repository(bucket: Bucket): Repository {
  const namePrefix = (name: string) => `${bucket.prefix}${name}/`;
  const prefixOf = (name: string, id: string) => `${namePrefix(name)}${id}/`;
  const filesOf = (name: string, id: string): BackupFiles => ({
    location: s3Url(bucket, prefixOf(name, id)),
    folder: undefined,
    read: (file) => read(bucket, `${prefixOf(name, id)}${file}`),
  });
  return {
    location: s3Url(bucket, bucket.prefix),
    async names() {
      const names = (await listNames(bucket, bucket.prefix)).filter(
        (name) => BackupName.safeParse(name).success,
      );
      const used: string[] = [];
      for (const name of names) {
        const ids = await listNames(bucket, namePrefix(name));
        if (ids.some((id) => backupTime(id) !== undefined)) used.push(name);
      }
      return used.sort();
    },
    backups: (name) => readBackups(bucket, name, (id) => filesOf(name, id)),
    isTaken: async (name, id) => (await listObjects(bucket, prefixOf(name, id))).length > 0,
    remove: (name, id) => removeBackup(bucket, prefixOf(name, id), id),
    finishRemovals: (name) => finishRemovals(bucket, namePrefix(name), new Date()),
    mark: (name, id, kept) => mark(bucket, `${prefixOf(name, id)}${keepFile}`, kept),
    record: (name, id, verification) => record(bucket, prefixOf(name, id), verification),
    files: filesOf,
    folder: () => undefined,
    // Listing the backups shows whether the bucket exists; only writing shows whether it can be written.
    check: () => Promise.resolve(),
    checkSpace: () => Promise.resolve(),
    create: (backup) =>
      createInBucket(bucket, (id) => prefixOf(backup.name, id), filesOf(backup.name, backup.id), backup),
  };
}

async function* read(bucket: Bucket, key: string): AsyncGenerator<Uint8Array, void> {
  const content = await readObject(bucket, key);
  if (content === undefined)
    throw new Failure(
      "checksum-mismatch",
      `${s3Url(bucket, key)} is missing: the backup is damaged. Use another one.`,
    );
  yield* content;
}

/** Objects that are put beside a backup which was removed meanwhile would stay for a day, so this looks first. */
async function record(bucket: Bucket, prefix: string, verification: Verification): Promise<void> {
  if ((await headObject(bucket, prefix + manifestFile)) === undefined)
    throw new Failure("backup-not-found", `${s3Url(bucket, prefix)} was removed meanwhile.`);
  const command = new PutObjectCommand({
    Bucket: bucket.bucket,
    Key: prefix + verificationFile(verification.level),
    Body: verificationText(verification),
    ...checked(bucket),
  });
  await bucket.client.send(command, { abortSignal: bucket.signal });
}

/** Marks or unmarks a backup. If the answer was lost, the mark itself shows whether the request was done. */
async function mark(bucket: Bucket, key: string, kept: boolean): Promise<void> {
  const object = { Bucket: bucket.bucket, Key: key };
  const options = { abortSignal: bucket.signal };
  const put = () =>
    bucket.client.send(
      new PutObjectCommand({
        ...object,
        Body: new Uint8Array(),
        ...checked(bucket),
        ...asNew(bucket),
      }),
      options,
    );
  const remove = () => bucket.client.send(new DeleteObjectCommand(object), options);
  try {
    if (kept && !bucket.conditionalWrites && (await headObject(bucket, key)) !== undefined) return;
    await (kept ? put() : remove());
  } catch (error) {
    if (!maybeDone(error)) throw error;
    const isThere = await headObject(bucket, key).then(
      (head) => head !== undefined,
      () => !kept,
    );
    if (isThere !== kept) throw error;
  }
}
