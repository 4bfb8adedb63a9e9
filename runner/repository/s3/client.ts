import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { S3Settings } from "../../request";
import { describeFailure } from "./failures";
import { type S3Location, s3Url } from "../../request/location";
import { endStalls } from "./stalls";
import { limitUploads } from "./upload-limit";

/** A bucket that requests go to. */
export interface Bucket extends S3Location {
  readonly client: S3Client;
  /** For requests that a server may take long to answer; the same, unless it is given. */
  readonly patientClient?: S3Client;
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal;
}

// Its advice on versions of Node.js would stand among this program's messages.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** Attempts of a request, with waits in between that grow to seconds; the SDK's own setting goes before. */
const attempts = Number(process.env["AWS_MAX_ATTEMPTS"] ?? 7);

/** Seconds that a connection may take. */
const connectSeconds = 10;

/** A server that puts the parts of a large object together may say nothing so many times as long. */
const patience = 2;

/** Requests that fail give a {@link Failure} that says what was asked for, and where. */
export function connect(
  location: S3Location,
  { endpoint, region, forcePathStyle = false, timeout = 30, uploadLimit }: Partial<S3Settings>,
  signal: AbortSignal,
): Bucket {
  const settings: S3ClientConfig = {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle,
    followRegionRedirects: true,
    maxAttempts: attempts,
    // Checksums are asked for by request, and what is read is compared with the manifest's.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // With it, the SDK makes a new connection for each part, and waits seconds for servers that do not answer it.
    expectContinueHeader: false,
  };
  const clientFor = (seconds: number) => {
    // The inactivity of a socket is what tells a stall: a whole request may take long, as with a limit of bytes a second.
    const limits = {
      connectionTimeout: Math.min(connectSeconds, seconds) * 1000,
      socketTimeout: seconds * 1000,
    };
    const client = new S3Client({ ...settings, requestHandler: limits });
    endStalls(client, seconds);
    describeFailures(client, location);
    return client;
  };
  const client = clientFor(timeout);
  if (uploadLimit !== undefined) limitUploads(client, uploadLimit);
  return { ...location, client, patientClient: clientFor(timeout * patience), signal };
}

function describeFailures(client: S3Client, location: S3Location): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { Key, Prefix } = args.input as { Key?: string; Prefix?: string };
        const operation = String(context["commandName"]).replace(/Command$/, "");
        throw describeFailure(error, operation, s3Url(location, Key ?? Prefix ?? ""));
      }
    },
    { step: "initialize", name: "describeFailure" },
  );
}
