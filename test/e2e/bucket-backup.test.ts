import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, readlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { HeadObjectCommand, PutBucketVersioningCommand } from "@aws-sdk/client-s3";
import { execa } from "execa";
import { backupPolicy, restorePolicy } from "../../components/backup-bucket/policies";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { backupArguments, failBackup, tryBackup } from "../support/backup";
import { TestBucket } from "../support/bucket";
import { userWith } from "../support/bucket-user";
import { startServer } from "../support/container";
import { filesOf } from "../support/damage";
import { runReadOnly } from "../support/read-only";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, restoreCustom, restoreFolder } from "../support/restored";
import { runnerMain, runRunner } from "../support/runner";
import { countReads } from "../support/s3-reads";
import { type S3Server, startS3Server } from "../support/s3-server";
import { backupId } from "../../runner/repository/backup-id";

const tables = ["parcels", "signatures"];

describe("a backup that goes to a bucket", function () {
  this.timeout(300_000);
  let server: S3Server;
  let bucket: TestBucket;
  let container: string;
  let folder: string;
  let mounted: string;

  before(async () => {
    [server, folder] = await Promise.all([startS3Server(), temporaryFolder()]);
    mounted = path.join(folder, "mounted");
    await mkdir(mounted);
    container = await startServer({ mount: mounted });
    await sql(
      container,
      `CREATE TABLE parcels (id int PRIMARY KEY, geom geometry(Polygon, 3035));
       INSERT INTO parcels SELECT g, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 2000) g;
       CREATE TABLE signatures (pid int REFERENCES parcels, noise text);
       INSERT INTO signatures SELECT 1 + g % 2000, md5(g::text) || md5((-g)::text) FROM generate_series(1, 300000) g;`,
    );
    // "postgis-backup" as messages and the restore command call it.
    await writeFile(path.join(folder, "postgis-backup"), `#!/bin/sh\nexec node '${runnerMain}' "$@"\n`);
    await chmod(path.join(folder, "postgis-backup"), 0o755);
  });
  after(async () => {
    await removeContainer(container);
    await server.stop();
    await removeFolder(folder);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(server);
  });

  const options = (more: readonly string[] = []) => ({
    container,
    tables,
    repository: bucket.url("p/q"),
    more: [...server.options, ...more],
    env: server.environment,
  });
  const uploading = (more: readonly string[] = []) => ({
    ...options(["--copy", bucket.url("p/q"), ...more]),
    repository: path.join(mounted, bucket.name),
  });
  /** By way of a folder in which it does not stay. */
  const throughFolder = () => options(["--work-directory", path.join(mounted, bucket.name)]);
  const succeed = async (backup: Parameters<typeof tryBackup>[0]) => {
    const { exitCode, stdout, stderr } = await tryBackup(backup);
    assert.equal(exitCode, 0, stderr);
    assert.ok(Buffer.byteLength(stdout) < 4096);
    return BackupResult.parse(JSON.parse(stdout));
  };
  const shell = (command: string) =>
    execa("bash", ["-euo", "pipefail", "-c", command], {
      env: { ...server.environment, PATH: `${folder}:${process.env["PATH"]}` },
    });
  const idsOf = async (prefix = "p/q/cbm/") =>
    [...new Set((await bucket.keys()).map((key) => key.slice(prefix.length).split("/")[0]))].toSorted();
  const localIds = async () =>
    (await readdir(path.join(mounted, bucket.name, "cbm"))).filter((name) => name !== "latest");

  async function expectSameTables(database: string) {
    for (const table of tables)
      assert.equal(await contentOf(container, table, database), await contentOf(container, table), table);
  }

  /** All files of a backup, below a folder of this machine. */
  async function download({ location }: BackupResult): Promise<string> {
    const prefix = location.slice(`s3://${bucket.name}/`.length);
    const target = path.join(await temporaryFolder(), path.basename(location));
    for (const key of (await bucket.keys()).filter((one) => one.startsWith(`${prefix}/`))) {
      const file = path.join(target, key.slice(prefix.length));
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, await bucket.content(key));
    }
    return target;
  }

  const manifestOf = async (result: BackupResult) =>
    Manifest.parse(
      JSON.parse(String(await bucket.content(result.manifest.slice(`s3://${bucket.name}/`.length)))),
    );

  for (const [format, archive, restore] of [
    ["custom", "archive.dump", restoreCustom],
    ["plain", "archive.sql.zst", undefined],
    ["directory", "archive", restoreFolder],
  ] as const) {
    it(`is streamed there in the ${format} format by a machine that cannot write a file, and verified there`, async () => {
      const { client, name: Bucket } = { client: server.client, name: bucket.name };
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
      const selected = tables.flatMap((table) => ["--table", table]);
      const { stdout, stderr, exitCode } = await runReadOnly(
        [
          ...["backup", "--container", container, ...selected, ...bucket.place("p/q"), "--name", "cbm"],
          ...["--format", format, "--verify", "restore", "--json"],
        ],
        server.environment,
      );
      assert.equal(exitCode, 0, stderr);
      const result = BackupResult.parse(JSON.parse(stdout));
      assert.equal(result.location, `s3://${Bucket}/p/q/cbm/${result.backupId}`);
      assert.equal(result.manifest, `${result.location}/manifest.json`);
      const copy = await download(result);
      const files = (await filesOf(copy)).toSorted();
      assert.deepEqual(
        [...new Set(files.map((file) => file.replace(/^archive\/.*/, "archive")))],
        ["RESTORE.md", "SHA256SUMS", archive, "manifest.json", "prepare.sql"],
      );
      assert.equal(files.length, format === "directory" ? 4 + 1 + tables.length : 5);
      const Key = `p/q/cbm/${result.backupId}/manifest.json`;
      const { VersionId } = await client.send(new HeadObjectCommand({ Bucket, Key }));
      assert.ok(VersionId);
      assert.equal(result.versionIds?.["manifest.json"], VersionId);
      assert.equal(Object.keys(result.versionIds).length, files.length);

      const manifest = await manifestOf(result);
      assert.equal(manifest.verification.level, "restore");
      assert.equal(manifest.format, format);
      await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: copy });
      if (restore !== undefined) {
        await restore(container, path.join(copy, archive), "downloaded");
        await expectSameTables("downloaded");
      }
      await removeFolder(path.dirname(copy));

      await sql(container, "DROP DATABASE IF EXISTS postgres_restored (FORCE)");
      await shell(result.restoreCommand);
      await expectSameTables("postgres_restored");
    });
  }

  it("is in the custom format unless another one is asked for, and in the directory format only where that can be", async () => {
    assert.equal((await manifestOf(await succeed(options()))).format, "custom");
    const impossible = options(["--format", "directory", "--compression", "gzip"]);
    const { exitCode, stderr } = await runRunner(backupArguments(impossible));
    assert.equal(exitCode, 2);
    assert.match(
      stderr,
      /^error\[usage\]: --compression must be zstd or "none" where .* Or set a work directory/m,
    );
  });

  it("is in the directory format with every file read once for its verification, many small ones together", async () => {
    const names = Array.from({ length: 150 }, (_, number) => `many_${number}`);
    await sql(container, names.map((name) => `CREATE TABLE ${name} AS SELECT 1 AS a`).join("; "));
    const counted = await countReads(server.endpoint);
    try {
      const more = ["--format", "directory", "--compression", "none", "--s3-endpoint", counted.endpoint];
      const result = await succeed({ ...options(more), tables: [...tables, "many_*"] });
      const rows = [...counted.reads()].filter(([key]) => /\d\.dat$/.test(key));
      assert.equal(rows.length, names.length + tables.length);
      assert.ok(rows.every(([, { requests }]) => requests === 1));
      const manifest = await manifestOf(result);
      assert.equal(manifest.verification.level, "archive");
    } finally {
      counted.stop();
      await sql(container, `DROP TABLE ${names.join(", ")}`);
    }
  });

  it("takes no id that anything is stored under", async () => {
    const taken = Array.from({ length: 12 }, (_, second) => backupId(new Date(Date.now() + second * 1000)));
    for (const id of taken) await bucket.put(`p/q/cbm/${id}/prepare.sql`, "of another run");
    for (const backup of [options(), uploading()]) {
      const { backupId: id } = await succeed(backup);
      assert.ok(!taken.includes(id), id);
      assert.ok(id > String(taken.at(-1)), id);
    }
    for (const id of taken)
      assert.equal(String(await bucket.content(`p/q/cbm/${id}/prepare.sql`)), "of another run");
  });

  it("is written to a folder, verified and then copied, in the directory format too", async () => {
    const result = await succeed(uploading(["--format", "directory", "--jobs", "2"]));
    const { location, copies, backupId: id } = result;
    const copy = `s3://${bucket.name}/p/q/cbm/${id}`;
    assert.deepEqual(copies, [{ location: copy, manifest: `${copy}/manifest.json` }]);
    assert.equal(location, path.join(mounted, bucket.name, "cbm", id));
    assert.equal(await readlink(path.join(path.dirname(location), "latest")), id);
    const files = await filesOf(location);
    assert.deepEqual(await bucket.keys(), files.map((file) => `p/q/cbm/${id}/${file}`).toSorted());
    for (const file of files) {
      const uploaded = await bucket.content(`p/q/cbm/${id}/${file}`);
      assert.ok(uploaded.equals(await readFile(path.join(location, file))), file);
    }
    await sql(container, "DROP DATABASE IF EXISTS postgres_restored (FORCE)");
    await shell(result.restoreCommand);
    await expectSameTables("postgres_restored");
  });

  it("needs no more than the backup policy allows", async () => {
    const env = await userWith(bucket, backupPolicy);
    await succeed({ ...options(["--compression", "none"]), env });
    await succeed({ ...uploading(), env });
    assert.equal((await idsOf()).length, 2);
  });

  it("leaves nothing in its work directory", async () => {
    const result = await succeed(throughFolder());
    assert.equal(result.location, `s3://${bucket.name}/p/q/cbm/${result.backupId}`);
    assert.deepEqual(result.copies, []);
    assert.deepEqual(await idsOf(), [result.backupId]);
    assert.equal((await manifestOf(result)).format, "directory");
    assert.deepEqual(await readdir(path.join(mounted, bucket.name, "cbm")), []);
  });

  describe("to which nothing may be written", () => {
    let reader: Record<string, string>;

    beforeEach(async () => {
      reader = await userWith(bucket, restorePolicy);
    });

    it("is kept in its folder, and the failure says how to send it later", async () => {
      const said = await failBackup({ ...uploading(), env: reader });
      const [id = ""] = await localIds();
      const location = path.join(mounted, bucket.name, "cbm", id);
      assert.ok(said.startsWith(`error[upload-failed]: The backup is complete in ${location}, but`), said);
      assert.match(said, /does not allow s3:PutObject on s3:/);
      assert.deepEqual(await bucket.keys(), []);
      assert.equal(await readlink(path.join(path.dirname(location), "latest")), id);
      await shell(`postgis-backup verify --repository ${path.join(mounted, bucket.name)} --name cbm ${id}`);

      const [command] = /postgis-backup export .*$/m.exec(said) ?? [];
      await shell(String(command));
      assert.deepEqual(await idsOf(), [id]);
    });

    it("is not kept in its work directory", async () => {
      const said = await failBackup({ ...throughFolder(), env: reader });
      assert.match(said, /^error\[s3-denied\]: /);
      assert.deepEqual(await bucket.keys(), []);
      assert.deepEqual(await readdir(path.join(mounted, bucket.name, "cbm")), []);
    });
  });

  it("is followed by retention in its repository and in the one of its copy", async () => {
    for (const backup of [options(), uploading()]) {
      const first = await succeed(backup);
      const second = await succeed({ ...backup, more: [...backup.more, "--keep-last", "1"] });
      assert.ok(second.pruned.includes(first.backupId));
      assert.deepEqual(await idsOf(), [second.backupId]);
      assert.equal(second.alarm, undefined);
      if (second.copies.length > 0) assert.deepEqual(await localIds(), [second.backupId]);
    }
  });

  it("tells all that keeps it from being taken at once", async () => {
    const place = { ...options(["--dry-run"]), repository: "s3://no-such-bucket/p" };
    const said = await failBackup({ ...place, tables: ["parcel"] });
    assert.match(said, /^error\[bucket-not-found\]: .*\nerror\[table-not-found\]: /);
    const fine = await tryBackup(options(["--dry-run"]));
    assert.equal(fine.exitCode, 0, fine.stderr);
    assert.deepEqual(await bucket.keys(), []);
  });
});
