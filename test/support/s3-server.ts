import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { s3ServerProgram } from "../../setup/s3-server";
import { freePort, temporaryFolder } from "./resources";

/** A real S3 server with versioning and Object Lock; it has no default encryption, lifecycle or public access block. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** A client that may do everything. */
  readonly client: S3Client;
  /** Ends the server and removes what it stored. */
  stop(): Promise<void>;
}

/** Runs a program until standard input ends, which it does when this process ends, however it ends; then cleans up. */
const whileAttended = 'folder=$1; shift; "$@" & server=$!; cat; kill $server; wait $server; rm -rf "$folder"';

/** Starts a server with an empty store of its own, on a free port. */
export async function startS3Server(): Promise<S3Server> {
  const [folder, port] = await Promise.all([temporaryFolder(), freePort()]);
  const folders = ["data", "versions", "metadata"].map((name) => path.join(folder, name));
  const [data = "", versions = "", metadata = ""] = folders;
  await Promise.all(folders.map((name) => mkdir(name)));

  const region = "eu-central-1";
  const accessKeyId = randomBytes(8).toString("hex");
  const secretAccessKey = randomBytes(16).toString("hex");
  const options = ["--port", `127.0.0.1:${port}`, "--region", region, "--health", "/health", "--quiet"];
  const store = ["posix", "--sidecar", metadata, "--versioning-dir", versions, data];
  const running = execa("sh", ["-c", whileAttended, "sh", folder, s3ServerProgram, ...options, ...store], {
    env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
    stdin: "pipe",
    all: true,
    reject: false,
    // In a group of its own, so that an interrupt on the terminal leaves it the time to clean up.
    detached: true,
    cleanup: false,
  });
  const stop = async () => {
    running.stdin.end();
    await running;
  };

  const endpoint = `http://127.0.0.1:${port}`;
  if (!(await answers(`${endpoint}/health`))) {
    await stop();
    throw new Error(`The S3 server does not start:\n${(await running).all}`);
  }
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  return { endpoint, region, ...credentials, client, stop };
}

async function answers(url: string): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return true;
    await sleep(100);
  }
  return false;
}
