import assert from "node:assert/strict";
import { type BucketFixture, formats, bucketFixture } from "../support/bucket-fixture";
import { sql } from "../support/resources";
import { contentOf, fixtureSelection, fixtureTables } from "../support/restore-fixture";

const schemas = ["App", "lib", "nl", "public"];
const lines = async (container: string, database = "postgres") =>
  (await contentOf(container, database, schemas)).join("\n");

/** Without the sequence that no table owns, and that only a restore of all sets. */
const unshared = (all: string) =>
  all.split("\n").filter((line) => !line.startsWith("sequence lib.shared_id"));

describe("a backup in a bucket, and nothing else,", function () {
  this.timeout(300_000);
  let fixture: BucketFixture;
  let backup: (format: string) => string;
  let into: (database: string, ...more: string[]) => string[];

  before(async () => {
    fixture = await bucketFixture({
      statements: await fixtureTables(),
      tables: fixtureSelection,
      formats,
      query: lines,
    });
    backup = (format) => `${fixture.repository}/${format}/latest`;
    into = (database, ...more) => [
      ...["--container", fixture.target, "--database", database, "--missing-roles", "create"],
      ...more,
    ];
  });
  after(() => fixture.remove());
  afterEach(() => fixture.expectNoRemains());

  for (const format of formats) {
    it(`is verified at both levels: ${format}`, async () => {
      assert.match(await fixture.succeed("verify", backup(format)), /: verified \(archive\)/);
      const tested = await fixture.succeed("verify", backup(format), "--level", "restore");
      assert.match(tested, /: verified \(restore\)/);
    });

    it(`is restored into a server that has never seen it: ${format}`, async () => {
      const database = await fixture.newDatabase();
      await fixture.succeed("restore", backup(format), ...into(database));
      assert.equal(await lines(fixture.target, database), fixture.expected);
    });

    it(`gives definitions, then rows: ${format}`, async () => {
      const database = await fixture.newDatabase();
      await fixture.succeed("restore", backup(format), ...into(database, "--schema-only"));
      assert.equal(await sql(fixture.target, "SELECT count(*) FROM parcels", database), "0");
      // A foreign key is checked as the owner of its table, and a backup has no grants on schemas.
      await sql(fixture.target, 'GRANT USAGE ON SCHEMA "App", nl, lib TO PUBLIC', database);
      await fixture.succeed("restore", backup(format), ...into(database, "--data-only"));
      assert.deepEqual(unshared(await lines(fixture.target, database)), unshared(fixture.expected));
    });

    it(`gives some tables, and is only looked at in a dry run: ${format}`, async () => {
      const database = await fixture.newDatabase();
      const some = into(database, "--table", "parcels");
      const before = await lines(fixture.target, database);
      assert.match(await fixture.succeed("restore", backup(format), ...some, "--dry-run"), /^Nothing keeps/);
      assert.equal(await lines(fixture.target, database), before);
      fixture.proxy.reads();
      await fixture.succeed("restore", backup(format), ...some);
      assert.equal(await sql(fixture.target, "SELECT count(*) FROM parcels", database), "200");
      const files = [...fixture.proxy.reads().keys()].filter((key) => /\/archive\/\d+\.dat/.test(key));
      // Only a directory has a file for the rows of each table.
      assert.equal(files.length, format === "directory" ? 1 : 0);
    });
  }
});
