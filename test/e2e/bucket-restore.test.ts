import assert from "node:assert/strict";
import { type BucketScene, formats, setBucketScene } from "../support/bucket-scene";
import { sql } from "../support/resources";
import { contentOf, sceneSelection, sceneTables } from "../support/restore-scene";

const schemas = ["App", "lib", "nl", "public"];
const lines = async (container: string, database = "postgres") =>
  (await contentOf(container, database, schemas)).join("\n");

/** Without the sequence that no table owns, and that only a restore of all sets. */
const unshared = (all: string) =>
  all.split("\n").filter((line) => !line.startsWith("sequence lib.shared_id"));

describe("a backup in a bucket, and nothing else,", function () {
  this.timeout(300_000);
  let scene: BucketScene;
  let backup: (format: string) => string;
  let into: (database: string, ...more: string[]) => string[];

  before(async () => {
    scene = await setBucketScene({
      statements: await sceneTables(),
      tables: sceneSelection,
      formats,
      query: lines,
    });
    backup = (format) => `${scene.repository}/${format}/latest`;
    into = (database, ...more) => [
      ...["--container", scene.target, "--database", database, "--missing-roles", "create"],
      ...more,
    ];
  });
  after(() => scene.remove());
  afterEach(() => scene.expectNoRemains());

  for (const format of formats) {
    it(`is verified at both levels: ${format}`, async () => {
      assert.match(await scene.succeed("verify", backup(format)), /: verified \(archive\)/);
      const drill = await scene.succeed("verify", backup(format), "--level", "restore");
      assert.match(drill, /: verified \(restore\)/);
    });

    it(`is restored into a server that has never seen it: ${format}`, async () => {
      const database = await scene.newDatabase();
      await scene.succeed("restore", backup(format), ...into(database));
      assert.equal(await lines(scene.target, database), scene.expected);
    });

    it(`gives definitions, then rows: ${format}`, async () => {
      const database = await scene.newDatabase();
      await scene.succeed("restore", backup(format), ...into(database, "--schema-only"));
      assert.equal(await sql(scene.target, "SELECT count(*) FROM parcels", database), "0");
      // A foreign key is checked as the owner of its table, and a backup has no grants on schemas.
      await sql(scene.target, 'GRANT USAGE ON SCHEMA "App", nl, lib TO PUBLIC', database);
      await scene.succeed("restore", backup(format), ...into(database, "--data-only"));
      assert.deepEqual(unshared(await lines(scene.target, database)), unshared(scene.expected));
    });

    it(`gives some tables, and is only looked at in a dry run: ${format}`, async () => {
      const database = await scene.newDatabase();
      const some = into(database, "--table", "parcels");
      const before = await lines(scene.target, database);
      assert.match(await scene.succeed("restore", backup(format), ...some, "--dry-run"), /^Nothing keeps/);
      assert.equal(await lines(scene.target, database), before);
      scene.proxy.reads();
      await scene.succeed("restore", backup(format), ...some);
      assert.equal(await sql(scene.target, "SELECT count(*) FROM parcels", database), "200");
      const files = [...scene.proxy.reads().keys()].filter((key) => /\/archive\/\d+\.dat/.test(key));
      // Only a directory has a file for the rows of each table.
      assert.equal(files.length, format === "directory" ? 1 : 0);
    });
  }
});
