import assert from "node:assert/strict";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, refused, remainsOf, restored } from "../support/restore-fixture";
import { throwaways } from "../support/throwaways";

const source = `
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION positive(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE SEQUENCE shared;
CREATE TABLE "Parcels" (id int PRIMARY KEY DEFAULT nextval('shared'), m mood, x int CHECK (positive(x)), t timestamptz, f float8,
  g geometry(Polygon, 3035));
INSERT INTO "Parcels" (m, x, t, f, g)
  SELECT 'ok', i, now(), i / 7.0, ST_SetSRID(ST_MakeEnvelope(i, i, i + 1, i + 2), 3035) FROM generate_series(1, 2000) i;
CREATE INDEX ON "Parcels" USING gist (g);
CREATE TABLE parted (y int, v text) PARTITION BY RANGE (y);
CREATE TABLE parted_2020 PARTITION OF parted FOR VALUES FROM (2020) TO (2021);
INSERT INTO parted SELECT 2020, i::text FROM generate_series(1, 100) i;`;

for (const [from, to, formats, notes] of [
  ["17-3.5", "15-3.3", ["directory", "custom", "plain"], /older than the 3\.5/],
  ["13-3.1", "17-3.5", ["directory", "custom", "plain"], /^$/],
  ["17-3.5", "13-3.1", ["directory"], /fingerprints not compared/],
] as const) {
  describe(`a restore from PostgreSQL and PostGIS ${from} to ${to}`, function () {
    this.timeout(180_000);
    let old: string;
    let new_: string;
    let folder: string;
    let expected: string[];

    before(async function () {
      this.timeout(600_000);
      folder = await temporaryFolder();
      const start = async (version: typeof from | typeof to) =>
        startServer({ mount: folder, image: await imageOf(version) });
      [old, new_] = await Promise.all([start(from), start(to)]);
      await sql(old, source);
      expected = await contentOf(old, "postgres", ["public"]);
    });
    after(async () => {
      assert.deepEqual(await throwaways(folder), []);
      await removeContainer(old);
      await removeContainer(new_);
      await removeFolder(folder);
    });

    for (const format of formats) {
      it(`of a ${format} archive brings back all`, async () => {
        const tables = ["Parcels", "parted"];
        await takeBackup({
          container: old,
          repository: folder,
          name: format,
          tables,
          more: ["--format", format],
        });
        const database = `gis_${format}`;
        await sql(new_, `CREATE DATABASE ${database} TEMPLATE template0`);
        const result = await restored({ container: new_, repository: folder, name: format, database });
        assert.deepEqual([result.restored, result.rows], [true, 2100]);
        assert.match(result.notes.join(" "), notes);
        assert.deepEqual(await contentOf(new_, database, ["public"]), expected);
        assert.deepEqual(await remainsOf(new_, [database, "postgres"]), []);
        const again = await refused({ container: new_, repository: folder, name: format, database });
        assert.match(again, /^error\[table-exists\]/);
      });
    }
  });
}
