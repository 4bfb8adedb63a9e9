/** Features of AWS S3 that not every other S3 server has: how requests use them, do without them, and are refused for them. */
import { createHash } from "node:crypto";
import type { ChecksumAlgorithm, S3Client } from "@aws-sdk/client-s3";
import { setting } from "../../lib/setting";
import type { S3Settings } from "../../request";

/** What the settings say of a server. */
export interface Features {
  /** It writes an object on the condition that none of that name exists. */
  readonly conditionalWrites: boolean;
  readonly checksum: NonNullable<S3Settings["checksum"]>;
  /** Parts that it takes for one object. */
  readonly maxParts: number;
}

/** What AWS S3 takes for one object. */
export const mostParts = 10_000;

/** The features that AWS S3 has, but for those that the settings change. */
export function featuresOf(settings: Partial<S3Settings> = {}): Features {
  const { conditionalWrites = true, checksum = "sha256", maxParts = mostParts } = settings;
  return { conditionalWrites, checksum, maxParts };
}

/** Write only if no such object exists. */
export function asNew({ conditionalWrites }: Features): { readonly IfNoneMatch?: "*" } {
  return conditionalWrites ? { IfNoneMatch: "*" } : {};
}

const algorithms = { sha256: "SHA256", crc32: "CRC32", md5: undefined } as const;

/** Content is sent with its checksum, and the server compares it. */
export function checked({ checksum }: Features): { readonly ChecksumAlgorithm?: ChecksumAlgorithm } {
  const algorithm = algorithms[checksum];
  return algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm };
}

const withContent: ReadonlySet<unknown> = new Set([
  "PutObjectCommand",
  "UploadPartCommand",
  "DeleteObjectsCommand",
]);
const checksumHeader = /^x-amz-(sdk-)?checksum-/i;

/** Sends `Content-MD5` instead of the checksums that the SDK knows; S3 wants one of them where objects are removed or locked. */
export function sendContentMd5(client: S3Client): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      if (!withContent.has(context["commandName"])) return next(args);
      const request = args.request as { headers: Record<string, string>; body?: string | Uint8Array };
      const kept = Object.entries(request.headers).filter(([name]) => !checksumHeader.test(name));
      const md5 = createHash("md5")
        .update(request.body ?? "")
        .digest("base64");
      const headers = { ...Object.fromEntries(kept), "content-md5": md5 };
      return next({ ...args, request: { ...request, headers } });
    },
    // After the SDK has added a checksum of its own.
    { step: "build", name: "sendContentMd5", priority: "low" },
  );
}

/** What a request used of these features. */
export interface Used {
  readonly IfNoneMatch?: string;
  readonly ChecksumAlgorithm?: string;
  readonly PartNumber?: number;
}

export interface Refused {
  /** The server's code, such as `NotImplemented`. */
  readonly name: string;
  readonly message: string;
  readonly status: number;
}

const aboutConditions = /if-none-match|conditional|precondition/i;
const aboutChecksums = /checksum|x-amz-trailer|sha-?256|crc-?32/i;
const aboutParts = /part.?number|too.?many.?parts/i;
/** A server that says this of a checksum knows checksums. */
const ofDamage = /match|digest/i;

/** What a server lacks and what to set, if that is why it refused a request. */
export function findLack({ name, message, status }: Refused, used: Used): string | undefined {
  const isUnknown = status === 501 || name === "NotImplemented";
  if (!isUnknown && status !== 400) return undefined;
  const said = `${name} ${message}`;
  if (used.PartNumber !== undefined && !isUnknown && aboutParts.test(said))
    return `takes no part ${used.PartNumber}. Set ${setting("--s3-max-parts", "s3.maxParts")} to the number of parts that it takes for one object`;
  const condition = used.IfNoneMatch !== undefined;
  const checksum = used.ChecksumAlgorithm !== undefined;
  const isRefusal = isUnknown || /^Invalid(Argument|Request)$/.test(name);
  if (!isRefusal) return undefined;
  if (condition && aboutConditions.test(said)) return `knows no conditional writes. Set ${unconditional()}`;
  const noChecksum = `knows no ${used.ChecksumAlgorithm} checksums. Set ${md5()}`;
  if (checksum && aboutChecksums.test(said) && !ofDamage.test(message)) return noChecksum;
  if (!isUnknown) return undefined;
  // It does not say which of the two it is.
  if (condition && checksum)
    return `knows no conditional writes, or no ${used.ChecksumAlgorithm} checksums. Set ${unconditional()} or ${md5()}, whichever helps`;
  if (condition) return `knows no conditional writes. Set ${unconditional()}`;
  return checksum ? noChecksum : undefined;
}

const unconditional = () => setting("--s3-conditional-writes false", "s3.conditionalWrites: false");
const md5 = () => setting("--s3-checksum md5", 's3.checksum: "md5"');
