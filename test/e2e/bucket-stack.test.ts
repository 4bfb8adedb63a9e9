import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { Manifest } from "../../runner/repository/manifest";
import { root } from "../../setup/paths";
import { TestBucket } from "../support/bucket";
import { startServer } from "../support/container";
import { removeContainer, sql, uniqueName } from "../support/resources";
import { type S3Server, startS3Server } from "../support/s3-server";
import { createProject, type Project, removeProject, up } from "../support/stack";

const manifestIn = async (bucket: TestBucket, location: unknown) => {
  const key = `${String(location).slice(`s3://${bucket.name}/`.length)}/manifest.json`;
  return Manifest.parse(JSON.parse(String(await bucket.content(key))));
};

/** The credentials are where the AWS SDK looks for them, and nowhere else. */
const giveCredentials = ({ stack }: Project, { environment }: S3Server) =>
  Object.assign(stack.workspace.envVars, environment);

describe("the stack program with a bucket", function () {
  this.timeout(600_000);
  let server: S3Server;
  let bucket: TestBucket;
  let project: Project;
  let first: Record<string, unknown>;
  let printed = "";

  before(async () => {
    server = await startS3Server();
    bucket = await TestBucket.create(server);
    project = await createProject();
    giveCredentials(project, server);
    await project.stack.setAllConfig({
      copies: { value: JSON.stringify([`s3://${bucket.name}/gis`]) },
      s3: s3With({}),
    });
  });
  after(async () => {
    await removeProject(project);
    await server.stop();
  });

  const s3With = (more: object) => {
    const { endpoint, region } = server;
    return { value: JSON.stringify({ endpoint, region, forcePathStyle: true, ...more }) };
  };

  it("ends the first up with a backup in the folder, and a copy in the bucket", async () => {
    const { outputs, log } = await up(project);
    first = outputs;
    printed += log;
    const { backupId: id, backupLocation: local, backupCopies: copies } = outputs;
    const [{ location } = assert.fail()] = copies as { location: string }[];
    assert.equal(location, `s3://${bucket.name}/gis/cbm/${String(id)}`);
    assert.equal(local, path.join(project.folder, "backups", "cbm", String(id)));
    const manifest = await manifestIn(bucket, location);
    assert.equal(manifest.format, "directory");
    const copy: unknown = JSON.parse(await readFile(path.join(local, "manifest.json"), "utf8"));
    assert.deepEqual(manifest, Manifest.parse(copy));
  });

  it("does nothing in an up without a change", async () => {
    const { changes, outputs, log } = await up(project);
    printed += log;
    assert.deepEqual(Object.keys(changes), ["same"]);
    assert.equal(outputs["backupId"], first["backupId"]);
  });

  it("takes no new backup for how it gets there, and none is left in the work directory", async () => {
    await project.stack.setConfig("s3", s3With({ uploadLimit: 100_000_000 }));
    const { changes } = await up(project);
    assert.equal(changes["replace"], undefined);
    await project.stack.removeConfig("copies");
    await project.stack.setAllConfig({
      repository: { value: `s3://${bucket.name}/gis` },
      workDirectory: { value: "./backups" },
    });
    const { outputs } = await up(project);
    assert.deepEqual(outputs["backupCopies"], []);
    assert.equal((await manifestIn(bucket, outputs["backupLocation"])).format, "directory");
    assert.equal((await manifestIn(bucket, outputs["backupLocation"])).id, outputs["backupId"]);
    const local = await readdir(path.join(project.folder, "backups", "cbm"));
    assert.deepEqual(local.toSorted(), [first["backupId"], "latest"]);
  });

  it("warns in a preview when the bucket is not there", async () => {
    await project.stack.setConfig("repository", { value: `s3://${uniqueName()}/gis` });
    const { stdout } = await project.stack.preview();
    assert.match(stdout, /warning: The backup would fail as things are now\./);
    assert.match(stdout, /error\[bucket-not-found\]: There is no bucket/);
    await project.stack.setConfig("repository", { value: `s3://${bucket.name}/gis` });
  });

  it("previews a bucket of its own", async () => {
    await project.stack.setAllConfig({
      bucket: { value: "{}" },
      "aws:region": { value: server.region },
      "aws:skipCredentialsValidation": { value: "true" },
      "aws:skipRequestingAccountId": { value: "true" },
    });
    const { stdout } = await project.stack.preview();
    assert.match(stdout, /\+\s+aws:s3:Bucket backups-bucket create/);
    await project.stack.removeConfig("bucket");
  });

  it("keeps no credentials in the state, and prints none", () => {
    const state = readFileSync(
      path.join(project.folder, ".state", ".pulumi", "stacks", "postgis-backup", "test.json"),
      "utf8",
    );
    assert.ok(state.includes(server.endpoint));
    for (const secret of [server.secretAccessKey, server.accessKeyId])
      assert.ok(!state.includes(secret) && !printed.includes(secret));
  });
});

describe("examples/bucket", function () {
  this.timeout(600_000);
  const source = path.join(root, "examples", "bucket");
  let server: S3Server;
  let project: Project;
  let container: string;

  before(async () => {
    server = await startS3Server();
    container = await startServer();
    await sql(
      container,
      `CREATE TABLE dias_catalogue (id int PRIMARY KEY); INSERT INTO dias_catalogue VALUES (1), (2);
       CREATE TABLE "roi2020_S2_signatures" (obsid int); INSERT INTO "roi2020_S2_signatures" SELECT 1 FROM generate_series(1, 100);`,
    );
    project = await createProject(source, await readdir(source));
    giveCredentials(project, server);
    const { endpoint, region } = server;
    await project.stack.setAllConfig({
      containerName: { value: container },
      s3: { value: JSON.stringify({ endpoint, region, forcePathStyle: true }) },
      withoutProtections: { value: JSON.stringify(["publicAccessBlock", "encryption", "lifecycle"]) },
      "aws:region": { value: region },
      "aws:endpoints": { value: JSON.stringify([{ s3: endpoint }]) },
      "aws:s3UsePathStyle": { value: "true" },
      "aws:skipCredentialsValidation": { value: "true" },
      "aws:skipRequestingAccountId": { value: "true" },
    });
  });
  after(async () => {
    await removeProject(project);
    await removeContainer(container);
    await server.stop();
  });

  it("makes a bucket and streams its backup into it; a second up does nothing", async () => {
    const { outputs } = await up(project);
    const [, name = "", key = ""] =
      /^s3:\/\/([^/]+)\/(cbm\/prod\/cbm\/.+)$/.exec(String(outputs["location"])) ?? [];
    const bucket = new TestBucket(server, name);
    const manifest = await manifestIn(bucket, outputs["location"]);
    assert.deepEqual([manifest.format, manifest.verification.level], ["custom", "restore"]);
    assert.deepEqual(
      manifest.tables.map(({ rows }) => rows),
      [2, 100],
    );
    assert.ok((await bucket.keys()).every((one) => one.startsWith(key)));
    assert.ok((outputs["versionIds"] as Record<string, string>)["manifest.json"]);
    const policies = outputs["policies"] as Record<string, string>;
    assert.deepEqual(Object.keys(policies).toSorted(), ["backup", "prune", "restore"]);
    assert.deepEqual(Object.keys((await up(project)).changes), ["same"]);
  });
});
