/** Backups in a bucket that may share rows with earlier ones, and what stock tools restore from what is downloaded. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { backupArguments } from "./backup";
import { TestBucket } from "./bucket";
import { uniqueName } from "./resources";
import { runnerMain, runRunner } from "./runner";
import type { Trouble } from "./s3-proxy";
import { startS3Server } from "./s3-server";
import { noteWrites } from "./s3-writes";
import { startSharingServer } from "./shared-rows";
import { execa } from "execa";

/** Large enough to be compared. */
export const filled = (name: string, rows = 12_000) => `
CREATE TABLE ${name} (id int PRIMARY KEY, x float8, note text);
INSERT INTO ${name} SELECT g, g, rpad(md5(g::text), 150, 'x') FROM generate_series(1, ${rows}) g;`;

export async function startSharingBucket() {
  const [sharing, server] = await Promise.all([startSharingServer(), startS3Server()]);
  let troubleOf: (request: IncomingMessage) => Trouble = () => undefined;
  const proxy = await noteWrites(server.endpoint, (request) => troubleOf(request));
  const bucket = await TestBucket.create(server);
  const s3 = ["--s3-endpoint", proxy.endpoint, "--s3-region", server.region, "--s3-path-style"];
  const repository = bucket.url();

  /** A database with these tables, and backups of it in the bucket. */
  const database = async (statements: string, tables: readonly string[]) => {
    const { name, run } = await sharing.database(statements, tables);
    const shared = ["--database", name, "--format", "directory", "--full-every", "7d", ...s3];
    const args = (more: readonly string[]) =>
      backupArguments({
        ...{ container: sharing.container, repository, name, tables },
        more: [...shared, ...more],
      });
    const tryTake = (more: readonly string[] = [], env = server.environment) => runRunner(args(more), env);
    const take = async (more: readonly string[] = [], env = server.environment) => {
      proxy.writes();
      const { exitCode, stdout, stderr } = await tryTake([...more, "--json"], env);
      assert.equal(exitCode, 0, stderr);
      const result = BackupResult.parse(JSON.parse(stdout));
      const id = result.backupId;
      const content = await bucket.content(`gis/${name}/${id}/manifest.json`);
      return { id, stderr, ...proxy.writes(), manifest: Manifest.parse(JSON.parse(content.toString())) };
    };
    const start = (more: readonly string[] = []) =>
      execa("node", [runnerMain, ...args(more)], { env: server.environment, reject: false, stdin: "ignore" });
    const key = (id: string, file: string) => `gis/${name}/${id}/${file}`;
    /** The archive, downloaded to where the container sees it. */
    const download = async (id: string): Promise<string> => {
      const archive = path.join(sharing.folder, uniqueName());
      await mkdir(archive);
      const prefix = key(id, "archive/");
      for (const found of (await bucket.keys()).filter((one) => one.startsWith(prefix)))
        await writeFile(path.join(archive, found.slice(prefix.length)), await bucket.content(found));
      return archive;
    };
    /** Fails unless the backup, restored by the stock tool, has the rows that the database has now. */
    const expectRestorable = async (id: string) => {
      assert.equal(await sharing.restored(await download(id)), await sharing.rowsOf(name));
    };
    return { name, take, tryTake, start, key, run, expectRestorable };
  };

  const stop = async () => {
    proxy.stop();
    await server.stop();
    await sharing.stop();
  };
  return {
    ...{
      bucket,
      server,
      container: sharing.container,
      folder: sharing.folder,
      s3,
      repository,
      database,
      stop,
    },
    /** What becomes of requests from now on. */
    trouble(of: (request: IncomingMessage) => Trouble = () => undefined) {
      troubleOf = of;
    },
  };
}

export type SharingBucket = Awaited<ReturnType<typeof startSharingBucket>>;
