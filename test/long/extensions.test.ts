/** Whole databases with every extension that their server has. */
import assert from "node:assert/strict";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, restored } from "../support/restore-fixture";
import { dumpOf } from "../support/whole-database";

/** Without names that stand for the versions of another extension; and those that version 17 no longer has. */
const availableQuery = "SELECT name FROM pg_available_extensions WHERE name !~ '-3$' ORDER BY 1";
const gone = ["adminpack", "old_snapshot"];

const tables = `
SET search_path = public, topology;
CREATE TABLE kinds (a citext PRIMARY KEY, b ltree, c hstore, d cube, e isbn, f seg, g lo, h uuid DEFAULT uuid_generate_v4(), i int, EXCLUDE USING gist (i WITH =, b WITH =));
CREATE INDEX ON kinds USING gist (b); CREATE INDEX ON kinds USING gin (c); CREATE INDEX ON kinds USING bloom (i); CREATE INDEX ON kinds USING gin (a gin_trgm_ops);
INSERT INTO kinds VALUES ('A', 'x.y', 'k=>v', '(1,2)', '978-0-393-04002-9', '1 .. 2', lo_from_bytea(4711, 'content'), DEFAULT, 1);
CREATE FUNCTION key(text) RETURNS text LANGUAGE sql IMMUTABLE SET search_path = public AS 'SELECT unaccent($1)'; CREATE INDEX ON kinds (key(a::text));
SELECT CreateTopology('fields', 3035, 1); CREATE TABLE field (id int);
SELECT AddTopoGeometryColumn('fields', 'public', 'field', 'shape', 'POLYGON');
INSERT INTO field VALUES (1, toTopoGeom(ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))', 3035), 'fields', 1));
CREATE TABLE scene AS SELECT 1 AS id, ST_AddBand(ST_MakeEmptyRaster(10, 10, 0, 0, 1), '8BUI') AS rast;
SELECT AddRasterConstraints('scene'::name, 'rast'::name);`;

const content = `SELECT a, b, c, d, e, f, convert_from(lo_get(g), 'UTF8'), h, (SELECT ST_Area(shape::geometry) FROM field), (SELECT ST_Width(rast) FROM scene),
  key('é') FROM kinds`;

for (const version of ["17-3.5", "15-3.3", "13-3.1"] as const)
  describe(`a whole database with all extensions of a server of ${version}`, function () {
    this.timeout(300_000);
    let [container, young, repository] = ["", "", ""];
    let extensions: string[] = [];
    const back = async () => {
      const more = ["--database", "gis", "--all", "--verify", "restore", "--jobs", "4"];
      return (await takeBackup({ container, repository, name: "all", tables: [], more })).result;
    };
    const into = (target: string, ...more: string[]) => ({
      ...{ container: target, repository, name: "all", database: "new" },
      more: ["--create-database", "--jobs", "4", ...more],
    });

    before(async () => {
      repository = await temporaryFolder();
      [container, young] = await Promise.all([
        startServer({ mount: repository, image: await imageOf(version) }),
        startServer({ mount: repository }),
      ]);
      await sql(container, "CREATE DATABASE gis");
      extensions = (await sql(container, availableQuery, "gis")).split("\n");
      assert.ok(extensions.length > 40, extensions.join());
      for (const name of extensions)
        await sql(container, `CREATE EXTENSION IF NOT EXISTS "${name}" CASCADE`, "gis");
      await sql(container, tables, "gis");
    });
    after(async () => {
      await removeContainer(container);
      await removeContainer(young);
      await removeFolder(repository);
    });

    it("comes back in the same server, by stock tools too", async () => {
      const { restoreCommand } = await back();
      await restored(into(container));
      const stock = await execa("bash", ["-c", restoreCommand], { all: true, reject: false });
      assert.equal(stock.exitCode, 0, stock.all);
      const expected = await sql(container, content, "gis");
      assert.match(expected, /^A\|x\.y\|.*\|content\|.*\|100\|10\|e$/);
      for (const database of ["new", "gis_restored"]) {
        assert.equal(await sql(container, content, database), expected);
        assert.deepEqual(await dumpOf(container, database), await dumpOf(container, "gis"));
      }
    });

    it("goes to a server of version 17, but for extensions that this does not have, which are named", async () => {
      const lacking = extensions.filter((name) => gone.includes(name));
      if (lacking.length > 0) {
        const said = await refused(into(young));
        for (const name of lacking)
          assert.match(said, new RegExp(`error\\[requirement-missing\\]: .*extension ${name} .*drop it`));
        for (const name of lacking) await sql(container, `DROP EXTENSION ${name}`, "gis");
        await back();
      }
      await restored(into(young));
      assert.equal(await sql(young, content, "new"), await sql(container, content, "gis"));
    });
  });
