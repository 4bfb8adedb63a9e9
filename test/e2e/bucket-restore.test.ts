import assert from "node:assert/strict";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, remainsOf, sceneSelection, sceneTables } from "../support/restore-scene";
import { runnerMain } from "../support/runner";
import { type S3Proxy, startS3Proxy } from "../support/s3-proxy";
import { type S3Server, startS3Server } from "../support/s3-server";
import { throwaways } from "../support/throwaways";

const schemas = ["App", "lib", "nl", "public"];
const ways = ["directory", "custom", "plain"] as const;
const place = "s3://backups/far/away";

describe("a backup in a bucket", function () {
  this.timeout(300_000);
  let server: S3Server;
  let proxy: S3Proxy;
  let source: string;
  let other: string;
  let folder: string;
  let nothing: string;
  let expected: string[];
  let databases = 0;

  before(async () => {
    server = await startS3Server();
    proxy = await startS3Proxy(server.endpoint);
    await server.client.send(new CreateBucketCommand({ Bucket: "backups" }));
    folder = await temporaryFolder();
    nothing = path.join(folder, "nothing");
    const mounted = path.join(folder, "mounted");
    await Promise.all([mkdir(nothing), mkdir(mounted)]);
    [source, other] = await Promise.all([startServer({ mount: mounted }), startServer()]);
    await sql(source, await sceneTables());
    expected = await contentOf(source, "postgres", schemas);
    for (const name of ways) {
      const more = ["--format", name];
      await takeBackup({ container: source, directory: mounted, name, tables: sceneSelection, more });
      await send(path.join(mounted, name, "latest"));
    }
    // What is read must come from the bucket, in a server that has only that.
    await removeContainer(source);
    await removeFolder(mounted);
  });
  after(async () => {
    await Promise.all([removeContainer(source), removeContainer(other)]);
    await proxy.stop();
    await server.stop();
    await removeFolder(folder);
  });
  afterEach(async () => {
    assert.deepEqual(await throwaways(place), []);
    assert.deepEqual(await readdir(nothing), []);
    const all = await sql(other, "SELECT datname FROM pg_database WHERE datallowconn");
    assert.deepEqual(await remainsOf(other, all.split("\n")), []);
  });

  /** Runs the command line where there is nothing but credentials and the address of the server. */
  function run(...args: string[]) {
    const { PATH, DOCKER_HOST } = process.env;
    return execa("node", [runnerMain, ...args], {
      cwd: nothing,
      env: {
        ...{ PATH, HOME: nothing, TMPDIR: nothing, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }) },
        ...{ AWS_ENDPOINT_URL_S3: proxy.endpoint, AWS_REGION: server.region, AWS_MAX_ATTEMPTS: "2" },
        ...server.environment,
      },
      extendEnv: false,
      reject: false,
    });
  }
  async function succeed(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(...args);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  }
  async function send(backup: string): Promise<void> {
    const tar = path.join(folder, "backup.tar");
    await succeed("export", backup, tar);
    await succeed("import", tar, "--directory", place);
  }
  async function newDatabase(): Promise<string> {
    const name = `gis${++databases}`;
    await sql(other, `CREATE DATABASE ${name} TEMPLATE template0`);
    return name;
  }
  const restoreInto = (database: string) => ["--container", other, "--database", database];

  for (const name of ways) {
    describe(`in the ${name} format`, () => {
      const backup = `${place}/${name}/latest`;

      it("is verified, and restored elsewhere", async () => {
        assert.match(await succeed("verify", backup), /: verified \(archive\)/);
        assert.match(await succeed("verify", backup, "--level", "restore"), /: verified \(restore\)/);
        const database = await newDatabase();
        await succeed("restore", backup, ...restoreInto(database), "--missing-roles", "create");
        assert.deepEqual(await contentOf(other, database, schemas), expected);
      });
    });
  }
});
