/**
 * Copies of objects that the server makes without their content being sent. They are uploads whose parts the server takes from
 * another object, and not `CopyObject`: servers that know conditions of uploads can ignore those of `CopyObject`, which then
 * overwrites.
 */
import { createHash } from "node:crypto";
import { type CompletedPart, type CopyPartResult, UploadPartCopyCommand } from "@aws-sdk/client-s3";
import pMap from "p-map";
import { Failure } from "../../lib/failure";
import { s3Url } from "../../request/location";
import type { Bucket } from "./client";
import { missing, RequestFailure } from "./failures";
import {
  joinParts,
  type ObjectOptions,
  type OpenUpload,
  type OpenUploads,
  tooLarge,
  withGrace,
} from "./upload";

const mebibyte = 1 << 20;

/** Bytes of a part. A server that is slow and silent while it copies should be done with one before it is given up. */
interface CopyLimits {
  readonly usual: number;
  /** More are not taken in one request. */
  readonly most: number;
}

const s3Limits: CopyLimits = { usual: 256 * mebibyte, most: 5 * 1024 * mebibyte };

/** Parts of an object that are copied at once. */
const atOnce = 4;

/** The server cannot copy, or it cannot be told whether it copied what was read. */
export class CannotCopy extends Failure {}

/** Instead of the checksum of a part, the server gave one that was made of the checksums of the source's parts. */
class ComposedChecksum extends CannotCopy {}

interface CopyPart {
  /** From 1. */
  readonly number: number;
  readonly start: number;
  /** The first byte after it. */
  readonly end: number;
}

/** Parts of the same size, but for the last one; undefined if the server does not take so many, or parts so large. */
export function planCopy(
  bytes: number,
  maxParts: number,
  { usual, most }: CopyLimits = s3Limits,
): CopyPart[] | undefined {
  const size = Math.max(usual, Math.ceil(bytes / maxParts));
  if (size > most) return undefined;
  return Array.from({ length: Math.max(1, Math.ceil(bytes / size)) }, (_, index) => ({
    number: index + 1,
    start: index * size,
    end: Math.min(bytes, (index + 1) * size),
  }));
}

interface CopiedObject {
  /** Keys. */
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  /** What is in the source; it fails at its end if that is damaged. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Copies an object to one that must not exist yet, and proves that the copy is what was read. Returns its version. Fails with
 * {@link CannotCopy} if the server does not do that, or gives no proof.
 */
export async function copyObject(
  bucket: Bucket,
  { from, to, bytes, content }: CopiedObject,
  open: OpenUploads,
  object: ObjectOptions,
  limits?: CopyLimits,
): Promise<string | undefined> {
  const parts = planCopy(bytes, bucket.maxParts, limits);
  if (parts === undefined) throw tooLarge(s3Url(bucket, to), bucket.maxParts);
  const digests = await digestParts(content, parts);
  const copied = { from, to, parts, digests };
  try {
    return await copyParts(bucket, copied, open, object);
  } catch (error) {
    if (!(error instanceof ComposedChecksum)) throw error;
    // Some servers do that where the part is the whole source. Without checksums, the tag is the proof.
    return await copyParts({ ...bucket, checksum: "md5" }, copied, open, object);
  }
}

interface PlannedCopy extends Pick<CopiedObject, "from" | "to"> {
  readonly parts: readonly CopyPart[];
  readonly digests: readonly Digest[];
}

function copyParts(
  bucket: Bucket,
  { from, to, parts, digests }: PlannedCopy,
  open: OpenUploads,
  object: ObjectOptions,
): Promise<string | undefined> {
  return joinParts(bucket, to, open, object, async (upload) => {
    const failed = new AbortController();
    const stopped = AbortSignal.any([bucket.signal, failed.signal]);
    const copy = async (part: CopyPart) => {
      try {
        const result = await copyPart(bucket, from, upload, part, parts.length, stopped);
        if (isProven(result, digests[part.number - 1])) return completed(part, result);
        const Unproven = result?.ChecksumSHA256?.includes("-") === true ? ComposedChecksum : CannotCopy;
        const what = `Part ${part.number} of ${s3Url(bucket, to)}, which the server copied,`;
        throw new Unproven("s3-unsupported", `${what} does not have the checksum of what was read.`);
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    };
    return pMap(parts, copy, { concurrency: atOnce, stopOnError: false }).catch(() => {
      // The other parts were aborted when one failed, so their errors do not say why.
      throw failed.signal.reason;
    });
  });
}

async function copyPart(
  bucket: Bucket,
  from: string,
  { Key, UploadId }: OpenUpload,
  { number, start, end }: CopyPart,
  count: number,
  stopped: AbortSignal,
): Promise<CopyPartResult | undefined> {
  const CopySource = [bucket.bucket, ...from.split("/")].map(encodeURIComponent).join("/");
  const range = count === 1 ? {} : { CopySourceRange: `bytes=${start}-${end - 1}` };
  const target = { Bucket: bucket.bucket, Key, UploadId, PartNumber: number };
  const command = new UploadPartCopyCommand({ ...target, CopySource, ...range });
  const { client, patientClient = client } = bucket;
  try {
    return (await withGrace(stopped, (options) => patientClient.send(command, options))).CopyPartResult;
  } catch (error) {
    if (!(error instanceof RequestFailure) || error.code === "s3-unreachable") throw error;
    // Somebody has removed the source meanwhile.
    if (missing.includes(error.answer)) throw error;
    // It was read just now. So the server does not copy, whatever the reason.
    throw new CannotCopy("s3-unsupported", error.message);
  }
}

interface Digest {
  readonly sha256: string;
  readonly md5: string;
}

/** The digests of each part of a content. */
async function digestParts(
  content: AsyncIterable<Uint8Array>,
  parts: readonly CopyPart[],
): Promise<Digest[]> {
  const hashes = parts.map(() => ({ sha256: createHash("sha256"), md5: createHash("md5") }));
  let [index, at] = [0, 0];
  for await (const chunk of content) {
    for (let rest = chunk; rest.length > 0;) {
      while (at === parts[index]?.end) index++;
      const piece = rest.subarray(0, (parts[index]?.end ?? Infinity) - at);
      hashes[index]?.sha256.update(piece);
      hashes[index]?.md5.update(piece);
      at += piece.length;
      rest = rest.subarray(piece.length);
    }
  }
  return hashes.map(({ sha256, md5 }) => ({ sha256: sha256.digest("base64"), md5: md5.digest("hex") }));
}

/** Servers that give no checksum of a copy give the MD5 as its tag, unless it is encrypted. */
function isProven(result: CopyPartResult | undefined, digest: Digest | undefined): boolean {
  if (result === undefined || digest === undefined) return false;
  const { ChecksumSHA256, ETag } = result;
  return ChecksumSHA256 === undefined
    ? ETag?.replaceAll('"', "") === digest.md5
    : ChecksumSHA256 === digest.sha256;
}

function completed({ number }: CopyPart, result: CopyPartResult | undefined): CompletedPart {
  const { ETag, ChecksumSHA256, ChecksumCRC32 } = result ?? {};
  return { PartNumber: number, ETag, ChecksumSHA256, ChecksumCRC32 };
}
