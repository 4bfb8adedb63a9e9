import assert from "node:assert/strict";
import { cp, readlink } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { RestoreResult } from "../../runner/request";
import { takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { reseal } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import {
  contentOf,
  refused,
  remainsOf,
  restored,
  fixtureSelection,
  fixtureTables,
} from "../support/restore-fixture";
import { runnerMain } from "../support/runner";
import { throwaways } from "../support/throwaways";

const schemas = ["App", "lib", "nl", "public"];

describe("a restore", function () {
  this.timeout(180_000);
  let container: string;
  let mounted: string;
  let elsewhere: string;
  let expected: string[];
  let databases = 0;

  before(async () => {
    mounted = await temporaryFolder();
    elsewhere = await temporaryFolder();
    container = await startServer({ mount: mounted });
    await sql(container, await fixtureTables());
    expected = await contentOf(container, "postgres", schemas);
    assert.ok(expected.length > 60, expected.join("\n"));
    for (const [repository, name, format] of [
      [mounted, "cbm", "directory"],
      [mounted, "mounted", "custom"],
      [elsewhere, "streamed", "custom"],
      [elsewhere, "script", "plain"],
    ] as const)
      await takeBackup({ container, repository, name, tables: fixtureSelection, more: ["--format", format] });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(mounted);
    await removeFolder(elsewhere);
  });
  afterEach(async () => {
    const all = await sql(container, "SELECT datname FROM pg_database WHERE datallowconn");
    assert.deepEqual(await remainsOf(container, all.split("\n")), []);
    const { output } = await docker("exec", container, "sh", "-c", "ls -d /tmp/postgis_backup* 2>/dev/null");
    assert.equal(output, "");
    assert.deepEqual(await throwaways(mounted, elsewhere), []);
  });

  async function newDatabase(): Promise<string> {
    const name = `gis${++databases}`;
    await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
    return name;
  }

  for (const [title, name, place] of [
    ["a directory that the container sees", "cbm", "mounted"],
    ["a custom archive that it sees", "mounted", "mounted"],
    ["a custom archive that it does not see", "streamed", "elsewhere"],
    ["a script", "script", "elsewhere"],
  ] as const) {
    it(`brings all into a new database from ${title}`, async () => {
      const repository = place === "mounted" ? mounted : elsewhere;
      const database = await newDatabase();
      const result = await restored({ container, repository, name, database });
      assert.equal(result.restored, true);
      assert.equal(result.tableCount, 8);
      assert.equal(result.rows, 500 + 50 + 900 + 1 + 200);
      assert.deepEqual(await contentOf(container, database, schemas), expected);
      // Types, functions, defaults and reference systems work.
      const use = `SELECT count(*) FROM "App"."Things" WHERE lib.folded(code) = 'code';
        INSERT INTO parcels (shape) VALUES (NULL) RETURNING id; SELECT count(ST_Transform(shape, 4326)) FROM parcels`;
      assert.equal(await sql(container, use, database), "500\n4712\n200");
    });
  }

  it("takes some tables, with the partitions of those that have any", async () => {
    const database = await newDatabase();
    const more = ["--table", "nl.measures", "--table", "parcels"];
    const result = await restored({ container, repository: mounted, database, more });
    assert.deepEqual(result.tables.toSorted(), [
      '"nl"."measures"',
      '"nl"."measures_2020"',
      '"nl"."measures_rest"',
      '"public"."parcels"',
    ]);
    const only = expected.filter((line) => /nl\.measures|[ .]parcels/.test(line) && !/others/.test(line));
    assert.deepEqual(await contentOf(container, database, schemas), only);
    assert.equal(await sql(container, "SELECT count(*) FROM pg_type WHERE typname = 'mood'", database), "0");
  });

  it("into another schema, beside the tables", async () => {
    const more = ["--schema", "nl=nl_restored", "--table", "nl.*"];
    await restored({ container, repository: mounted, more });
    assert.deepEqual(await contentOf(container, "postgres", schemas), expected);
    const moved = (await contentOf(container, "postgres", ["nl_restored"])).map((line) =>
      line.replaceAll("nl_restored", "nl"),
    );
    assert.deepEqual(
      moved,
      expected.filter((line) => /nl\./.test(line)),
    );
    await sql(container, "DROP SCHEMA nl_restored CASCADE");
  });

  it("creates the database, keeps what is in one that exists, and leaves none behind after a failure", async () => {
    const database = `made${++databases}`;
    const create = { container, repository: mounted, database, more: ["--create-database"] };
    const names = () => sql(container, `SELECT count(*) FROM pg_database WHERE datname = '${database}'`);
    assert.match(
      await refused({ ...create, more: [] }),
      /database "made\d+" does not exist\n[^]*^The server's databases are /m,
    );
    const wrong = await refused({ ...create, more: [...create.more, "--table", "Parcels"] });
    assert.match(
      wrong,
      /^error\[table-not-found\]: No table matches "Parcels" in backup \d+T\d+Z\. Did you mean public\.parcels\?$/m,
    );
    assert.equal(await names(), "0");
    const dry = await restored({ ...create, more: [...create.more, "--dry-run"] });
    assert.deepEqual([dry.restored, dry.tableCount, await names()], [false, 8, "0"]);

    assert.equal((await restored(create)).restored, true);
    assert.deepEqual(await contentOf(container, database, schemas), expected);
    const locale = `SELECT count(DISTINCT (encoding, datcollate, datctype)) FROM pg_database WHERE datname IN ('postgres', '${database}')`;
    assert.equal(await sql(container, locale), "1");
    // It exists by now, so it is used as it is, and no failure removes it.
    assert.match(await refused(create), /^error\[table-exists\]/m);
    assert.deepEqual(await contentOf(container, database, schemas), expected);
  });

  it("says that a database of the backup's locale cannot be created", async () => {
    const backupId = await readlink(path.join(mounted, "cbm", "latest"));
    const folder = path.join(elsewhere, "foreign", backupId);
    await cp(path.join(mounted, "cbm", backupId), folder, { recursive: true });
    await reseal(folder, (manifest) => {
      manifest.name = "foreign";
      Object.assign(manifest.source, { lcCollate: "xx_XX.UTF-8", lcCtype: "xx_XX.UTF-8" });
    });
    const database = `made${++databases}`;
    const stderr = await refused({
      ...{ container, repository: elsewhere, name: "foreign", database, more: ["--create-database"] },
    });
    assert.match(
      stderr,
      /^error\[requirement-missing\]: Database "made\d+" cannot be created with the encoding UTF8 and the locale xx_XX\.UTF-8, .* without --create-database\.$/m,
    );
    assert.equal(await sql(container, `SELECT count(*) FROM pg_database WHERE datname = '${database}'`), "0");
  });

  it("changes nothing where a table exists, and names all that do", async () => {
    const stderr = await refused({ container, repository: mounted });
    assert.match(stderr, /^error\[table-exists\]: .*"App"\."Things", nl\.measures.*public\.parcels/);
    assert.deepEqual(await contentOf(container, "postgres", schemas), expected);
  });

  it("replaces tables that have changed, in a database that is in use", async () => {
    await sql(
      container,
      `DELETE FROM others WHERE id > 120; ALTER TABLE parcels ADD COLUMN more int; DROP INDEX "App".folded;
       UPDATE nl.measures SET value = 0; DROP TABLE heir; SELECT nextval('lib.shared_id')`,
    );
    await restored({ container, repository: mounted, more: ["--if-exists", "replace"] });
    const now = await contentOf(container, "postgres", schemas);
    const ahead = (line: string) => line.startsWith("sequence lib.shared_id");
    assert.deepEqual(
      now.filter((line) => !ahead(line)),
      expected.filter((line) => !ahead(line)),
    );
    // A sequence that was there is never set back.
    assert.deepEqual(now.filter(ahead), ["sequence lib.shared_id 600true"]);
    expected = now;
  });

  it("keeps the tables that were there, in a schema that it names", async () => {
    await sql(container, "UPDATE parcels SET at = NULL");
    const { swappedInto } = await restored({
      container,
      repository: mounted,
      more: ["--if-exists", "swap", "--table", "parcels"],
    });
    assert.match(swappedInto.join(), /^public_before_\d{8}t\d{6}z$/);
    assert.deepEqual(await contentOf(container, "postgres", schemas), expected);
    const old = `${swappedInto[0] ?? ""}.parcels`;
    assert.equal(await sql(container, `SELECT count(*) FROM ${old} WHERE at IS NULL`), "200");
    await sql(container, `DROP SCHEMA ${swappedInto[0] ?? ""} CASCADE`);
  });

  it("does nothing where all tables exist and it is told to skip them", async () => {
    const more = ["--if-exists", "skip"];
    assert.equal((await restored({ container, repository: mounted, more })).restored, false);
    assert.deepEqual(await contentOf(container, "postgres", schemas), expected);
    const some = await newDatabase();
    await sql(container, "CREATE TABLE parcels ()", some);
    assert.match(
      await refused({ container, repository: mounted, database: some, more }),
      /^error\[table-exists\]: .*public\.parcels already, but not all/,
    );
    const none = await newDatabase();
    assert.equal((await restored({ container, repository: mounted, database: none, more })).restored, true);
  });

  it("that a stack declares runs once in a database, and leaves alone what is there by then", async () => {
    const database = await newDatabase();
    const request = {
      ...{ container, repository: mounted, name: "cbm", database, tables: ["base"], ifExists: "replace" },
      once: { by: "0".repeat(32), what: "1".repeat(32) },
    };
    const declared = async () => {
      const input = JSON.stringify(request);
      const { stdout } = await execa("node", [runnerMain, "restore", "--request", "-"], { input });
      return RestoreResult.parse(JSON.parse(stdout));
    };
    assert.equal((await declared()).restored, true);
    await sql(container, "DELETE FROM base", database);
    const again = await declared();
    assert.equal(again.restored, false);
    assert.match(again.notes.join(), /restored by the same declaration before/);
    assert.equal(await sql(container, "SELECT count(*) FROM base", database), "0");
    request.once.what = "2".repeat(32);
    assert.equal((await declared()).restored, true);
  });

  it("only looks, in a dry run", async () => {
    const database = await newDatabase();
    const before = await sql(container, "SELECT count(*) FROM pg_class", database);
    const result = await restored({ container, repository: mounted, database, more: ["--dry-run"] });
    assert.deepEqual([result.restored, result.tableCount], [false, 8]);
    assert.equal(await sql(container, "SELECT count(*) FROM pg_class", database), before);
  });

  for (const [name, place] of [
    ["cbm", "mounted"],
    ["script", "elsewhere"],
  ] as const) {
    it(`brings definitions, then rows into them (${name})`, async () => {
      const repository = place === "mounted" ? mounted : elsewhere;
      const database = await newDatabase();
      await restored({ container, repository, name, database, more: ["--schema-only"] });
      const empty = await contentOf(container, database, schemas);
      const definition = (line: string) => !/^(rows|sequence)/.test(line);
      assert.deepEqual(empty.filter(definition), expected.filter(definition));
      assert.equal(await sql(container, "SELECT count(*) FROM parcels", database), "0");
      // A foreign key is checked as the owner of its table, and a backup has no grants on schemas.
      await sql(container, 'GRANT USAGE ON SCHEMA "App", nl, lib TO PUBLIC', database);
      const looked = await restored({
        ...{ container, repository, name, database },
        more: ["--data-only", "--dry-run"],
      });
      // A partitioned table has no rows of its own.
      assert.deepEqual([looked.restored, looked.tableCount], [false, 7]);
      assert.deepEqual(await contentOf(container, database, schemas), empty);
      await restored({ container, repository, name, database, more: ["--data-only"] });
      const filled = await contentOf(container, database, schemas);
      const shared = (line: string) => !line.startsWith("sequence lib.shared_id");
      assert.deepEqual(filled.filter(shared), expected.filter(shared));
      const again = { container, repository, name, database };
      assert.match(
        await refused({ ...again, more: ["--data-only"] }),
        /^error\[table-exists\]: .* has rows already/,
      );
      await sql(container, "DELETE FROM heir", database);
      await restored({ ...again, more: ["--data-only", "--if-exists", "replace"] });
      assert.deepEqual(
        (await contentOf(container, database, schemas)).filter(shared),
        expected.filter(shared),
      );
    });
  }

  it("brings rows into columns of other types that hold the same values", async () => {
    await sql(
      container,
      "CREATE TYPE mood AS ENUM ('glad'); CREATE TABLE moods (x int, k mood, c varchar); INSERT INTO moods VALUES (7, 'glad', NULL)",
    );
    await takeBackup({ container, repository: mounted, name: "moods", tables: ["moods"] });
    const database = await newDatabase();
    await sql(container, "CREATE TABLE moods (c text, k text, x bigint)", database);
    await restored({ container, repository: mounted, name: "moods", database, more: ["--data-only"] });
    assert.equal(await sql(container, "SELECT x, k, c IS NULL FROM moods", database), "7|glad|t");
  });
});
