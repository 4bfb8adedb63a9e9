/**
 * Uploads of any size in little memory: the parts of all files share a few buffers. An upload fails only when none of its
 * parts is being sent any more, so that aborting it afterwards leaves nothing.
 *
 * What is given up while the server writes it may be kept all the same: a part although its upload was aborted (S3 documents
 * this for AbortMultipartUpload), an object although it was not there when this process looked. So when something fails, the
 * requests that are on their way have a few seconds to end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { Failure } from "../../lib/failure";
import type { Bucket } from "./client";
import { answered, RequestFailure } from "./failures";
import { asNew, checked, mostParts } from "./features";
import { headObject } from "./objects";
import { setting } from "../../lib/setting";
import { s3Url } from "../../request/location";
import { type Part, type PartBuffers, partsOf } from "./parts";

/** A multipart upload that was neither completed nor aborted. */
export interface OpenUpload {
  readonly Key: string;
  readonly UploadId: string;
}

/** How an object is written. */
export interface ObjectOptions {
  /** Lets the writer recognise the object as its own. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Called before the request that makes the object appear. */
  readonly onCommit?: () => void;
}

export type OpenUploads = Set<OpenUpload>;

const betweenAborts = 200;
/** How long the requests of a failed upload may go on. A part of 8 MiB needs it at 3 MiB/s. */
const graceMilliseconds = 3000;

/** Writes an object that must not exist yet. Returns its version, if the bucket keeps versions. */
export async function upload(
  bucket: Bucket,
  key: string,
  content: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
  open: OpenUploads,
  object: ObjectOptions = {},
): Promise<string | undefined> {
  const parts = partsOf(content, buffers);
  const { value: first } = await parts.next();
  if (first === undefined) throw new Error(`${key} has no parts`);
  try {
    return await (first.last
      ? putWhole(bucket, key, first, object)
      : putParts(bucket, key, first, parts, open, object));
  } finally {
    first.free();
    await parts.return();
  }
}

async function putWhole(
  bucket: Bucket,
  Key: string,
  { body }: Part,
  { metadata: Metadata, onCommit }: ObjectOptions,
): Promise<string | undefined> {
  const target = { Bucket: bucket.bucket, Key, Metadata };
  const put = new PutObjectCommand({ ...target, Body: body, ...checked(bucket), ...asNew(bucket) });
  await failIfThere(bucket, Key);
  onCommit?.();
  return (await withGrace(bucket.signal, (options) => bucket.client.send(put, options))).VersionId;
}

function putParts(
  bucket: Bucket,
  Key: string,
  first: Part,
  rest: AsyncIterable<Part>,
  open: OpenUploads,
  object: ObjectOptions,
): Promise<string | undefined> {
  return joinParts(bucket, Key, open, object, async ({ UploadId }) => {
    const failed = new AbortController();
    const stopped = AbortSignal.any([bucket.signal, failed.signal]);
    const send = async ({ number, body, free }: Part): Promise<CompletedPart> => {
      const what = { Bucket: bucket.bucket, Key, UploadId, PartNumber: number, Body: body };
      const part = new UploadPartCommand({ ...what, ...checked(bucket) });
      const { ETag, ChecksumSHA256, ChecksumCRC32 } = await withGrace(stopped, (options) =>
        bucket.client.send(part, options),
      ).finally(free);
      return { PartNumber: number, ETag, ChecksumSHA256, ChecksumCRC32 };
    };
    const sending: Promise<CompletedPart>[] = [];
    const begin = (part: Part) => {
      const sent = send(part);
      sent.catch((error: unknown) => {
        failed.abort(error);
      });
      sending.push(sent);
    };
    try {
      begin(first);
      for await (const part of rest) {
        if (part.number > bucket.maxParts) throw tooLarge(s3Url(bucket, Key), bucket.maxParts);
        begin(part);
        if (stopped.aborted) break;
      }
      return await Promise.all(sending);
    } catch (error) {
      // The other parts were aborted when one failed, so their errors do not say why.
      throw failed.signal.aborted ? failed.signal.reason : error;
    } finally {
      failed.abort();
      await Promise.allSettled(sending);
    }
  });
}

/**
 * Makes an object, which must not exist yet, of the parts that `send` brings there. That ends only when no part is on its way any
 * more. Returns the version of the object.
 */
export async function joinParts(
  bucket: Bucket,
  Key: string,
  open: OpenUploads,
  { metadata: Metadata, onCommit }: ObjectOptions,
  send: (upload: OpenUpload) => Promise<CompletedPart[]>,
): Promise<string | undefined> {
  const target = { Bucket: bucket.bucket, Key };
  const create = new CreateMultipartUploadCommand({ ...target, Metadata, ...checked(bucket) });
  const { UploadId = "" } = await withGrace(bucket.signal, (options) => bucket.client.send(create, options));
  const upload = { Key, UploadId };
  open.add(upload);
  const Parts = await send(upload);
  const complete = new CompleteMultipartUploadCommand({
    ...target,
    UploadId,
    MultipartUpload: { Parts },
    ...asNew(bucket),
  });
  await failIfThere(bucket, Key);
  onCommit?.();
  const { client, patientClient = client } = bucket;
  const { VersionId } = await withGrace(bucket.signal, (options) => patientClient.send(complete, options));
  open.delete(upload);
  return VersionId;
}

/** Sends a request, and gives it up some time after the signal. */
export async function withGrace<Answer>(
  stopped: AbortSignal,
  send: (options: { readonly abortSignal: AbortSignal }) => Promise<Answer>,
): Promise<Answer> {
  stopped.throwIfAborted();
  const ended = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    timer = setTimeout(() => {
      ended.abort(stopped.reason);
    }, graceMilliseconds);
  };
  stopped.addEventListener("abort", begin, { once: true });
  try {
    return await send({ abortSignal: ended.signal });
  } finally {
    stopped.removeEventListener("abort", begin);
    clearTimeout(timer);
  }
}

/** For a server that knows no conditions. What another run writes after this look is overwritten. */
async function failIfThere(bucket: Bucket, key: string): Promise<void> {
  if (bucket.conditionalWrites || (await headObject(bucket, key)) === undefined) return;
  throw new RequestFailure("s3-failed", `${s3Url(bucket, key)} exists already.`, "PreconditionFailed");
}

export function tooLarge(url: string, maxParts: number): Failure {
  return new Failure(
    "s3-failed",
    `${url} is larger than was expected when its upload began, and cannot be stored in ${maxParts} parts.` +
      (maxParts < mostParts
        ? ` If the server takes more, set a larger ${setting("--s3-max-parts", "s3.maxParts")}.`
        : ""),
  );
}

/** Aborts an upload. A part may still arrive after an abort, so the abort is repeated until nothing is left. */
export async function abortUpload({ client, bucket, signal }: Bucket, upload: OpenUpload): Promise<void> {
  const target = { Bucket: bucket, ...upload };
  const options = { abortSignal: signal };
  try {
    for (;;) {
      await client.send(new AbortMultipartUploadCommand(target), options);
      await client.send(new ListPartsCommand(target), options);
      await sleep(betweenAborts, undefined, { signal });
    }
  } catch (error) {
    if (!answered(error, "NoSuchUpload")) throw error;
  }
}
