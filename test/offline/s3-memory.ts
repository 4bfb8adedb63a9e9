import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What S3 answers where a thing is not configured. */
const missing: Readonly<Record<string, string>> = {
  encryption: "ServerSideEncryptionConfigurationNotFoundError",
  lifecycle: "NoSuchLifecycleConfiguration",
  "object-lock": "ObjectLockConfigurationNotFoundError",
  ownershipControls: "OwnershipControlsNotFoundError",
  policy: "NoSuchBucketPolicy",
  publicAccessBlock: "NoSuchPublicAccessBlockConfiguration",
  tagging: "NoSuchTagSet",
  versioning: "",
};

interface Answer {
  status: number;
  body?: string;
}

/**
 * Buckets and their configuration in memory, each document given back as it was sent: for what the real server of these
 * tests does not implement.
 */
export class MemoryS3 {
  /** Configuration by bucket, then by the name of it in the query. */
  readonly #buckets = new Map<string, Map<string, string>>();
  /** What was changed, such as `PUT encryption`, in order. */
  readonly changes: string[] = [];
  readonly #server = createServer((request, response) => {
    void text(request).then((body) => {
      const answer = this.#answer(request.method ?? "", request.url ?? "", body);
      response.writeHead(answer.status, { "x-amz-bucket-region": "eu-central-1" });
      response.end(answer.body);
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(method: string, path: string, body: string): Answer {
    const { pathname, searchParams } = new URL(path, "http://s3");
    const name = pathname.split("/")[1] ?? "";
    const setting = Object.keys(missing).find((key) => searchParams.has(key));
    if (!["GET", "HEAD"].includes(method)) this.changes.push(`${method} ${setting ?? "bucket"}`);
    const bucket = this.#buckets.get(name);
    if (setting !== undefined)
      return bucket === undefined ? notFound("NoSuchBucket") : configure(bucket, method, setting, body);
    if (method === "PUT") this.#buckets.set(name, new Map());
    else if (bucket === undefined) return notFound("NoSuchBucket");
    if (method === "DELETE") this.#buckets.delete(name);
    return { status: method === "DELETE" ? 204 : 200 };
  }
}

function configure(bucket: Map<string, string>, method: string, setting: string, body: string): Answer {
  if (method === "PUT") bucket.set(setting, body);
  if (method === "DELETE") bucket.delete(setting);
  if (method !== "GET") return { status: method === "PUT" ? 200 : 204 };
  const stored = bucket.get(setting);
  if (stored !== undefined) return { status: 200, body: stored };
  if (setting === "versioning") return { status: 200, body: "<VersioningConfiguration/>" };
  return notFound(missing[setting] ?? "");
}

function notFound(code: string): Answer {
  return { status: 404, body: `<Error><Code>${code}</Code><Message>It is not there.</Message></Error>` };
}
