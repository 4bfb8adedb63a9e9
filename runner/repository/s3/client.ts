import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import type { S3Settings } from "../../request";
import { describeFailure } from "./failures";
import { type Features, featuresOf, sendContentMd5, type Used } from "./features";
import { type S3Location, s3Url } from "../../request/location";
import { endStalls } from "./stalls";
import { limitUploads } from "./upload-limit";

/** A bucket, and the client that sends requests to it. */
export interface Bucket extends S3Location, Features {
  readonly client: S3Client;
  /** For requests that a server may take long to answer. Unset: `client`. */
  readonly patientClient?: S3Client;
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal;
}

// Otherwise the SDK would print advice on Node.js versions among this program's messages.
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";

/** Attempts for each request, with waits in between that grow to seconds. The SDK's own setting takes precedence. */
const attempts = Number(process.env["AWS_MAX_ATTEMPTS"] ?? 7);

/** Seconds in which a connection must be made. */
const connectSeconds = 10;

/** Factor for the timeout while a server joins the parts of a large object, because it may be silent for longer then. */
const patience = 2;

/** Creates the clients of a bucket. A request that fails throws a {@link Failure} that names the operation and the URL. */
export function connect(location: S3Location, s3: Partial<S3Settings>, signal: AbortSignal): Bucket {
  const { endpoint, region, forcePathStyle = false, timeout = 30, uploadLimit } = s3;
  const features = featuresOf(s3);
  const settings: S3ClientConfig = {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle,
    followRegionRedirects: true,
    maxAttempts: attempts,
    // Single requests ask for checksums where they are needed, and content that is read is compared with the manifest.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // With this header, the SDK makes a new connection for each part, and waits seconds for servers that ignore it.
    expectContinueHeader: false,
  };
  const clientFor = (seconds: number) => {
    // A silent socket means a stall. A slow request does not: a limit of bytes per second slows requests down too.
    const limits = {
      connectionTimeout: Math.min(connectSeconds, seconds) * 1000,
      socketTimeout: seconds * 1000,
    };
    const client = new S3Client({ ...settings, requestHandler: limits });
    endStalls(client, seconds);
    describeFailures(client, location);
    if (features.checksum === "md5") sendContentMd5(client);
    return client;
  };
  const client = clientFor(timeout);
  if (uploadLimit !== undefined) limitUploads(client, uploadLimit);
  return { ...location, ...features, client, patientClient: clientFor(timeout * patience), signal };
}

function describeFailures(client: S3Client, location: S3Location): void {
  client.middlewareStack.add(
    (next, context) => async (args) => {
      try {
        return await next(args);
      } catch (error) {
        const { Key, Prefix, ...used } = args.input as Used & { Key?: string; Prefix?: string };
        const operation = String(context["commandName"]).replace(/Command$/, "");
        throw describeFailure(error, operation, s3Url(location, Key ?? Prefix ?? ""), used);
      }
    },
    { step: "initialize", name: "describeFailure" },
  );
}
