import assert from "node:assert/strict";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { takeBackup, tryBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { TestBucket } from "../support/bucket";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restored } from "../support/restore-fixture";
import { startS3Server, type S3Server } from "../support/s3-server";
import { dumpOf, makeDatabase } from "../support/whole-database";

/** A table that stays as it is, and one that is large enough to be dumped in ranges. */
const large = `
CREATE TABLE app.still AS SELECT g AS id, md5(g::text) AS note FROM generate_series(1, 50000) g;
CREATE TABLE "Odd Schema".grows (id int PRIMARY KEY, note text) WITH (fillfactor = 10);
ALTER TABLE "Odd Schema".grows ALTER note SET STORAGE PLAIN;
INSERT INTO "Odd Schema".grows SELECT g, rpad(md5(g::text), 400, 'x') FROM generate_series(1, 5500) g;`;

const changes = `
INSERT INTO "Odd Schema".grows VALUES (6000, 'new');
INSERT INTO base VALUES (7, 'new');
SELECT lo_from_bytea(4720, '\\x0102'), lo_put(4711, 0, 'new');
CREATE VIEW app.newer AS SELECT * FROM app.still;
INSERT INTO spatial_ref_sys (srid, auth_name, srtext) VALUES (990002, 'own', 'LOCAL_CS["y"]');`;

async function expectSame(container: string, database: string): Promise<void> {
  const [found, expected] = [await dumpOf(container, database), await dumpOf(container, "gis")];
  // All lines would be compared for minutes where many differ.
  const first = found.findIndex((line, index) => line !== expected[index]);
  if (first >= 0) assert.deepEqual(found.slice(first, first + 20), expected.slice(first, first + 20));
  assert.equal(found.length, expected.length);
}

const tableOf = ({ tables }: Manifest, name: string) => tables.find((table) => table.name === name);

for (const version of ["17-3.5", "15-3.3"] as const)
  describe(`backups of a whole database that changes little, of ${version}`, function () {
    this.timeout(300_000);
    let [container, repository] = ["", ""];

    before(async () => {
      repository = await temporaryFolder();
      container = await startServer({ mount: repository, image: await imageOf(version) });
      await makeDatabase(container);
      await sql(container, large, "gis");
    });
    after(async () => {
      await removeContainer(container);
      await removeFolder(repository);
    });

    const back = (...more: string[]) =>
      takeBackup({
        ...{ container, repository, name: "all", tables: [] },
        more: ["--database", "gis", "--all", "--full-every", "7d", ...more],
      });
    const isRestored = async (database: string) => {
      await restored({ container, repository, name: "all", database, more: ["--create-database"] });
      await expectSame(container, database);
    };

    it("share the rows of tables that did not change, and hold all the rest", async () => {
      const first = await back();
      await sql(container, changes, "gis");
      const second = await back();
      assert.deepEqual(tableOf(second.manifest, "still")?.sharedFrom, {
        id: first.result.backupId,
        generations: 1,
      });
      assert.equal(tableOf(second.manifest, "grows")?.sharedFrom, undefined);
      await isRestored("second");
    });

    it("share the ranges of a large table that did not change, in the third", async () => {
      await sql(container, `INSERT INTO "Odd Schema".grows VALUES (6001, 'newer')`, "gis");
      const third = await back("--verify", "restore");
      const parts = tableOf(third.manifest, "grows")?.unchangedIf?.ranges?.parts ?? [];
      assert.ok(parts.length > 1, "it is not in ranges");
      assert.deepEqual(
        parts.slice(0, -1).map(({ sharedFrom }) => sharedFrom?.generations),
        parts.slice(0, -1).map(() => 1),
      );
      assert.equal(parts.at(-1)?.sharedFrom, undefined);
      assert.equal(tableOf(third.manifest, "still")?.sharedFrom?.generations, 2);
      await isRestored("third");
    });

    it("have all rows of their own, if that is asked for", async () => {
      const full = await back("--full");
      assert.equal(tableOf(full.manifest, "still")?.sharedFrom, undefined);
      await isRestored("full");
    });
  });

describe("backups, in a bucket, of a whole database that changes little", function () {
  this.timeout(300_000);
  let container: string;
  let server: S3Server;
  let bucket: TestBucket;

  before(async () => {
    [container, server] = await Promise.all([startServer(), startS3Server()]);
    bucket = await TestBucket.create(server);
    await makeDatabase(container);
    await sql(container, large, "gis");
  });
  after(async () => {
    await server.stop();
    await removeContainer(container);
  });

  const named = () => ({ container, repository: bucket.url(), name: "all", env: server.environment });
  const back = async (...more: string[]) => {
    const all = ["--database", "gis", "--all", "--format", "directory", "--full-every", "7d"];
    const options = { ...named(), tables: [], more: [...all, ...server.options, ...more] };
    const { exitCode, stdout, stderr } = await tryBackup(options);
    assert.equal(exitCode, 0, stderr + stdout);
    const { backupId: id } = BackupResult.parse(JSON.parse(stdout));
    const content = await bucket.content(`gis/all/${id}/manifest.json`);
    return Manifest.parse(JSON.parse(content.toString()));
  };
  const isRestored = async (database: string) => {
    await restored({ ...named(), database, more: [...server.options, "--create-database"] });
    await expectSame(container, database);
  };
  const largeObjectsOf = ({ files }: Manifest) =>
    files.filter(({ path: file }) => /\/blob_\d+\.dat/.test(file));

  it("hold all of it, large objects too", async () => {
    const first = await back();
    assert.ok(largeObjectsOf(first).length > 0);
    await isRestored("first");
  });

  it("share the rows of tables that did not change, and hold all the rest", async () => {
    await sql(container, changes, "gis");
    const second = await back("--verify", "restore");
    assert.equal(tableOf(second, "still")?.sharedFrom?.generations, 1);
    assert.equal(tableOf(second, "grows")?.sharedFrom, undefined);
    await isRestored("second");
  });

  it("are found damaged where an object is that holds a large object", async () => {
    const third = await back();
    const [file] = largeObjectsOf(third);
    const key = `gis/all/${third.id}/${file?.path}`;
    const content = await bucket.content(key);
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
    await bucket.put(key, content);
    const { exitCode, stderr } = await bucket.run("verify", ["--name", "all", third.id]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /error\[checksum-mismatch\].*blob_\d+\.dat/);
  });
});
