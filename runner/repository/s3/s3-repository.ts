import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Failure } from "../../lib/failure";
import { BackupName } from "../../request";
import { type Store } from "../repository";
import type { Bucket } from "./client";
import { maybeDone } from "./failures";
import { receiveInto } from "./incoming";
import { s3Url } from "../../request/location";
import { headObject, listNames, listObjects, readObject } from "./objects";
import { finishRemovals, removeBackup } from "./removal";
import { readSeries } from "./series";
import { backupTime } from "../backup-id";
import { keepFile } from "../layout";

/** Backups as objects, prefix/name/id/file. What is not below an id is not of a backup, and is never touched. */
export function bucketStore(bucket: Bucket): Store {
  const seriesPrefix = (name: string) => `${bucket.prefix}${name}/`;
  const prefixOf = (name: string, id: string) => `${seriesPrefix(name)}${id}/`;
  return {
    location: s3Url(bucket, bucket.prefix),
    async series() {
      const names = (await listNames(bucket, bucket.prefix)).filter(
        (name) => BackupName.safeParse(name).success,
      );
      const used: string[] = [];
      for (const name of names) {
        const ids = await listNames(bucket, seriesPrefix(name));
        if (ids.some((id) => backupTime(id) !== undefined)) used.push(name);
      }
      return used.sort();
    },
    backups: (name) => readSeries(bucket, name),
    isTaken: async (name, id) => (await listObjects(bucket, prefixOf(name, id))).length > 0,
    remove: (name, id) => removeBackup(bucket, prefixOf(name, id), id),
    finishRemovals: (name) => finishRemovals(bucket, seriesPrefix(name), new Date()),
    mark: (name, id, kept) => mark(bucket, `${prefixOf(name, id)}${keepFile}`, kept),
    folder: () => undefined,
    read: (name, id, file) => read(bucket, `${prefixOf(name, id)}${file}`),
    receive: (arrival) => receiveInto(bucket, prefixOf(arrival.name, arrival.id), arrival),
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

/** Where the answer was lost, what is there counts. */
async function mark(bucket: Bucket, key: string, kept: boolean): Promise<void> {
  const object = { Bucket: bucket.bucket, Key: key };
  const options = { abortSignal: bucket.signal };
  const put = () =>
    bucket.client.send(
      new PutObjectCommand({
        ...object,
        Body: new Uint8Array(),
        ChecksumAlgorithm: "SHA256",
        IfNoneMatch: "*",
      }),
      options,
    );
  const remove = () => bucket.client.send(new DeleteObjectCommand(object), options);
  try {
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
