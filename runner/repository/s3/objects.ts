import {
  type _Object,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
} from "@aws-sdk/client-s3";
import type { Bucket } from "./client";
import { answered, describeFailure, missing } from "./failures";
import { checked } from "./features";
import { s3Url } from "../../request/location";
import { isStall, mostStalls } from "./stalls";

export interface StoredObject {
  /** Its key, without the prefix that was listed. */
  readonly path: string;
  readonly bytes: number;
  /** By the server's clock. */
  readonly modified: Date;
}

/** All objects whose keys begin with the prefix, in the order of their keys. */
export async function listObjects(bucket: Bucket, prefix: string): Promise<StoredObject[]> {
  const found: StoredObject[] = [];
  for await (const { Contents = [] } of pages(bucket, prefix))
    found.push(...Contents.map((object) => stored(object, prefix)));
  return found;
}

/** Metadata of an object; undefined if it does not exist. */
export async function headObject({ client, bucket, signal }: Bucket, key: string) {
  const command = new HeadObjectCommand({ Bucket: bucket, Key: key });
  return client.send(command, { abortSignal: signal }).catch((error: unknown) => {
    if (answered(error, ...missing)) return undefined;
    throw error;
  });
}

/** The names between a prefix and the next slash, like the folders in a folder. */
export async function listNames(bucket: Bucket, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { CommonPrefixes = [] } of pages(bucket, prefix, "/"))
    found.push(...CommonPrefixes.map(({ Prefix = "" }) => Prefix.slice(prefix.length, -1)));
  return found;
}

function pages({ client, bucket, signal }: Bucket, prefix: string, delimiter?: string) {
  return paginateListObjectsV2(
    { client },
    { Bucket: bucket, Prefix: prefix, ...(delimiter === undefined ? {} : { Delimiter: delimiter }) },
    { abortSignal: signal },
  );
}

function stored({ Key = "", Size = 0, LastModified = new Date() }: _Object, prefix: string): StoredObject {
  return { path: Key.slice(prefix.length), bytes: Size, modified: LastModified };
}

/**
 * The content of an object; undefined if it does not exist. A lost connection is made again and goes on where the first one
 * ended, as long as that gets further. It fails if the object was replaced meanwhile.
 */
export async function readObject(
  bucket: Bucket,
  key: string,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  try {
    return resumed(bucket, key, await request(bucket, key));
  } catch (error) {
    if (answered(error, ...missing)) return undefined;
    throw error;
  }
}

/** Bytes that a server must send between two stalls, or they count together and the read is given up after a few. */
const goodProgress = 1 << 26;
const waitedMilliseconds = 500;

async function* resumed(bucket: Bucket, key: string, first: Response): AsyncGenerator<Uint8Array, void> {
  let [offset, begun, response] = [0, -1, first];
  let [stalls, stalledAt] = [0, 0];
  for (;;) {
    let asked = performance.now();
    try {
      for await (const chunk of response.body) {
        offset += chunk.length;
        yield chunk;
        asked = performance.now();
      }
      return;
    } catch (error) {
      bucket.signal.throwIfAborted();
      // A connection that fell silent because the reader paused is not a stall.
      if (isStall(error) && performance.now() - asked > waitedMilliseconds) {
        stalls = offset - stalledAt > goodProgress ? 1 : stalls + 1;
        stalledAt = offset;
      }
      if (offset === begun || stalls >= mostStalls)
        throw describeFailure(error, "GetObject", s3Url(bucket, key));
    }
    begun = offset;
    response = await request(bucket, key, { Range: `bytes=${offset}-`, IfMatch: first.tag });
  }
}

interface Response {
  readonly body: AsyncIterable<Uint8Array>;
  readonly tag: string | undefined;
}

async function request(
  { client, bucket, signal }: Bucket,
  key: string,
  more: { Range?: string; IfMatch?: string | undefined } = {},
): Promise<Response> {
  const { Body, ETag } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...more }), {
    abortSignal: signal,
  });
  if (Body === undefined) throw new Error(`${key} was answered without a body`);
  return { body: Body as unknown as AsyncIterable<Uint8Array>, tag: ETag };
}

/** S3 takes this many keys in one request. */
const batch = 1000;

/** Deletes objects; keys without an object are ignored. */
export async function deleteObjects(from: Bucket, keys: readonly string[]): Promise<void> {
  const { client, bucket, signal } = from;
  for (let first = 0; first < keys.length; first += batch) {
    const Objects = keys.slice(first, first + batch).map((Key) => ({ Key }));
    const command = new DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects, Quiet: true },
      ...checked(from),
    });
    const { Errors = [] } = await client.send(command, { abortSignal: signal });
    const [refused] = Errors;
    if (refused === undefined) continue;
    const { Code = "unknown", Message = "", Key = "" } = refused;
    const error = Object.assign(new Error(Message), { name: Code, $metadata: { httpStatusCode: 200 } });
    throw describeFailure(error, "DeleteObjects", s3Url({ bucket }, Key));
  }
}
