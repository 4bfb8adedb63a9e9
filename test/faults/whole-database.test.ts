import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { cp, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { flipBit, reseal } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused, restoreArguments, restored } from "../support/restore-fixture";
import { endedStatus, runnerMain } from "../support/runner";
import { throwaways } from "../support/throwaways";
import { waitUntil } from "../support/wait";

/** While there is a database with this name, it takes a minute to fill the view. */
const slowView = `CREATE MATERIALIZED VIEW slow AS
  SELECT 1 AS x, CASE WHEN EXISTS (SELECT FROM pg_database WHERE datname = 'slow_down') THEN pg_sleep(60) END IS NULL AS y`;

describe("a restore of a whole database that fails", function () {
  this.timeout(180_000);
  let container: string;
  let folder: string;
  let options: { container: string; repository: string; name: string; database: string };
  const live = () => sql(container, "SELECT x FROM precious", "live");
  const databases = () =>
    sql(container, 'SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname COLLATE "C"');
  const roles = () => sql(container, "SELECT count(*) FROM pg_roles WHERE rolname IN ('gone', 'unused')");
  const making = (missingRoles: "create" | "restore") => [
    "--if-exists",
    "swap",
    "--missing-roles",
    missingRoles,
  ];
  const more = making("create");

  async function backup(name: string): Promise<string> {
    const { result } = await takeBackup({
      container,
      repository: folder,
      name,
      tables: [],
      more: ["--database", "gis", "--all", "--globals", "without-passwords"],
    });
    return result.location;
  }

  /** A restore that is filling the view. */
  async function midway(missingRoles: "create" | "restore") {
    await sql(container, "CREATE DATABASE slow_down");
    const args = restoreArguments({ ...options, more: making(missingRoles) });
    const child = spawn("node", [runnerMain, ...args], { stdio: "ignore" });
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const filling = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'REFRESH MATERIALIZED VIEW%'";
    await waitUntil("the view is being filled", async () => (await sql(container, filling)) !== "0");
    assert.equal(await roles(), missingRoles === "create" ? "1" : "2");
    await sql(container, "DROP DATABASE slow_down");
    return { child, ended };
  }

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(
      container,
      "CREATE DATABASE gis; CREATE DATABASE live; CREATE ROLE gone; CREATE ROLE unused LOGIN",
    );
    await sql(
      container,
      `CREATE TABLE t AS SELECT 1 AS x; ${slowView}; ALTER TABLE t OWNER TO gone; SELECT lo_from_bytea(4711, 'abc')`,
      "gis",
    );
    await sql(container, "CREATE TABLE precious AS SELECT 7 AS x", "live");
    await backup("good");
    await sql(container, "DROP DATABASE gis");
    await sql(container, "DROP ROLE gone, unused");
    options = { container, repository: folder, name: "good", database: "live" };
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });
  afterEach(async () => {
    assert.equal(
      await sql(
        container,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'",
      ),
      "0",
    );
    assert.deepEqual(await throwaways(folder), []);
  });

  async function expectNothingChanged(): Promise<void> {
    assert.equal(await live(), "7");
    assert.equal(await databases(), "live\npostgres");
    assert.equal(await roles(), "0");
  }

  it("because an object is missing changes nothing", async () => {
    const copied = await temporaryFolder();
    const good = path.join(folder, "good");
    const forged = path.join(copied, "good");
    await cp(good, forged, { recursive: true, verbatimSymlinks: true });
    const latest = path.join(forged, "latest");
    const objects = path.join(latest, "objects.json");
    const all = JSON.parse(await readFile(objects, "utf8")) as object[];
    await writeFile(
      objects,
      JSON.stringify([...all, { kind: "relation", name: "public.lost", definition: "" }]),
    );
    await reseal(latest);
    assert.match(
      await refused({ ...options, repository: copied, more }),
      /error\[restore-mismatch\].*relation public\.lost is missing/,
    );
    await expectNothingChanged();
    await flipBit(path.join(latest, "database.sql"));
    assert.match(
      await refused({ ...options, repository: copied, more }),
      /error\[checksum-mismatch\].*database\.sql/,
    );
    await expectNothingChanged();
    await removeFolder(copied);
  });

  for (const [signal, missingRoles] of [
    ["SIGINT", "create"],
    ["SIGTERM", "restore"],
  ] as const)
    it(`because it is ended by ${signal} changes nothing, where it had to ${missingRoles} roles`, async () => {
      const { child, ended } = await midway(missingRoles);
      child.kill(signal);
      assert.equal(await ended, endedStatus[signal]);
      await expectNothingChanged();
    });

  it("because it is killed changes nothing that is in use, and the next one removes what it left", async () => {
    const { child, ended } = await midway("restore");
    child.kill("SIGKILL");
    await ended;
    assert.equal(await live(), "7");
    assert.equal(await roles(), "2");
    // It makes one role, and removes both of the other.
    const { swappedInto } = await restored({ ...options, more });
    assert.equal(await sql(container, "SELECT x FROM precious", swappedInto[0]), "7");
    assert.equal(
      await sql(
        container,
        "SELECT t.x, slow.x, convert_from(lo_get(4711), 'UTF8'), tableowner FROM t, slow, pg_tables WHERE tablename = 't'",
        "live",
      ),
      "1|1|abc|gone",
    );
    assert.equal(await databases(), ["live", swappedInto[0], "postgres"].join("\n"));
    assert.equal(await roles(), "1");
  });
});
