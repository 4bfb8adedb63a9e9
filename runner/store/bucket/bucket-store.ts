import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { Failure } from "../../failure";
import { BackupName } from "../../request";
import { backupTime } from "../folder";
import { keepFile, type Store } from "../store";
import type { Bucket } from "./client";
import { answered, taken } from "./failures";
import { receiveInto } from "./incoming";
import { bucketUrl } from "./location";
import { listNames, listObjects, readObject } from "./objects";
import { finishRemovals, removeBackup } from "./removal";
import { readSeries } from "./series";

/** Backups as objects, prefix/name/id/file. What is not below an id is not of a backup, and is never touched. */
export function bucketStore(bucket: Bucket): Store {
  const seriesPrefix = (name: string) => `${bucket.prefix}${name}/`;
  const prefixOf = (name: string, id: string) => `${seriesPrefix(name)}${id}/`;
  return {
    location: bucketUrl(bucket, bucket.prefix),
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
      `${bucketUrl(bucket, key)} is missing: the backup is damaged. Use another one.`,
    );
  yield* content;
}

async function mark({ client, bucket, signal }: Bucket, key: string, kept: boolean): Promise<void> {
  const object = { Bucket: bucket, Key: key };
  const options = { abortSignal: signal };
  if (!kept) {
    await client.send(new DeleteObjectCommand(object), options);
    return;
  }
  const put = new PutObjectCommand({ ...object, Body: "", ChecksumAlgorithm: "SHA256", IfNoneMatch: "*" });
  await client.send(put, options).catch((error: unknown) => {
    if (!answered(error, ...taken)) throw error;
  });
}
