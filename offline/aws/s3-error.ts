import type { S3Client } from "@aws-sdk/client-s3";

interface Answer {
  name?: string;
  message: string;
  $metadata?: { httpStatusCode?: number; requestId?: string; extendedRequestId?: string };
}

/** A failed request. The text is that of the AWS SDK for Go, which the official provider uses. */
export class S3Error extends Error {
  /** The error code of the server, such as `NoSuchBucket`. */
  readonly code: string | undefined;
  readonly status: number | undefined;

  constructor(operation: string, { name, message, $metadata }: Answer) {
    const status = $metadata?.httpStatusCode;
    const id = `RequestID: ${$metadata?.requestId ?? ""}, HostID: ${$metadata?.extendedRequestId ?? ""}`;
    const reason =
      status === undefined
        ? `request send failed, ${message}`
        : `https response error StatusCode: ${status}, ${id}, api error ${name ?? ""}: ${message}`;
    super(`operation error S3: ${operation}, ${reason}`);
    this.code = status === undefined ? undefined : name;
    this.status = status;
  }
}

/** Makes all failed requests of a client throw an `S3Error` that names the request. */
export function wordErrors(client: S3Client): S3Client {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        throw new S3Error(String(context["commandName"]).replace(/Command$/, ""), error as Answer);
      }
    },
    { step: "initialize", name: "wordErrors" },
  );
  return client;
}

export function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof S3Error && error.code !== undefined && codes.includes(error.code);
}

/** Error codes of S3-compatible servers that lack an operation. */
export const notImplemented = ["NotImplemented", "XNotImplemented", "MethodNotAllowed"];

/** Returns the result of a request, or undefined if it fails with one of these codes. */
export async function unless<T>(codes: readonly string[], request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (hasCode(error, codes)) return undefined;
    throw error;
  }
}

/** Adds the attempted operation to an error of the server. */
export async function attempt<T>(what: string, request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
