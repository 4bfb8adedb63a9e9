import assert from "node:assert/strict";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { failureOf, runnerMain, runRunner } from "../support/runner";
import { writeBackup } from "../support/sample-backups";

describe("report", function () {
  it("replaces a report, and another file only if that is named", async () => {
    const repository = await temporaryFolder();
    try {
      await writeBackup(repository, "20261129T010000Z");
      const cwd = repository;
      const run = (...more: string[]) =>
        execa("node", [runnerMain, "report", "--repository", repository, ...more], { cwd, reject: false });
      for (let time = 0; time < 2; time++) assert.equal((await run()).exitCode, 0);
      await writeFile(path.join(cwd, "report.html"), "mine");
      const refused = await run();
      assert.equal(refused.exitCode, 2);
      assert.match(
        refused.stderr,
        /^error\[usage\]: There is a report\.html already, and it is not a report/,
      );
      assert.equal(await readFile(path.join(cwd, "report.html"), "utf8"), "mine");
      assert.equal((await run("--output", "report.html")).exitCode, 0);
      assert.equal((await stat(path.join(cwd, "report.html"))).mode & 0o777, 0o600);
      assert.match(
        failureOf(await run("--name", "nope", "--output", "-")),
        /There is no backup of "nope" .* It has backups of: cbm\./,
      );
      const { stdout } = await run("--output", "-");
      assert.equal(stdout.slice(0, 15), "<!doctype html>");
      assert.deepEqual((await readdir(cwd)).sort(), ["cbm", "report.html"], "nothing incomplete is left");
    } finally {
      await removeFolder(repository);
    }
  });
});

/** What a table has to have for an extent, what makes it wrong, and what PostGIS cannot transform. */
const source = `
CREATE SCHEMA "Länder ""1"; CREATE SCHEMA geo; CREATE EXTENSION postgis SCHEMA geo; SET search_path = public, geo;
CREATE TABLE "Länder ""1"."Fl:ä$che" (id int, "Geom ""x" geometry(Polygon, 3035));
INSERT INTO "Länder ""1"."Fl:ä$che" SELECT i, ST_MakeEnvelope(3900000 + i * 100, 3100000 + i * 100, 3900080 + i * 100, 3100080 + i * 100, 3035)
  FROM generate_series(1, 2000) i;
CREATE INDEX ON "Länder ""1"."Fl:ä$che" USING gist ("Geom ""x");
CREATE TABLE places AS SELECT i AS id, ST_SetSRID(ST_MakePoint(4 + i / 1000.0, 50 + i / 1000.0), 4326)::geometry(Point, 4326) AS at,
  ST_MakePoint(i, -i) AS sketch, ST_SetSRID(ST_MakePoint(1e9, 1e9), 32631)::geometry(Point, 32631) AS outside,
  ST_SetSRID(ST_MakePoint(i, i), 990001)::geometry(Point, 990001) AS unknown, ST_SetSRID(ST_MakePoint(4, 50), 4326)::geography AS round,
  ST_MakePoint('Infinity', 1) AS endless FROM generate_series(1, 2000) i;
CREATE TABLE fresh AS SELECT * FROM places;
CREATE TABLE emptied AS SELECT id, at FROM places; CREATE INDEX ON emptied USING gist (at);
CREATE TABLE partial AS SELECT id, at FROM places; CREATE INDEX ON partial USING gist (at) WHERE id < 10;
CREATE TABLE parent AS SELECT id, at FROM places WHERE id <= 1000; CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT id, at FROM places WHERE id > 1000;
CREATE TABLE parted (id int, at geometry(Point, 4326)) PARTITION BY RANGE (id); CREATE INDEX ON parted USING gist (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (1000); INSERT INTO parted SELECT id, at FROM places WHERE id < 1000;
CREATE TABLE lone AS SELECT ST_SetSRID(ST_MakePoint(4321000, 3210000), 3035)::geometry(Point, 3035) AS at;
ANALYZE places, emptied, partial, parent, child, lone; DELETE FROM emptied;
CREATE VIEW seen AS SELECT * FROM places;`;

/** Without autovacuum, nobody but a test makes statistics. */
const withoutAutovacuum = "ALTER SYSTEM SET autovacuum = off; SELECT pg_reload_conf();";

for (const version of ["17-3.5", "13-3.1"] as const) {
  describe(`the extents of a backup, from PostgreSQL and PostGIS ${version}`, function () {
    this.timeout(120_000);
    let container: string;
    let repository: string;

    before(async function () {
      this.timeout(600_000);
      repository = await temporaryFolder();
      container = await startServer({ image: await imageOf(version) });
      for (const statement of withoutAutovacuum.split("; ")) await sql(container, statement);
      await sql(container, "CREATE DATABASE maps TEMPLATE template0");
      await sql(container, source, "maps");
    });
    after(async () => {
      await removeContainer(container);
      await removeFolder(repository);
    });

    async function backup(name: string, database: string, tables: string, ...more: string[]) {
      const { exitCode, stdout, stderr } = await runRunner([
        ...["backup", "--container", container, "--database", database, "--table", tables, "--json"],
        ...["--repository", repository, "--name", name, ...more],
      ]);
      assert.equal(exitCode, 0, stderr);
      assert.doesNotMatch(stderr, /warning|error|transform|stats for/i);
      const { manifest } = BackupResult.parse(JSON.parse(stdout));
      return Manifest.parse(JSON.parse(await readFile(manifest, "utf8"))).tables;
    }

    /** With whole degrees or units, because an estimate is no exact number. */
    const rounded = (tables: Manifest["tables"]) =>
      Object.fromEntries(
        tables.flatMap(({ name, extents = [] }) =>
          extents.map(({ column, srid, box, degrees }) => {
            const [sides, inDegrees] = [box, degrees].map((one) =>
              one?.map((side) => Math.round(side)).join(" "),
            );
            return [`${name}.${column}`, [srid, sides, inDegrees]];
          }),
        ),
      );

    it("are those of an index or of statistics, with degrees where the server can transform them", async () => {
      const found = rounded(await backup("all", "maps", "*.*"));
      assert.deepEqual(Object.keys(found).sort(), [
        ...['Fl:ä$che.Geom "x', "child.at", "lone.at", "parent.at", "parted_1.at"],
        ...["places.at", "places.outside", "places.sketch", "places.unknown"],
      ]);
      assert.deepEqual(found['Fl:ä$che.Geom "x'], [3035, "3900100 3100100 4100080 3300080", "4 51 7 53"]);
      assert.deepEqual(found["lone.at"], [3035, "4321000 3210000 4321000 3210000", "10 52 10 52"]);
      assert.deepEqual(found["places.at"], [4326, "4 50 6 52", "4 50 6 52"]);
      assert.deepEqual(found["parted_1.at"], [4326, "4 50 5 51", "4 50 5 51"]);
      assert.deepEqual(found["parent.at"], [4326, "4 50 5 51", "4 50 5 51"], "without those of its child");
      assert.deepEqual(found["child.at"], [4326, "5 51 6 52", "5 51 6 52"]);
      assert.deepEqual(found["places.sketch"], [0, "-9 -2010 2010 9", undefined]);
      assert.deepEqual(found["places.outside"], [
        32631,
        "1000000000 1000000000 1000000000 1000000000",
        undefined,
      ]);
      assert.deepEqual(found["places.unknown"], [990001, "-9 -9 2010 2010", undefined]);

      const { stdout } = await runRunner([
        "report",
        "--repository",
        repository,
        "--name",
        "all",
        "--output",
        "-",
      ]);
      assert.match(stdout, /aria-label="Map with the extents of [^"]*public\.places\.at/);
      assert.match(stdout, /Länder &quot;1\.Fl:ä\$che\.Geom &quot;x/);
      assert.match(stdout, /990001/);
    });

    it("are none where the role may not ask PostGIS, or not for all, or there is no PostGIS", async () => {
      const table = '"Länder ""1"."Fl:ä$che"';
      const rights = `GRANT USAGE ON SCHEMA geo, "Länder ""1" TO reader; GRANT SELECT ON ${table} TO reader`;
      await sql(container, `CREATE ROLE reader LOGIN PASSWORD 'test'; ${rights}`, "maps");
      const forbid = (what: string) =>
        sql(container, `REVOKE EXECUTE ON FUNCTION geo.${what} FROM PUBLIC`, "maps");
      const extent = async () =>
        Object.values(rounded(await backup("reader", "maps", table, "--user", "reader")));
      const box = "3900100 3100100 4100080 3300080";
      assert.deepEqual(await extent(), [[3035, box, "4 51 7 53"]]);
      await forbid("st_transform(geo.geometry, text, text)");
      assert.deepEqual(await extent(), [[3035, box, undefined]]);
      await forbid("st_estimatedextent(text, text, text, boolean)");
      assert.deepEqual(await extent(), []);
      await sql(container, "CREATE DATABASE bare TEMPLATE template0");
      await sql(container, "CREATE TABLE t AS SELECT 1 AS x", "bare");
      assert.deepEqual(rounded(await backup("bare", "bare", "t")), {});
    });

    it("do not keep a backup from a restore test", async () => {
      const tables = await backup("proven", "maps", "public.par*", "--verify", "restore");
      assert.deepEqual(Object.keys(rounded(tables)).sort(), ["child.at", "parent.at", "parted_1.at"]);
    });
  });
}
