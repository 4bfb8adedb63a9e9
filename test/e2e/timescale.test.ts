/** Hypertables of timescaledb, which a stand-in of that extension makes. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { preparedPassword } from "../../setup/test-images";
import { failBackup, takeBackup } from "../support/backup";
import { TestContainer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { refused, remainsOf, restored } from "../support/restore-fixture";
import { timescaleImage } from "../support/timescale";
import { dumpOf } from "../support/whole-database";

const hypertable = `
CREATE EXTENSION timescaledb;
CREATE SCHEMA _chunks;
CREATE TABLE measures (at date, x int); CREATE TABLE _chunks.chunk_1 () INHERITS (measures); CREATE TABLE plain AS SELECT 1 AS x;
INSERT INTO _chunks.chunk_1 SELECT '2026-01-01', g FROM generate_series(1, 100) g;
SET timescaledb.restoring = 'on';
INSERT INTO _timescaledb_catalog.hypertable (schema_name, table_name) VALUES ('public', 'measures');
INSERT INTO _timescaledb_catalog.chunk (hypertable_id, schema_name, table_name) VALUES (1, '_chunks', 'chunk_1');`;

const catalog = `SELECT (SELECT string_agg(h::text, ' ') FROM _timescaledb_catalog.hypertable h), (SELECT string_agg(c::text, ' ') FROM _timescaledb_catalog.chunk c),
  (SELECT sum(x) FROM measures), current_setting('timescaledb.restoring', true)`;

describe("hypertables", function () {
  this.timeout(240_000);
  const images: string[] = [];
  let [container, newer, repository] = ["", "", ""];

  const start = async (version: string) => {
    const image = await timescaleImage(version);
    images.push(image);
    const server = new TestContainer(uniqueName(), image);
    await server.run([
      "--volume",
      `${repository}:/backups`,
      "--env",
      `POSTGRES_PASSWORD=${preparedPassword}`,
    ]);
    await server.ready();
    return server.name;
  };

  before(async () => {
    repository = await temporaryFolder();
    [container, newer] = await Promise.all([start("2.17.2"), start("2.18.0")]);
    await sql(container, "CREATE DATABASE gis");
    await sql(container, hypertable, "gis");
  });
  after(async () => {
    await removeContainer(container);
    await removeContainer(newer);
    for (const image of images) await execa("docker", ["image", "rm", "--force", image]);
    await removeFolder(repository);
  });

  it("are refused in a backup of tables, which says why; other tables are not", async () => {
    const tables = (...names: string[]) => ({
      ...{ container, repository, name: "tables", tables: names, more: ["--database", "gis"] },
    });
    const said = await failBackup(tables("*", "_chunks.*"));
    assert.match(
      said,
      /^error\[not-carried\]: These are hypertables of timescaledb, or chunks of one: _chunks\.chunk_1, public\.measures\. .*Back up the whole database/m,
    );
    await takeBackup(tables("plain"));
  });

  for (const format of ["directory", "plain"])
    it(`come back with the whole database: ${format}`, async () => {
      const name = `all_${format}`;
      const more = ["--database", "gis", "--all", "--verify", "restore", "--format", format];
      const { result } = await takeBackup({ container, repository, name, tables: [], more });
      const into = { container, repository, name, database: `${name}_new`, more: ["--create-database"] };
      await restored(into);
      const expected = await sql(container, catalog, "gis");
      assert.match(expected, /measures.*chunk_1.*\|5050\|/);
      assert.equal(await sql(container, catalog, into.database), expected);
      assert.deepEqual(await dumpOf(container, into.database), await dumpOf(container, "gis"));
      const stock = await execa("bash", ["-c", result.restoreCommand], { all: true, reject: false });
      assert.equal(stock.exitCode, 0, stock.all);
      assert.equal(await sql(container, catalog, "gis_restored"), expected);
      await sql(container, "DROP DATABASE gis_restored");
    });

  it("are not restored with another version of the extension, whose rows they do not fit", async () => {
    const into = { container: newer, repository, name: "all_directory", database: "gis" };
    assert.match(
      await refused({ ...into, more: ["--create-database"] }),
      /^error\[requirement-missing\]: The database needs the extension timescaledb in version 2\.17\.2, and no other: the server has 2\.18\.0\./m,
    );
    assert.deepEqual(await remainsOf(newer, []), []);
  });
});
