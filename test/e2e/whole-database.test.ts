import assert from "node:assert/strict";
import { execa } from "execa";
import { backupArguments, takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, remainsOf, restoreArguments, restored } from "../support/restore-fixture";
import { runnerMain, runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";
import { dumpOf, makeDatabase, settingsOf } from "../support/whole-database";

describe("a backup of a whole database", function () {
  this.timeout(300_000);
  let container: string;
  let mounted: string;
  let elsewhere: string;
  const all = (repository: string, ...more: string[]) =>
    takeBackup({
      container,
      repository,
      name: "all",
      tables: [],
      more: ["--database", "gis", "--all", ...more],
    });
  const into = (database: string, ...more: string[]) => ({
    container,
    repository: mounted,
    name: "all",
    database,
    more,
  });

  before(async () => {
    [mounted, elsewhere] = [await temporaryFolder(), await temporaryFolder()];
    container = await startServer({ mount: mounted });
    await makeDatabase(container);
    await all(mounted, "--verify", "restore");
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(mounted);
    await removeFolder(elsewhere);
  });
  afterEach(async () => {
    assert.deepEqual(await remainsOf(container, ["gis", "postgres"]), []);
    assert.deepEqual(await throwaways(mounted, elsewhere), []);
  });

  it("is restored into a new database with all of its objects, rows, large objects and settings", async () => {
    const { tables, rows } = await restored(into("new", "--create-database"));
    assert.ok(tables.includes("app.parcels") || tables.includes('"app"."parcels"'), tables.join());
    assert.equal(rows, 903);
    assert.deepEqual(await dumpOf(container, "new"), await dumpOf(container, "gis"));
    assert.equal(await settingsOf(container, "new"), await settingsOf(container, "gis"));
    assert.match(await settingsOf(container, "gis"), /owner_of_all.*100% it's.*UTF8\|C\|C.*work_mem=9MB/);
  });

  for (const format of ["custom", "plain"])
    it(`is restored from outside the container, where the archive is ${format}`, async () => {
      await all(elsewhere, "--format", format);
      const database = `from_${format}`;
      await restored({ ...into(database, "--create-database"), repository: elsewhere });
      assert.deepEqual(await dumpOf(container, database), await dumpOf(container, "gis"));
    });

  it("is restored by the stock tools of its one command", async () => {
    const { result } = await all(mounted);
    const { exitCode, all: said } = await execa("bash", ["-c", result.restoreCommand], {
      all: true,
      reject: false,
    });
    assert.equal(exitCode, 0, said);
    assert.deepEqual(await dumpOf(container, "gis_restored"), await dumpOf(container, "gis"));
    assert.equal(await settingsOf(container, "gis_restored"), await settingsOf(container, "gis"));
  });

  it("can leave schemas and rows out, and says so in the manifest", async () => {
    const without = ["--exclude-schema", "Odd Schema", "--exclude-table-data", "app.years"];
    const { manifest } = await all(elsewhere, ...without, "--verify", "restore", "--format", "custom");
    assert.deepEqual(manifest.wholeDatabase?.excludedSchemas, ["Odd Schema"]);
    const years = ["years", "years_2020", "years_2021", "years_2021_rest"].map((name) => ({
      schema: "app",
      name,
    }));
    assert.deepEqual(manifest.wholeDatabase.withoutRows, years);
    await restored({ ...into("less", "--create-database"), repository: elsewhere });
    const found = await sql(
      container,
      "SELECT to_regnamespace('\"Odd Schema\"'), (SELECT count(*) FROM app.years), (SELECT count(*) FROM app.parcels)",
      "less",
    );
    assert.equal(found, "|0|500");
  });

  it("takes the place of a database that has objects only if that is asked for, and keeps that one", async () => {
    await sql(container, "CREATE DATABASE live");
    await sql(container, "CREATE TABLE precious AS SELECT 1 AS x", "live");
    assert.match(await refused(into("live")), /error\[table-exists\].*"live" is not empty.*--if-exists swap/);
    const { swappedInto } = await restored(into("live", "--if-exists", "swap"));
    assert.equal(swappedInto.length, 1);
    assert.match(swappedInto[0] ?? "", /^live_before_\d{8}t\d{6}z$/);
    assert.equal(await sql(container, "SELECT x FROM precious", swappedInto[0]), "1");
    assert.deepEqual(await dumpOf(container, "live"), await dumpOf(container, "gis"));
  });

  it("goes into an empty database, and into no database that nobody made", async () => {
    assert.match(
      await refused(into("nowhere")),
      /error\[requirement-missing\].*no database "nowhere".*--create-database/,
    );
    await sql(container, "CREATE DATABASE empty_one");
    await sql(container, "CREATE EXTENSION IF NOT EXISTS postgis", "empty_one");
    const { swappedInto } = await restored(into("empty_one"));
    assert.deepEqual(swappedInto, []);
    assert.deepEqual(await dumpOf(container, "empty_one"), await dumpOf(container, "gis"));
  });

  it("is not restored again over what was written since, where it has no tables", async () => {
    await sql(container, "CREATE DATABASE no_tables");
    await sql(container, "CREATE VIEW seen AS SELECT 1 AS x", "no_tables");
    const taken = { container, repository: elsewhere, name: "views", tables: [] };
    const { result } = await takeBackup({ ...taken, more: ["--database", "no_tables", "--all"] });
    const input = JSON.stringify({
      ...{
        location: result.location,
        container,
        database: "views",
        createDatabase: true,
        ifExists: "replace",
      },
      once: { by: "0".repeat(32), what: "1".repeat(32) },
    });
    const restore = () => execa("node", [runnerMain, "restore", "--request", "-"], { input, reject: false });
    const first = await restore();
    assert.equal(first.exitCode, 0, first.stderr);
    await sql(container, "CREATE OR REPLACE VIEW seen AS SELECT 7 AS x", "views");
    const again = await restore();
    assert.match(
      again.stderr,
      /This database was restored by the same declaration before, and is left as it is/,
    );
    assert.equal((JSON.parse(again.stdout) as { restored: boolean }).restored, false);
    assert.equal(await sql(container, "SELECT x FROM seen", "views"), "7");
  });

  it("waits for nobody who uses the database that it replaces, and ends their sessions only if that is asked for", async () => {
    await sql(container, "CREATE DATABASE used");
    const session = docker(
      "exec",
      container,
      "psql",
      "-U",
      "postgres",
      "-d",
      "used",
      "-c",
      "SELECT pg_sleep(120)",
    );
    const connected = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'used'";
    while ((await sql(container, connected)) === "0")
      await new Promise((resolve) => setTimeout(resolve, 100));
    assert.match(
      await refused(into("used")),
      /error\[database-in-use\].*process \d+ \(postgres, psql\).*--connections end/,
    );
    assert.equal(await sql(container, connected), "1");
    await restored(into("used", "--connections", "end"));
    assert.match((await session).output, /terminating connection/);
    assert.deepEqual(await dumpOf(container, "used"), await dumpOf(container, "gis"));
  });

  it("brings back rows of an extension before those that refer to them, with stock tools too", async () => {
    await sql(container, "CREATE DATABASE topologies");
    await sql(
      container,
      `CREATE EXTENSION postgis; CREATE EXTENSION postgis_topology; SET search_path = public, topology;
       SELECT CreateTopology('real', 3035, 1);
       INSERT INTO topology.topology (id, name, srid, precision, hasz) SELECT g, md5(g::text), 3035, 1, false FROM generate_series(100, 60000) g;
       INSERT INTO topology.layer SELECT g, 1, 's', 't', 'f', 1 FROM generate_series(60000, 60000) g`,
      "topologies",
    );
    const repository = mounted;
    const more = ["--database", "topologies", "--all", "--verify", "restore", "--jobs", "4"];
    const { result } = await takeBackup({ container, repository, name: "topologies", tables: [], more });
    const into = { container, repository, name: "topologies", database: "topologies_new" };
    await restored({ ...into, more: ["--create-database", "--jobs", "4"] });
    const stock = await execa("bash", ["-c", result.restoreCommand], { all: true, reject: false });
    assert.equal(stock.exitCode, 0, stock.all);
    const rows =
      "SELECT count(*), md5(string_agg(l::text, ',' ORDER BY layer_id)) FROM topology.layer l JOIN topology.topology t ON t.id = topology_id";
    const expected = await sql(container, rows, "topologies");
    assert.match(expected, /^1\|/);
    for (const database of [into.database, "topologies_restored"])
      assert.equal(await sql(container, rows, database), expected);
  });

  it("is restored whole or not at all", async () => {
    const part = restoreArguments(into("part", "--create-database", "--table", "base"));
    assert.match((await runRunner(part)).stderr, /error\[usage\].*whole database.*--table/);
    assert.equal(await sql(container, "SELECT count(*) FROM pg_database WHERE datname = 'part'"), "0");
    const both = backupArguments({
      container,
      repository: elsewhere,
      name: "x",
      tables: ["base"],
      more: ["--all"],
    });
    assert.match((await runRunner(both)).stderr, /--table has no meaning in a backup of the whole database/);
  });
});

describe("a whole database of PostgreSQL 13 with PostGIS 3.1", function () {
  this.timeout(300_000);
  let [old, young, mounted] = ["", "", ""];

  before(async () => {
    mounted = await temporaryFolder();
    [old, young] = await Promise.all([
      startServer({ mount: mounted, image: await imageOf("13-3.1") }),
      startServer({ mount: mounted }),
    ]);
    await makeDatabase(old);
  });
  after(async () => {
    await removeContainer(old);
    await removeContainer(young);
    await removeFolder(mounted);
  });

  it("is restored into a server of version 17, with its roles, and its objects are all there", async () => {
    const more = ["--database", "gis", "--all"];
    await takeBackup({ container: old, repository: mounted, name: "all", tables: [], more });
    const options = { container: young, repository: mounted, name: "all", database: "gis" };
    assert.match(
      await refused({ ...options, more: ["--create-database"] }),
      /lacks roles.*editor, .*owner_of_all/,
    );
    const { notes } = await restored({
      ...options,
      more: ["--create-database", "--missing-roles", "create"],
    });
    assert.ok(
      notes.some((note) => /Definitions were not compared/.test(note)),
      notes.join("\n"),
    );
    const counts = `SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FILTER (WHERE relkind IN ('v', 'm')), sum(length(pg_get_viewdef(c.oid)) * 0) FROM pg_class c
      JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname IN ('app', 'Odd Schema')`;
    assert.equal(await sql(young, counts, "gis"), await sql(old, counts, "gis"));
    const content = `SELECT (SELECT md5(string_agg(t::text, ',' ORDER BY id)) FROM app.parcels t), (SELECT string_agg(f::text, ',') FROM app.filled f),
      (SELECT relispopulated FROM pg_class WHERE oid = 'app.unfilled'::regclass), md5(lo_get(4712)), (SELECT last_value FROM app.numbers),
      (SELECT pubinsert AND NOT pubdelete FROM pg_publication), (SELECT count(*) FROM pg_policy), (SELECT evtenabled FROM pg_event_trigger WHERE evtname = 'no_drop')`;
    assert.equal(await sql(young, content, "gis"), await sql(old, content, "gis"));
    assert.equal(await settingsOf(young, "gis"), await settingsOf(old, "gis"));
  });
});
