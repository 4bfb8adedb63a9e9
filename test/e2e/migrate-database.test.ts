import assert from "node:assert/strict";
import { once } from "node:events";
import { ComponentStack } from "../support/component-stack";
import { imageOf } from "../support/images";
import { type MigrationPair, startMigration, startPair } from "../support/migration-pair";
import { queryPort } from "../support/port-client";
import { removeFolder, sql, temporaryFolder } from "../support/resources";
import { makeDatabase, settingsOf } from "../support/whole-database";

/** What belongs to extensions, and lies in their tables. */
const topologyAndRaster = `
CREATE EXTENSION postgis_raster SCHEMA public;
CREATE EXTENSION postgis_topology;
SET search_path = public, topology;
SELECT CreateTopology('fields', 3035, 1);
CREATE TABLE app.fields (id int PRIMARY KEY);
SELECT AddTopoGeometryColumn('fields', 'app', 'fields', 'topo', 'POLYGON');
INSERT INTO app.fields SELECT g, toTopoGeom(ST_MakeEnvelope(g * 10, 0, g * 10 + 9, 9, 3035), 'fields', 1) FROM generate_series(1, 5) g;
CREATE VIEW app.field_shapes AS SELECT id, topo::geometry AS shape FROM app.fields;
CREATE TABLE app.pictures (rid serial PRIMARY KEY, rast raster);
INSERT INTO app.pictures (rast) SELECT ST_AddBand(ST_MakeEmptyRaster(10, 10, g, g, 1, -1, 0, 0, 3035), '8BUI'::text, g, 0) FROM generate_series(1, 3) g;
SELECT AddRasterConstraints('app'::name, 'pictures'::name, 'rast'::name);`;

/** Of the server, and what only a server has. */
const roles = `
CREATE ROLE aged LOGIN PASSWORD 'md5'; SET password_encryption = 'scram-sha-256'; CREATE ROLE worker LOGIN PASSWORD 'secret' CREATEDB; GRANT reader TO worker WITH ADMIN OPTION; GRANT editor TO postgres;
ALTER ROLE worker SET work_mem = '7MB'; COMMENT ON ROLE worker IS 'works';
ALTER SYSTEM SET log_min_duration_statement = 77; SELECT pg_reload_conf();`;

const seenRoles = `
SELECT string_agg(concat_ws(' ', rolname, rolpassword, rolcreatedb, rolcanlogin, shobj_description(r.oid, 'pg_authid'),
    (SELECT setconfig FROM pg_db_role_setting WHERE setrole = r.oid AND setdatabase = 0)), ', ' ORDER BY rolname),
  (SELECT string_agg(concat_ws(' ', roleid::regrole, member::regrole, admin_option), ', ' ORDER BY roleid::regrole::text, member::regrole::text)
   FROM pg_auth_members WHERE member::regrole::text !~ '^pg_')
FROM pg_authid r WHERE rolname !~ '^(pg_|postgres$)'`;

/** What users of the database see, in words that do not depend on the version. */
const seen = `
SELECT (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM app.parcels t),
  (SELECT string_agg(f::text, ',' ORDER BY f::text) FROM app.filled f), (SELECT relispopulated FROM pg_class WHERE oid = 'app.unfilled'::regclass),
  (SELECT md5(string_agg(a::text, ',')) FROM app.arable a), (SELECT count(*) FROM app.of_view),
  (SELECT string_agg(l.oid || md5(lo_get(l.oid)) || pg_get_userbyid(lomowner), ',' ORDER BY l.oid) FROM pg_largeobject_metadata l),
  (SELECT last_value FROM app.numbers), nextval('app.parcels_id_seq') > 500,
  (SELECT string_agg(oid::regprocedure || md5(prosrc) || prosecdef || pg_get_userbyid(proowner), ',' ORDER BY p.oid::regprocedure::text COLLATE "C")
   FROM pg_proc p
   WHERE pronamespace = 'app'::regnamespace AND prokind <> 'a' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND deptype IN ('e', 'i'))),
  app.half(3), (SELECT string_agg(p::text, ',' ORDER BY policyname) FROM pg_policies p),
  (SELECT string_agg(concat(pubname, pubinsert, pubdelete), ',') FROM pg_publication),
  (SELECT string_agg(concat(tgname, tgenabled), ',' ORDER BY 1) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = 'app.parcels'::regclass),
  (SELECT string_agg(concat(evtname, evtenabled), ',') FROM pg_event_trigger WHERE evtname = 'no_drop'), (SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'parcels_kinds'),
  (SELECT string_agg(id || ST_AsText(ST_Normalize(shape)), ',' ORDER BY id) FROM app.field_shapes), (SELECT string_agg(name || srid, ',') FROM topology.topology),
  (SELECT string_agg(rid || md5(ST_AsBinary(rast)), ',' ORDER BY rid) FROM app.pictures),
  (SELECT string_agg(r_table_name || srid || num_bands || scale_x, ',') FROM raster_columns), (SELECT srtext FROM spatial_ref_sys WHERE srid = 990001)`;

describe("a migration of a whole database from PostgreSQL 13 and PostGIS 3.1 to 17 and 3.5", function () {
  this.timeout(600_000);
  let pair: MigrationPair;
  let repository: string;
  let stack: ComponentStack;
  const leaveBehind = [
    ...["password of role aged", "server setting log_min_duration_statement"],
    "undumped rows of public.spatial_ref_sys",
  ];
  const args = () => ({
    ...{
      from: { container: pair.oldServer, database: "gis" },
      to: { container: pair.newServer, database: "gis" },
    },
    ...{ repository, all: true, missingRoles: "restore" },
  });
  const migrate = (...more: string[]) =>
    startMigration(pair, repository, [
      ...["--database", "gis", "--to-database", "gis", "--all", "--missing-roles", "restore", ...more],
    ]);
  const accepting = leaveBehind.flatMap((words) => ["--leave-behind", words]);

  before(async () => {
    repository = await temporaryFolder();
    stack = await ComponentStack.create("Migration");
    pair = await startPair("SELECT 1", { oldImage: await imageOf("13-3.1") });
    await makeDatabase(pair.oldServer);
    await sql(pair.oldServer, topologyAndRaster, "gis");
    await sql(pair.oldServer, "UPDATE spatial_ref_sys SET proj4text = 'mine' WHERE srid = 32601", "gis");
    await sql(pair.oldServer, roles);
    await sql(pair.newServer, "CREATE DATABASE gis");
  });
  after(async () => {
    await stack.remove();
    await pair.remove();
    await removeFolder(repository);
  });

  it("names what is the server's before it begins, and nothing that is the database's", async () => {
    const { exitCode, stderr } = await migrate();
    assert.equal(exitCode, 1, stderr);
    const lacking = stderr.split("\n").flatMap((line) => /would lack (.*)\.$/.exec(line)?.[1] ?? []);
    assert.deepEqual(lacking.toSorted(), [
      `"password of role aged" (an MD5 hash, which no rule of the new server's pg_hba.conf takes)`,
      '"server setting log_min_duration_statement"',
      '"undumped rows of public.spatial_ref_sys" (1 row)',
    ]);
    assert.doesNotMatch(stderr, /Writers of the old server wait/);
  });

  it("does not begin what the backup or the restore would refuse", async () => {
    await sql(pair.oldServer, "CREATE EXTENSION adminpack", "gis");
    const lacking = await migrate(...accepting);
    assert.equal(lacking.exitCode, 1);
    assert.match(
      lacking.stderr,
      /^error\[requirement-missing\]: The database has the extension adminpack 2\.1, which the server does not have\. .*drop it/m,
    );
    await sql(pair.oldServer, "DROP EXTENSION adminpack", "gis");
    const unseen = await migrate(...accepting, "--format", "directory");
    assert.equal(unseen.exitCode, 1);
    assert.match(unseen.stderr, /^error\[folder-not-mounted\]/m);
    for (const { stderr } of [lacking, unseen]) assert.doesNotMatch(stderr, /Writers of the old server wait/);
  });

  it("does not take the place of a database that has something of its own", async () => {
    await sql(pair.newServer, "CREATE VIEW mine AS SELECT 7 AS x", "gis");
    const { exitCode, stderr } = await migrate(...accepting);
    assert.equal(exitCode, 1, stderr);
    assert.match(stderr, /^error\[table-exists\]: Database "gis" of container .* has 1 tables, views/m);
    assert.equal(await sql(pair.newServer, "SELECT x FROM mine", "gis"), "7");
    await sql(pair.newServer, "DROP VIEW mine", "gis");
  });

  it("notices what somebody redefines or writes meanwhile, where no lock is in the way", async () => {
    const running = migrate(...accepting);
    for (let said = ""; !said.includes("Writers of the old server wait");)
      said += String((await once(running.stderr, "data"))[0]);
    const making = sql(pair.oldServer, "SET lock_timeout = '300ms'; SELECT lo_create(0)", "gis");
    await assert.rejects(making, /lock timeout/);
    await sql(pair.oldServer, "SELECT lo_put(4711, 0, 'x')", "gis");
    const half =
      "CREATE OR REPLACE FUNCTION app.half(x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT";
    await sql(pair.oldServer, `${half} x / 3'`, "gis");
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 1, stderr);
    assert.match(
      stderr,
      /^error\[tables-changing\]: Database "gis" was changed .*function app\.half\(numeric\) differs, content of large objects differs/m,
    );
    assert.match((await queryPort(pair.port, "SHOW server_version"))[0]?.["server_version"] as string, /^13/);
    await sql(pair.oldServer, `${half} x / 2'; SELECT lo_put(4711, 0, '\\x00ff10')`, "gis");
  });

  it("has all of it on the new server after one `pulumi up`, and the port", async () => {
    const seenOf = async (server: string) => [
      await sql(server, seen, "gis"),
      await settingsOf(server, "gis"),
      await sql(server, seenRoles),
    ];
    const expected = await seenOf(pair.oldServer);
    const { failed, log, outputs } = await stack.up({ ...args(), leaveBehind });
    assert.equal(failed, false, log);
    assert.deepEqual(await seenOf(pair.newServer), expected);
    assert.match((await queryPort(pair.port, "SHOW server_version"))[0]?.["server_version"] as string, /^17/);
    assert.ok(
      (outputs["notes"] as string[]).includes(
        "Left behind: undumped rows of public.spatial_ref_sys, password of role aged, server setting log_min_duration_statement.",
      ),
      log,
    );
    assert.equal((await stack.up({ ...args(), leaveBehind })).steps["migrate"]?.op, "same");
  });
});
