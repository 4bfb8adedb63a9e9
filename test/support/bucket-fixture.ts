/** Backups in a bucket, and a server in which nothing of them is. */
import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { takeBackup } from "./backup";
import { TestBucket } from "./bucket";
import { startServer } from "./container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "./resources";
import { remainsOf } from "./restore-fixture";
import { failureOf, runnerMain } from "./runner";
import { type CountedReads, countReads } from "./s3-reads";
import { type S3Server, startS3Server } from "./s3-server";
import { throwaways } from "./throwaways";

export interface BucketFixture {
  readonly bucket: string;
  /** The repository in the bucket. Each format is a backup name. */
  readonly repository: string;
  readonly proxy: CountedReads;
  readonly server: S3Server;
  /** What the source answered to the query. */
  readonly expected: string;
  /** Container of a server that has never seen the backups. */
  readonly target: string;
  /** Starts the command line where there is nothing but credentials and the address of the S3 server. */
  start(...args: string[]): ReturnType<typeof startRunner>;
  succeed(...args: string[]): Promise<string>;
  /** What it says when it fails, as it must. */
  fail(...args: string[]): Promise<string>;
  /** A database of the target, by its name. */
  newDatabase(): Promise<string>;
  /** Fails if anything is left of what verifying and restoring make on their way. */
  expectNoRemains(): Promise<void>;
  object(key: string): Promise<Buffer>;
  setObject(key: string, content: Buffer): Promise<void>;
  remove(): Promise<void>;
}

export interface BucketFixtureOptions {
  readonly statements: string;
  readonly tables: readonly string[];
  readonly formats: readonly string[];
  /** Asked of the source when it has all tables. */
  readonly query: (container: string) => Promise<string>;
}

export const formats = ["directory", "custom", "plain"] as const;

/** Takes a backup in each format, brings them into a bucket, and removes the server that they come from. */
export async function bucketFixture(options: BucketFixtureOptions): Promise<BucketFixture> {
  const [server, folder] = await Promise.all([startS3Server(), temporaryFolder()]);
  const proxy = await countReads(server.endpoint);
  const [nothing, mounted] = [path.join(folder, "nothing"), path.join(folder, "mounted")];
  await Promise.all([mkdir(nothing), mkdir(mounted)]);
  // Throwaway containers say which bucket they read, and other fixtures exist at the same time.
  const bucket = (await TestBucket.create(server)).name;
  const repository = `s3://${bucket}/far/away`;
  const [source, target] = await Promise.all([startServer({ mount: mounted }), startServer()]);
  const env = {
    ...{ HOME: nothing, TMPDIR: nothing, AWS_ENDPOINT_URL_S3: proxy.endpoint, AWS_REGION: server.region },
    ...{ AWS_MAX_ATTEMPTS: "2", ...server.environment },
  };
  const start = (...args: string[]) => startRunner(nothing, env, args);
  const succeed = async (...args: string[]) => {
    const { exitCode, stdout, stderr } = await start(...args);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  };

  await sql(source, options.statements);
  const expected = await options.query(source);
  for (const name of options.formats) {
    const more = ["--format", name];
    await takeBackup({ container: source, repository: mounted, name, tables: options.tables, more });
    const tar = path.join(folder, "backup.tar");
    await succeed("export", path.join(mounted, name, "latest"), tar);
    await succeed("import", tar, "--repository", repository);
  }
  await removeContainer(source);
  await removeFolder(mounted);

  let databases = 0;
  return {
    ...{ bucket, repository, proxy, server, expected, target, start, succeed },
    async fail(...args) {
      const { stdout, ...ended } = await start(...args);
      // A verification says of each backup how it is, also when one of them is damaged.
      return failureOf({ ...ended, stdout: args[0] === "verify" ? "" : stdout });
    },
    async newDatabase() {
      const name = `gis${++databases}`;
      await sql(target, `CREATE DATABASE ${name} TEMPLATE template0`);
      return name;
    },
    async expectNoRemains() {
      assert.deepEqual(await throwaways(repository), []);
      const all = await sql(target, "SELECT datname FROM pg_database WHERE datallowconn");
      assert.deepEqual(await remainsOf(target, all.split("\n")), []);
      assert.deepEqual(await readdir(nothing), []);
    },
    async object(key) {
      const { Body } = await server.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    async setObject(key, content) {
      await server.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
    },
    async remove() {
      await removeContainer(target);
      proxy.stop();
      await server.stop();
      await removeFolder(folder);
    },
  };
}

function startRunner(cwd: string, env: Record<string, string>, args: readonly string[]) {
  const { PATH = "", DOCKER_HOST } = process.env;
  const all = { PATH, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }), ...env };
  return execa("node", [runnerMain, ...args], { cwd, env: all, extendEnv: false, reject: false });
}
