import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { S3Client } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { s3ServerProgram } from "../../setup/s3-server";
import { isAlive } from "./processes";
import { freePort, temporaryFolder } from "./resources";

/** A real S3 server with versioning and Object Lock; it has no default encryption, lifecycle or public access block. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** What tells the command line where the server is. */
  readonly options: readonly string[];
  /** Who may do everything, as the command line finds it. */
  readonly environment: Record<string, string>;
  /** A client that may do everything, whatever the policy of a bucket says. */
  readonly client: S3Client;
  /** A client of a new user, to whom the bucket is given; the bucket's policy binds it. */
  ownerOf(bucket: string): Promise<S3Client>;
  /** Folder of the buckets, with objects as files. */
  readonly data: string;
  /** Ends the server in the middle of what it does; what it stored stays. */
  kill(): Promise<void>;
  /** Starts it again, where it was. */
  restart(): Promise<void>;
  /** Ends the server and removes what it stored. */
  stop(): Promise<void>;
}

const region = "eu-central-1";

/** Runs a program until standard input ends, which it does when this process ends, however it ends; then cleans up. */
const whileAttended =
  'folder=$1; shift; "$@" & server=$!; echo $server >"$folder/pid"; cat; kill $server; wait $server; rm -rf "$folder"';

/** Starts a server with an empty store of its own, on a free port. */
export async function startS3Server(): Promise<S3Server> {
  if (!existsSync(s3ServerProgram)) throw new Error('There is no S3 server; "make setup-tests" builds one.');
  const [folder, port] = await Promise.all([temporaryFolder(), freePort()]);
  const [data, versions, metadata, users] = await Promise.all([
    subfolder(folder, "data"),
    subfolder(folder, "versions"),
    subfolder(folder, "metadata"),
    subfolder(folder, "users"),
  ]);

  const { accessKeyId, secretAccessKey } = randomCredentials();
  const settings = ["--port", `127.0.0.1:${port}`, "--region", region, "--health", "/health", "--quiet"];
  const store = ["--iam-dir", users, "posix", "--sidecar", metadata, "--versioning-dir", versions, data];
  const run = () =>
    execa("sh", ["-c", whileAttended, "sh", folder, s3ServerProgram, ...settings, ...store], {
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
      stdin: "pipe",
      all: true,
      reject: false,
      // In a group of its own, so that an interrupt on the terminal leaves it the time to clean up.
      detached: true,
      cleanup: false,
    });
  const endpoint = `http://127.0.0.1:${port}`;
  const runs = [run()];
  const stop = async () => {
    for (const { stdin } of runs) stdin.end();
    await Promise.all(runs);
  };
  const expectAnswer = async () => {
    if (await answers(`${endpoint}/health`)) return;
    await stop();
    throw new Error(`The S3 server does not start:\n${(await runs.at(-1))?.all}`);
  };
  const kill = async () => {
    const pid = Number(await readFile(path.join(folder, "pid"), "utf8"));
    process.kill(pid, "SIGKILL");
    while (isAlive(pid)) await sleep(10);
  };
  const restart = async () => {
    runs.push(run());
    await expectAnswer();
  };
  await expectAnswer();
  const root = { accessKeyId, secretAccessKey };
  const clientOf = (credentials: Credentials) =>
    new S3Client({ endpoint, region, credentials, forcePathStyle: true });
  const ownerOf = async (bucket: string) => clientOf(await createOwner(bucket, endpoint, root));
  return {
    endpoint,
    region,
    ...root,
    options: ["--s3-endpoint", endpoint, "--s3-region", region, "--s3-path-style"],
    environment: environmentOf(root),
    client: clientOf(root),
    ownerOf,
    data,
    kill,
    restart,
    stop,
  };
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

async function createOwner(bucket: string, endpoint: string, root: Credentials): Promise<Credentials> {
  const user = randomCredentials();
  const env = {
    ADMIN_ACCESS_KEY: root.accessKeyId,
    ADMIN_SECRET_KEY: root.secretAccessKey,
    ADMIN_ENDPOINT_URL: endpoint,
    ADMIN_REGION: region,
  };
  const admin = (...args: string[]) => execa(s3ServerProgram, ["admin", ...args], { env });
  // The program takes a new user's secret as an argument only; it is worth nothing elsewhere.
  const secret = ["--secret", user.secretAccessKey];
  await admin("create-user", "--access", user.accessKeyId, ...secret, "--role", "user");
  await admin("change-bucket-owner", "--bucket", bucket, "--owner", user.accessKeyId);
  return user;
}

/** The credentials of a client, as the command line finds them. */
export async function environmentOfClient({ config }: S3Client): Promise<Record<string, string>> {
  return environmentOf(await config.credentials());
}

function environmentOf({ accessKeyId, secretAccessKey }: Credentials): Record<string, string> {
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

async function subfolder(folder: string, name: string): Promise<string> {
  const made = path.join(folder, name);
  await mkdir(made);
  return made;
}

function randomCredentials(): Credentials {
  return { accessKeyId: randomBytes(8).toString("hex"), secretAccessKey: randomBytes(16).toString("hex") };
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
