import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restoreArguments } from "../support/restore-fixture";
import { contentOf, restoreDirectory } from "../support/restored";
import { runRunner } from "../support/runner";
import { throwaways } from "../support/throwaways";

/** Tables whose files have every kind of gap, and whose rows `COPY` of the table itself writes in its own way. */
const source = `
CREATE TABLE deleted AS SELECT g, md5(g::text) AS v FROM generate_series(1, 60000) g;
DELETE FROM deleted WHERE g BETWEEN 10000 AND 40000 OR g % 3 = 0;
VACUUM deleted;
CREATE TABLE updated (id int PRIMARY KEY, v text, n int DEFAULT 0) WITH (fillfactor = 60, autovacuum_enabled = off);
INSERT INTO updated SELECT g, md5(g::text) FROM generate_series(1, 30000) g;
UPDATE updated SET n = n + 1 WHERE id % 2 = 0;
UPDATE updated SET v = v || v WHERE id % 5 = 0;
CREATE TABLE emptied AS SELECT g FROM generate_series(1, 5000) g;
DELETE FROM emptied;
CREATE TABLE empty (x int);
CREATE TABLE nothing ();
INSERT INTO nothing SELECT FROM generate_series(1, 20000);
CREATE TABLE parent (a int, b text);
CREATE TABLE child (c int) INHERITS (parent);
INSERT INTO parent SELECT g, 'parent ' || g FROM generate_series(1, 20000) g;
INSERT INTO child SELECT g, 'child ' || g, g FROM generate_series(1, 20000) g;
CREATE TABLE parted (y int, v text) PARTITION BY RANGE (y);
CREATE TABLE parted_2020 PARTITION OF parted FOR VALUES FROM (2020) TO (2021);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT 2019 + g % 3, repeat('v', g % 50) FROM generate_series(1, 30000) g;
CREATE TABLE columns (gone int, id bigint GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text);
ALTER TABLE columns DROP COLUMN gone;
ALTER TABLE columns ADD COLUMN later int DEFAULT 7;
INSERT INTO columns (a, c) SELECT g, CASE g % 4 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN E'\\\\.' ELSE E'tab\\tand\\nline \\\\' END FROM generate_series(1, 30000) g;
CREATE SCHEMA "E S";
CREATE TABLE "E S"."we""ird (näme), \\ 'x'" ("select" int, "a ""b""(" text, "c')" regclass, "d:e" timestamptz, f interval, g float8);
INSERT INTO "E S"."we""ird (näme), \\ 'x'"
  SELECT g, 'v' || g, 'deleted', '2020-01-01Z'::timestamptz + g * interval '1 s', g * interval '1 s', sqrt(g) FROM generate_series(1, 20000) g;
CREATE TABLE "line
break" AS SELECT g FROM generate_series(1, 20000) g;
CREATE TABLE toast AS SELECT g, CASE WHEN g % 100 = 0 THEN ST_Buffer(ST_MakePoint(g, g), 1, 2000) ELSE ST_MakePoint(g, g) END AS geom
  FROM generate_series(1, 3000) g;
ALTER DATABASE postgres SET datestyle = 'German';
ALTER DATABASE postgres SET extra_float_digits = 0;`;

const restored = [
  ...["deleted", "updated", "emptied", "empty", "nothing", "parent", "child", "parted", "columns", "toast"],
  '"line\nbreak"',
];

describe("a backup of tables that are dumped in ranges", function () {
  this.timeout(300_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(container, source);
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  const take = (name: string, ...more: string[]) =>
    takeBackup({
      container,
      repository: folder,
      name,
      tables: ["public.*", "E S.*"],
      more: ["--jobs", "3", ...more],
    });
  const pgRestore = async (...args: string[]) =>
    (await execa("docker", ["exec", container, "pg_restore", ...args])).stdout
      .split("\n")
      .filter((line) => !/^\\(un)?restrict |^;/.test(line))
      .join("\n");
  const archive = (name: string, id: string) => `/backups/${name}/${id}/archive`;

  for (const compression of ["zstd:1", "gzip:1", "none"]) {
    it(`gives pg_restore, byte by byte, what it gets from pg_dump alone: ${compression}`, async () => {
      const how = ["--compression", compression];
      await sql(container, "ALTER DATABASE postgres SET default_transaction_read_only = on");
      const plain = await take("plain", ...how, "--split-tables-from", "0");
      const ranged = await take("ranged", ...how, "--split-tables-from", "1", "--verify", "restore");
      await sql(
        container,
        "SET default_transaction_read_only = off; ALTER DATABASE postgres RESET default_transaction_read_only",
      );
      assert.doesNotMatch(plain.stderr, /in \d+ ranges/);
      assert.match(ranged.stderr, /public\.deleted in 12 ranges/);
      const expected = archive("plain", plain.result.backupId);
      const actual = archive("ranged", ranged.result.backupId);
      for (const what of [
        ["--list"],
        ["--file=-"],
        ["--file=-", "--data-only"],
        ["--file=-", "--table=updated"],
      ]) {
        assert.equal(await pgRestore(...what, actual), await pgRestore(...what, expected), what.join(" "));
      }
      const files = (of: typeof plain) => readdir(path.join(of.result.location, "archive"));
      assert.deepEqual((await files(ranged)).sort(), (await files(plain)).sort());
      assert.deepEqual(await readdir(ranged.result.location), await readdir(plain.result.location));
      assert.deepEqual(await throwaways(folder), []);
    });
  }

  it("is restored by pg_restore with several workers", async () => {
    const more = ["--jobs", "3", "--split-tables-from", "1"];
    const options = { container, repository: folder, name: "restored", tables: ["public.*"], more };
    const { result } = await takeBackup(options);
    await restoreDirectory(container, archive("restored", result.backupId), "restored");
    for (const table of restored) {
      assert.equal(await contentOf(container, table, "restored"), await contentOf(container, table), table);
    }
  });

  for (const compression of ["zstd:1", "gzip:1", "none"]) {
    it(`is restored by several workers that share the rows of a table: ${compression}`, async () => {
      const database = `shared_${compression.slice(0, 4)}`;
      const together = ["--jobs", "3", "--split-tables-from", "1"];
      const name = database.replace("_", "");
      // A table that inherits is loaded with its columns in the order of the source, by one worker.
      const exclude = ["--exclude-table", "child"];
      await takeBackup({
        ...{ container, repository: folder, name, tables: ["public.*"] },
        more: [...together, ...exclude, "--compression", compression],
      });
      await sql(container, `CREATE DATABASE ${database} TEMPLATE template0`);
      await sql(container, "CREATE EXTENSION postgis", database);
      const { exitCode, stderr } = await runRunner(
        restoreArguments({ container, repository: folder, name, database, more: together }),
      );
      assert.equal(exitCode, 0, stderr);
      const shared = /^Loaded by 3 workers together: (.*)\.$/m.exec(stderr)?.[1] ?? "";
      for (const table of ["deleted", "updated", "nothing", "parted_2020", "columns", "toast"])
        assert.match(shared, new RegExp(`"public"."${table}"`));
      for (const table of restored.filter((each) => each !== "child")) {
        const only = table === "parent" ? "ONLY parent" : table;
        assert.equal(await contentOf(container, only, database), await contentOf(container, only), table);
      }
    });
  }

  it("is restored by pg_restore alone where no table is to be shared", async () => {
    await sql(container, "CREATE DATABASE alone TEMPLATE template0");
    await sql(container, "CREATE EXTENSION postgis", "alone");
    const more = ["--jobs", "3", "--split-tables-from", "0"];
    const { exitCode, stderr } = await runRunner(
      restoreArguments({ container, repository: folder, name: "sharednone", database: "alone", more }),
    );
    assert.equal(exitCode, 0, stderr);
    assert.doesNotMatch(stderr, /together/);
  });

  it("holds what the snapshot shows, while the table grows", async () => {
    const growing = sql(
      container,
      `DO $$ BEGIN
         FOR i IN 1..400 LOOP
           INSERT INTO deleted SELECT g, 'new' FROM generate_series(1, 500) g;
           UPDATE deleted SET v = v || '+' WHERE g % 100 = i % 100;
           COMMIT;
           PERFORM pg_sleep(0.01);
         END LOOP;
       END $$`,
    );
    const { manifest } = await take("growing", "--split-tables-from", "1", "--verify", "restore");
    await growing;
    const { rows } = manifest.tables.find(({ name }) => name === "deleted") ?? {};
    const now = Number(await sql(container, "SELECT count(*) FROM deleted"));
    assert.ok(rows !== undefined && rows >= 19999 && rows < now, `${rows} of ${now}`);
  });

  it("is left to pg_dump where fewer than three workers are asked for", async () => {
    const { stderr } = await takeBackup({
      ...{ container, repository: folder, name: "two", tables: ["deleted"] },
      more: ["--jobs", "2", "--split-tables-from", "1"],
    });
    assert.doesNotMatch(stderr, /in \d+ ranges/);
  });
});

describe("a backup of a large table of PostgreSQL 15", function () {
  this.timeout(300_000);
  let container: string;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder, image: await imageOf("15-3.3") });
    await sql(
      container,
      "CREATE TABLE large AS SELECT g, md5(g::text) AS v FROM generate_series(1, 50000) g",
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(folder);
  });

  it("is restored by its own pg_restore", async () => {
    const more = ["--jobs", "3", "--split-tables-from", "1", "--verify", "restore"];
    const { result, manifest, stderr } = await takeBackup({
      container,
      repository: folder,
      tables: ["large"],
      more,
    });
    assert.match(stderr, /public\.large in 12 ranges/);
    assert.equal(manifest.compression, "gzip:1");
    await restoreDirectory(container, `/backups/cbm/${result.backupId}/archive`, "restored");
    assert.equal(await contentOf(container, "large", "restored"), await contentOf(container, "large"));
  });
});
