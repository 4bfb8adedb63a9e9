import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { wordErrors } from "./s3-error";

/** Where and how to send requests. */
export interface Connection {
  /** The region of resources that do not name one. */
  readonly region: string;
  s3: (region: string) => S3Client;
}

/** The configuration keys that are covered. Others are refused before they get here. */
export const configKeys = [
  "region",
  "accessKey",
  "secretKey",
  "token",
  "profile",
  "endpoints",
  "s3UsePathStyle",
  "maxRetries",
  "skipCredentialsValidation",
  "skipRequestingAccountId",
  "skipRegionValidation",
  "skipMetadataApiCheck",
];

type Config = Readonly<Record<string, string>>;

/** Reads a value that is JSON if the SDK sent it, and plain text if it comes from `pulumi config set`. */
function json(config: Config, key: string): unknown {
  const text = config[key];
  return text === undefined || text === "" ? undefined : (JSON.parse(text) as unknown);
}

/** Without these keys the official provider would ask STS, which is not part of S3. */
function refuseValidation(config: Config): void {
  for (const key of ["skipCredentialsValidation", "skipRequestingAccountId"]) {
    if (json(config, key) === true) continue;
    throw new Error(`offline aws provider covers only S3 and cannot ask STS; set ${key} to true`);
  }
}

function endpointOf(config: Config): string | undefined {
  const endpoints = (json(config, "endpoints") ?? []) as Record<string, string>[];
  const other = endpoints.flatMap(Object.keys).find((service) => !["s3", "s3control"].includes(service));
  if (other !== undefined) throw new Error(`offline aws provider does not cover endpoints.${other}`);
  return endpoints.find(({ s3 }) => s3 !== undefined && s3 !== "")?.["s3"];
}

function regionOf(config: Config, environment: NodeJS.ProcessEnv): string {
  const regions = [config["region"], environment["AWS_REGION"], environment["AWS_DEFAULT_REGION"]];
  const region = regions.find((name) => name !== undefined && name !== "");
  // The message of the official provider.
  if (region === undefined) throw new Error("Missing region configuration");
  return region;
}

/** If the configuration has no keys, the client finds them like any AWS tool. */
function credentialsOf(config: Config): Pick<S3ClientConfig, "credentials" | "profile"> {
  const { accessKey, secretKey, token, profile } = config;
  if (profile !== undefined && profile !== "") return { profile };
  if (!accessKey || !secretKey) return {};
  return {
    credentials: {
      accessKeyId: accessKey,
      secretAccessKey: secretKey,
      ...(token ? { sessionToken: token } : {}),
    },
  };
}

export function connect(config: Config, environment: NodeJS.ProcessEnv): Connection {
  refuseValidation(config);
  const endpoint = endpointOf(config);
  const clients = new Map<string, S3Client>();
  const s3 = (region: string): S3Client => {
    const client = wordErrors(
      new S3Client({
        region,
        ...(endpoint === undefined ? {} : { endpoint }),
        ...credentialsOf(config),
        forcePathStyle: json(config, "s3UsePathStyle") === true,
        maxAttempts: Number(json(config, "maxRetries") ?? 25),
      }),
    );
    clients.set(region, client);
    return client;
  };
  return {
    region: regionOf(config, environment),
    s3: (region) => clients.get(region) ?? s3(region),
  };
}
