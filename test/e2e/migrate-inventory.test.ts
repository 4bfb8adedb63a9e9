import assert from "node:assert/strict";
import { docker } from "../support/container";
import {
  dataVolume,
  type MigrationPair,
  startMigration,
  startPair,
  startRemoveOld,
} from "../support/migration-pair";
import { queryPort } from "../support/port-client";
import {
  ownLabel,
  removeContainer,
  removeFolder,
  removeVolume,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";

/** A table with what belongs to it, all of which a migration brings. */
const brought = `
CREATE TYPE crop AS ENUM ('maize', 'rye');
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE parcels (id serial PRIMARY KEY, kind crop, geom geometry(Point, 4326), area real CHECK (area > 0));
CREATE TRIGGER stamp BEFORE INSERT ON parcels FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE POLICY seen ON parcels USING (true);
COMMENT ON TABLE parcels IS 'parcels';
INSERT INTO parcels (kind) SELECT 'rye' FROM generate_series(1, 100);`;

const left = [
  ["CREATE VIEW seen AS SELECT id FROM parcels", "view public.seen"],
  ["CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM parcels", "materialized view public.counted"],
  [
    "CREATE SCHEMA tools; CREATE FUNCTION tools.twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1'",
    "function tools.twice(integer)",
  ],
  ["CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)", "aggregate public.total(integer)"],
  ["CREATE SEQUENCE loose", "sequence public.loose"],
  ["CREATE TYPE unused AS (a int)", "type public.unused"],
  ["CREATE DOMAIN share AS real CHECK (VALUE < 1)", "type public.share"],
  [
    "CREATE CAST (unused AS int) WITH FUNCTION tools.rank(unused)",
    "cast (public.unused AS integer)",
    "CREATE FUNCTION tools.rank(unused) RETURNS int LANGUAGE sql AS 'SELECT 1'",
  ],
  ["CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)", "operator public.==="],
  ["CREATE TEXT SEARCH CONFIGURATION plain (COPY = simple)", "text search configuration public.plain"],
  ["CREATE STATISTICS two ON id, kind FROM parcels", undefined],
  ["CREATE PUBLICATION news FOR TABLE parcels", "publication news"],
  ["CREATE PUBLICATION everything FOR ALL TABLES", "publication everything"],
  [
    "CREATE SUBSCRIPTION feed CONNECTION 'dbname=x' PUBLICATION y WITH (connect = false)",
    "subscription feed",
  ],
  [
    "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION tools.watch()",
    "event trigger watch",
    "CREATE FUNCTION tools.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
  ],
  ["CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing", "server far"],
  ["CREATE USER MAPPING FOR postgres SERVER far", "user mapping"],
  ["CREATE FOREIGN TABLE there (a int) SERVER far", "foreign table public.there"],
  ["ALTER DEFAULT PRIVILEGES IN SCHEMA tools GRANT SELECT ON TABLES TO PUBLIC", "default acl"],
  ["GRANT CREATE ON SCHEMA public TO PUBLIC", "privileges on schema public"],

  [
    "REVOKE EXECUTE ON FUNCTION pg_sleep(double precision) FROM PUBLIC",
    "privileges on function pg_catalog.pg_sleep(double precision)",
  ],
  ["SELECT lo_from_bytea(0, 'x')", "large objects"],
  ["INSERT INTO spatial_ref_sys (srid, auth_name, srtext) VALUES (900001, 'ours', 'LOCAL_CS[]')", undefined],
  ["CREATE EXTENSION hstore", "extension hstore"],
  ["ALTER DATABASE postgres SET work_mem = '7MB'", "setting work_mem of database postgres"],
  ["CREATE ROLE worker LOGIN PASSWORD 'x' CREATEDB", "role worker"],
  ["CREATE ROLE readers", "role readers"],
  ["ALTER ROLE postgres SET search_path = public", "setting search_path of role postgres"],
  ["GRANT pg_monitor TO postgres", "membership postgres in pg_monitor"],
  ["GRANT CONNECT ON DATABASE postgres TO readers", "privileges on database postgres"],
  ["COMMENT ON ROLE postgres IS 'us'", "comment on role postgres"],
  ["ALTER SYSTEM SET log_min_duration_statement = 77", "server setting log_min_duration_statement"],
  // What every session of a run sets for itself, and what some set.
  ["ALTER SYSTEM SET statement_timeout = '1h'", "server setting statement_timeout"],
  [
    "ALTER SYSTEM SET idle_in_transaction_session_timeout = '1h'",
    "server setting idle_in_transaction_session_timeout",
  ],
  [
    "ALTER SYSTEM SET default_transaction_isolation = 'repeatable read'",
    "server setting default_transaction_isolation",
  ],
  ["ALTER SYSTEM SET lc_messages = 'C'", "server setting lc_messages"],
  ["SELECT pg_create_physical_replication_slot('standby')", "replication slot standby"],
] as const;

describe("what a migration does not bring", function () {
  this.timeout(600_000);
  let pair: MigrationPair;
  let repository: string;
  let victim: string;
  let listed: string[];

  before(async () => {
    repository = await temporaryFolder();
    pair = await startPair(brought);
    for (const [statement, , first] of left) {
      if (first !== undefined) await sql(pair.oldServer, first);
      await sql(pair.oldServer, statement);
    }
    for (const database of ["closed", "gis"]) await sql(pair.oldServer, `CREATE DATABASE ${database}`);
    await sql(pair.oldServer, "CREATE TABLE only_copy (id int)", "template1");
    await sql(pair.oldServer, "ALTER DATABASE closed ALLOW_CONNECTIONS false");
    await docker(
      "exec",
      pair.oldServer,
      "sh",
      "-c",
      'echo "host gis all 10.0.0.0/8 reject" >> "$PGDATA/pg_hba.conf"',
    );
    await docker("exec", "-u", "postgres", pair.oldServer, "mkdir", "/tmp/fast");
    await sql(pair.oldServer, "CREATE TABLESPACE fast LOCATION '/tmp/fast'");
    await sql(pair.oldServer, "SELECT pg_reload_conf()");
    victim = uniqueName();
    await docker("volume", "create", ...ownLabel, victim);
  });
  after(async () => {
    await pair.remove();
    await removeVolume(victim);
    await removeFolder(repository);
  });

  const migrate = (...more: string[]) => startMigration(pair, repository, more);
  const leave = (words: readonly string[]) => words.flatMap((one) => ["--leave-behind", one]);
  const named = (stderr: string) =>
    stderr
      .split("\n")
      .filter((line) => line.includes("would lack"))
      .flatMap((line) =>
        [...line.matchAll(/"([a-z_-]+ (?:[^"]|"[^" ,]+")*?)"(?: \([^)]*\))?(?=, "|\.$| and \d)/g)].map(
          ([, words]) => words ?? "",
        ),
      );

  it("is listed by name before anything begins, and nothing of it is overlooked", async () => {
    const { exitCode, stderr } = await migrate();
    assert.equal(exitCode, 1);
    assert.ok(Buffer.byteLength(stderr) < 8_000, `${Buffer.byteLength(stderr)} bytes`);
    const others = [
      "database closed",
      "database gis",
      "database template1",
      "tablespace fast",
      "pg_hba rule host gis all 10.0.0.0",
    ];
    for (const words of [...left.map(([, expected]) => expected), ...others])
      if (words !== undefined) assert.ok(stderr.includes(`"${words}`), `${words}:\n${stderr}`);
    // Of the tables, and what comes with them, nothing is named.
    assert.doesNotMatch(stderr, /parcels|crop"|stamp|spatial_ref_sys|900001/);
    assert.match(stderr, /^error\[left-behind\]/m);
    assert.match(stderr, /^error\[requirement-missing\]: .*"role readers", "role worker"/m);
    assert.doesNotMatch(stderr, /Writers of the old server wait/);
    listed = named(stderr);
    assert.deepEqual(await queryPort(pair.port, "SELECT count(*)::int FROM parcels"), [{ count: 100 }]);
  });

  it("is accepted one by one, not by an argument that names nothing", async () => {
    const all = await migrate("--leave-behind", "*");
    assert.equal(all.exitCode, 2, all.stderr);
    const [first = "", ...rest] = listed;
    const { exitCode, stderr } = await migrate(...leave(rest));
    assert.equal(exitCode, 1);
    assert.deepEqual(named(stderr), [first], stderr);
  });

  it("does not follow a record that a user of the new database wrote", async () => {
    const { output: id } = await docker("inspect", "--format={{.Id}}", pair.oldServer);
    const result = { backupId: "", location: "", tables: [], tableCount: 0, rows: 0, notes: [], removed: [] };
    const record = JSON.stringify({ from: id, volumes: [victim], result });
    await sql(pair.newServer, `ALTER DATABASE postgres SET postgis_backup.migrated_from = '${record}'`);
    const migration = await migrate(...leave(listed));
    assert.match(migration.stderr, /^error\[already-migrated\]: .*RESET postgis_backup.migrated_from/m);
    const { exitCode, stderr } = await startRemoveOld(pair, ["--remove-data"]);
    assert.equal(exitCode, 1, stderr);
    assert.equal((await docker("volume", "inspect", victim)).code, 0);
    assert.deepEqual(await queryPort(pair.port, "SELECT count(*)::int FROM parcels"), [{ count: 100 }]);
    await sql(pair.newServer, "ALTER DATABASE postgres RESET postgis_backup.migrated_from");
  });

  it("overwrites no rows of the new server that are not its own copies", async () => {
    await sql(pair.newServer, "CREATE TABLE parcels AS SELECT 'mine' AS note");
    const { exitCode, stderr } = await migrate(...leave(listed));
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[table-exists\]: .*public\.parcels/m);
    assert.equal(await sql(pair.newServer, "SELECT note FROM parcels"), "mine");
    await sql(pair.newServer, "DROP TABLE parcels");
  });

  it("stays behind with the user's consent, and the result says so", async () => {
    const { exitCode, stderr, stdout } = await migrate(...leave(listed), "--json");
    assert.equal(exitCode, 0, stderr);
    assert.ok(Buffer.byteLength(stdout) < 4_000);
    assert.match(stdout, /Left behind: /);
    assert.deepEqual(await queryPort(pair.port, "SELECT count(*)::int FROM parcels"), [{ count: 100 }]);
    assert.equal(
      await sql(pair.newServer, "SELECT srtext FROM spatial_ref_sys WHERE srid = 900001"),
      "LOCAL_CS[]",
    );
  });

  it("is removed from the old server only as Docker proves it", async () => {
    const volume = await dataVolume(pair.oldServer);
    const retire = (...more: string[]) => startRemoveOld(pair, ["--remove-data", ...more]);
    const record = JSON.stringify({ from: "", volumes: [victim] });
    await sql(pair.newServer, `ALTER DATABASE postgres SET postgis_backup.migrated_from = '${record}'`);

    await sql(pair.newServer, "ALTER TABLE parcels RENAME TO elsewhere");
    const lacking = await retire();
    assert.match(
      lacking.stderr,
      /^error\[old-server-needed\]: .*lacks tables.*public\.parcels.*docker volume rm/m,
    );
    await sql(pair.newServer, "ALTER TABLE elsewhere RENAME TO parcels");

    const user = uniqueName();
    const { output: image } = await docker("inspect", "--format={{.Image}}", pair.oldServer);
    await docker("create", ...ownLabel, "--name", user, "--volume", `${volume}:/data`, image);
    const used = await retire();
    await removeContainer(user);
    assert.match(used.stderr, new RegExp(`^error\\[old-server-needed\\]: .*container ${user} uses it`, "m"));
    assert.equal((await docker("inspect", pair.oldServer)).code, 0);

    const { exitCode, stderr, stdout } = await retire("--json");
    assert.equal(exitCode, 0, stderr);
    const { removed } = JSON.parse(stdout) as { removed: string[] };
    assert.deepEqual(removed, [pair.oldServer, volume]);
    assert.equal((await docker("volume", "inspect", volume)).code, 1);
    assert.equal((await docker("volume", "inspect", victim)).code, 0);
    assert.deepEqual((JSON.parse((await retire("--json")).stdout) as { removed: string[] }).removed, []);
  });
});
