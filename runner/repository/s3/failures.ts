/** Turns errors of an S3 server, or of the connection to it, into this program's failures. */
import { Failure, type FailureCode } from "../../lib/failure";
import { findLack, type Used } from "./features";
import { isStall, silentServer } from "./stalls";
import { setting } from "../../lib/setting";

/** A request that failed. */
export class RequestFailure extends Failure {
  constructor(
    code: FailureCode,
    message: string,
    /** The server's own code, such as `NoSuchKey`, or the HTTP status if it sent no code, as for a HEAD request. */
    readonly answer: string,
  ) {
    super(code, message);
  }
}

/** Whether a request failed because the server gave one of these answers. */
export function answered(error: unknown, ...answers: readonly string[]): error is RequestFailure {
  return error instanceof RequestFailure && answers.includes(error.answer);
}

export const missing = ["NoSuchKey", "NotFound", "404"];
/** The object exists already, or another run is writing it, or this run wrote it and the answer was lost. */
export const taken = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchUpload", "412"];

/** Whether the server may have done a request that failed: the answer was lost, or a retry met the result of the first attempt. */
export function maybeDone(error: unknown): error is RequestFailure {
  return error instanceof RequestFailure && ["s3-unreachable", "s3-failed"].includes(error.code);
}

/** What the SDK throws, as far as it is used here. */
interface Thrown extends Error {
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The permissions of operations whose permission has another name. */
const permissions: Readonly<Record<string, string>> = {
  ListObjectsV2: "ListBucket",
  ListParts: "ListMultipartUploadParts",
  HeadObject: "GetObject",
  CreateMultipartUpload: "PutObject",
  UploadPart: "PutObject",
  CompleteMultipartUpload: "PutObject",
  DeleteObjects: "DeleteObject",
};

const credentialsRemedy =
  "Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, from a profile (AWS_PROFILE), or from the role of this machine.";
const denied =
  /^(AccessDenied|Forbidden|403|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|AllAccessDisabled|AccountProblem)$/;

/** Turns an error into a failure that names the request. Interruptions and defects of this program are left as they are. */
export function describeFailure(thrown: unknown, operation: string, where: string, used: Used = {}): unknown {
  if (!(thrown instanceof Error) || thrown instanceof Failure || thrown.name === "AbortError") return thrown;
  const { name, message, code, $metadata } = thrown as Thrown;
  const status = $metadata?.httpStatusCode;
  const failure = (which: FailureCode, text: string, answer = name) =>
    new RequestFailure(which, text, answer);
  const permission = `s3:${permissions[operation] ?? operation}`;
  if (name === "CredentialsProviderError" || name === "TokenProviderError")
    return failure(
      "s3-denied",
      `There are no credentials for ${where} (${permission}): ${sentence(message)} ${credentialsRemedy}`,
    );
  if (/^Region is missing/.test(message))
    return failure(
      "usage",
      `Name the region of ${where}, with ${setting("--s3-region", "s3.region")} or in AWS_REGION.`,
    );
  if (name === silentServer || isStall(thrown))
    return failure(
      "s3-unreachable",
      `The S3 server of ${where} does not answer: ${message}. Check the server and the network; a slow server may need a larger ` +
        `${setting("--s3-timeout", "s3.timeout")}.`,
    );
  if (status === undefined || $metadata === undefined) {
    if (code === undefined) return thrown;
    return failure(
      "s3-unreachable",
      `The S3 server of ${where} cannot be reached: ${message || code}. Check the endpoint, the region and the network.`,
    );
  }
  if (name === "NoSuchBucket")
    return failure(
      "bucket-not-found",
      `There is no bucket for ${where}. Create it, or check its name, the endpoint and the region.`,
    );
  if (denied.test(name) || status === 401 || status === 403)
    return failure(
      "s3-denied",
      `The S3 server does not allow ${permission} on ${where}: ${said(name, message)}. Grant that permission, or use other credentials. ${credentialsRemedy}`,
      name,
    );
  const lack = findLack({ name, message, status }, used);
  if (lack !== undefined)
    return failure(
      "s3-unsupported",
      `The S3 server of ${where} ${lack}; docs/s3.md says what that changes. The server says: ${said(name, message)}.`,
    );
  return failure(
    "s3-failed",
    `The S3 server refused ${permission} on ${where}: ${said(name, message)} (HTTP ${status}).`,
    name,
  );
}

function said(name: string, message: string): string {
  const text = message.replace(/\.$/, "");
  return text === "" || text === name ? name : `${name}, ${text}`;
}

function sentence(message: string): string {
  return message.endsWith(".") ? message : `${message}.`;
}
