/** Content that belongs to tables and is in no dump of them: refused, or left out knowingly and recorded. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import path from "node:path";
import { failBackup, takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restored } from "../support/restore-fixture";

interface Case {
  readonly title: string;
  readonly kind: string;
  readonly statements: string;
  readonly tables: readonly string[];
  readonly error: RegExp;
  readonly recorded: readonly object[];
}

const cases: readonly Case[] = [
  {
    title: "large objects, by a column of lo, of oid or of a domain over them",
    kind: "large-objects",
    statements: `CREATE EXTENSION lo; CREATE DOMAIN picture AS lo;
      CREATE TABLE image (id int, pic lo, "Raw" oid, small picture);
      INSERT INTO image SELECT i, lo_from_bytea(0, '\\x0102'), lo_from_bytea(0, '\\x03') FROM generate_series(1, 3) i;
      INSERT INTO image VALUES (4, NULL, 1, lo_from_bytea(0, '\\x04'));`,
    tables: ["image"],
    error:
      /^error\[not-carried\]: public\.image, column "pic", refers to 3 large objects, .*bytea.*--accept large-objects.*\n.*"Raw", refers to 3 .*\n.*"small", refers to 1 /,
    recorded: [
      { kind: "large-objects", table: "public.image", column: "pic", count: 3 },
      { kind: "large-objects", table: "public.image", column: "Raw", count: 3 },
      { kind: "large-objects", table: "public.image", column: "small", count: 1 },
    ],
  },
  {
    title: "a topology, by a column of TopoGeometry",
    kind: "topologies",
    statements: `CREATE EXTENSION postgis; CREATE EXTENSION postgis_topology; SELECT topology.CreateTopology('land', 4326);
      CREATE TABLE field (id int); SELECT topology.AddTopoGeometryColumn('land', 'public', 'field', 'shape', 'POLYGON');`,
    tables: ["field"],
    error:
      /^error\[not-carried\]: topology\.layer has 1 rows that describe topologies.*\nerror.*topology\.topology has 1 rows/,
    recorded: [
      { kind: "topologies", table: "topology.layer", count: 1 },
      { kind: "topologies", table: "topology.topology", count: 1 },
    ],
  },
  {
    title: "rows in a table of an extension that was asked for with others",
    kind: "extension-rows",
    statements: `CREATE EXTENSION postgis_tiger_geocoder CASCADE; CREATE TABLE mine (x int);
      INSERT INTO tiger.geocode_settings (name, setting) VALUES ('own', 'x');`,
    tables: ["*.*"],
    error: /^error\[not-carried\]: tiger\.geocode_settings has 1 rows that its extension did not make/,
    recorded: [{ kind: "extension-rows", table: "tiger.geocode_settings", count: 1 }],
  },
  {
    title: "rasters in files",
    kind: "raster-files",
    statements: `CREATE EXTENSION postgis; CREATE EXTENSION postgis_raster; CREATE TABLE tile (r raster);
      SET postgis.gdal_enabled_drivers = 'ENABLE_ALL'; SET postgis.enable_outdb_rasters = on;
      INSERT INTO tile VALUES (ST_AddBand(ST_MakeEmptyRaster(2, 2, 0, 0, 1), '8BUI'::text, 1));
      SELECT lo_from_bytea(990, ST_AsTIFF(r)) FROM tile; SELECT lo_export(990, '/tmp/tile.tif'); SELECT lo_unlink(990);
      INSERT INTO tile VALUES (ST_AddBand(ST_MakeEmptyRaster(2, 2, 0, 0, 1), 1, '/tmp/tile.tif'::text, ARRAY[1]));`,
    tables: ["tile"],
    error: /^error\[not-carried\]: public\.tile, column "r", has 1 rasters whose bands are in files/,
    recorded: [{ kind: "raster-files", table: "public.tile", column: "r", count: 1 }],
  },
];

describe("content that is in no dump of tables", function () {
  this.timeout(180_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  for (const { title, kind, statements, tables, error, recorded } of cases) {
    it(`is refused, or left out knowingly: ${title}`, async () => {
      const name = `outside_${kind.replace("-", "_")}`;
      await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
      await sql(container, statements, name);
      const options = { container, repository, name, tables };
      const more = ["--database", name];
      assert.match(await failBackup({ ...options, more }), error);
      assert.ok(!existsSync(path.join(repository, name)));
      assert.match(await failBackup({ ...options, more: [...more, "--dry-run"] }), error);

      const { manifest, stderr } = await takeBackup({ ...options, more: [...more, "--accept", kind] });
      assert.deepEqual(manifest.notCarried, recorded);
      assert.match(stderr, /Left out, as accepted: /);
      if (kind !== "large-objects") return;
      await sql(container, `CREATE DATABASE ${name}_again TEMPLATE template0`);
      const { notes } = await restored({ container, repository, name, database: `${name}_again` });
      assert.match(
        notes.join("\n"),
        /Not in the backup: public\.image, column "pic", refers to 3 large objects/,
      );
    });
  }

  it("is no matter where a column of oid refers to no large object, and an extension's rows are its own", async () => {
    await sql(container, "CREATE DATABASE without TEMPLATE template0");
    await sql(
      container,
      `CREATE EXTENSION postgis_tiger_geocoder CASCADE; CREATE EXTENSION postgis_topology; CREATE TABLE plain (o oid);
       INSERT INTO plain VALUES ('plain'::regclass); SELECT lo_from_bytea(0, '\\x01')`,
      "without",
    );
    const more = ["--database", "without"];
    const { manifest } = await takeBackup({ container, repository, name: "without", tables: ["*.*"], more });
    assert.equal(manifest.notCarried, undefined);
  });

  it("is named in a backup of a whole database, where it is in tables of an extension that no dump has", async () => {
    await sql(container, "CREATE DATABASE whole TEMPLATE template0");
    await sql(
      container,
      "CREATE EXTENSION postgis_tiger_geocoder CASCADE; CREATE EXTENSION postgis_topology; SELECT topology.CreateTopology('own', 3035)",
      "whole",
    );
    const options = {
      container,
      repository,
      name: "whole",
      tables: [],
      more: ["--database", "whole", "--all"],
    };
    const before = await takeBackup(options);
    assert.doesNotMatch(before.stderr, /warning/);
    await sql(
      container,
      `INSERT INTO tiger.place_lookup VALUES (99, 'XX', 99999, 'Nowhere'); UPDATE spatial_ref_sys SET proj4text = 'mine' WHERE srid = 3035;
       INSERT INTO spatial_ref_sys (srid, auth_name, srtext) VALUES (990002, 'own', 'LOCAL_CS[]')`,
      "whole",
    );
    const { stderr, manifest } = await takeBackup(options);
    assert.deepEqual(manifest.notCarried, [
      { kind: "extension-rows", table: "public.spatial_ref_sys", count: 1 },
      { kind: "extension-rows", table: "tiger.place_lookup", count: 1 },
    ]);
    assert.match(
      stderr,
      /^warning: tiger\.place_lookup has 1 rows that its extension did not make; .* pg_dump leaves them out\.$/m,
    );
  });
});
