import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import type { FailureCode } from "../../runner/lib/failure";
import { type Fixture, backupFixture, startBackup, takeBackup } from "../support/backup-fixture";
import { expectNothingLost, rememberBackups } from "../support/nothing-lost";
import { sql } from "../support/resources";
import { restoreDirectory } from "../support/restored";
import { waitUntil } from "../support/wait";

describe("a backup of a table that another transaction has locked", function () {
  this.timeout(120_000);
  let fixture: Fixture;
  const args = (pattern: string) => ({
    container: fixture.container,
    repository: fixture.repository({ mounted: true }),
    table: pattern,
  });

  before(async () => {
    fixture = await backupFixture({ statements: "CREATE TABLE small AS SELECT 1 AS x" });
    await takeBackup(args("small"));
  });
  after(() => fixture.remove());

  beforeEach(() =>
    sql(
      fixture.container,
      "DROP TABLE IF EXISTS scene_a, scene_b, scene_c; CREATE TABLE scene_a AS SELECT 1 AS x; CREATE TABLE scene_b AS SELECT 2 AS x",
    ),
  );

  /** A migration that starts before the backup and ends while the backup waits for it. */
  async function migrate(statements: string, pattern: string) {
    const before = await rememberBackups(fixture.container, args(pattern).repository);
    const psql = ["psql", "-X", "-q", "-h", "127.0.0.1", "-U", "postgres", "-v", "ON_ERROR_STOP=1"];
    const other = execa("docker", ["exec", "--interactive", fixture.container, ...psql], {
      stdin: "pipe",
      env: {},
    });
    other.stdin.write("SET application_name = 'migration'; BEGIN;\n");
    other.stdin.write("LOCK TABLE scene_a IN ACCESS EXCLUSIVE MODE;\n");
    await until(
      "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'scene_a'::regclass AND granted",
    );
    const { ended } = startBackup(args(pattern));
    await until(
      "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock'",
    );
    other.stdin.end(`${statements};\nCOMMIT;\n`);
    await other;
    return { before, outcome: await ended };
  }

  const until = (query: string) =>
    waitUntil(query, async () => (await sql(fixture.container, query)) !== "0");

  const manifest = () => {
    const file = path.join(args("").repository, "cbm", "latest", "manifest.json");
    return Manifest.parse(JSON.parse(readFileSync(file, "utf8")));
  };

  const gone: readonly { title: string; statements: string; code: FailureCode; message: RegExp }[] = [
    {
      title: "dropped",
      statements: "DROP TABLE scene_a",
      code: "table-not-found",
      message: /No table matches "scene_a"/,
    },
    {
      title: "renamed",
      statements: "ALTER TABLE scene_a RENAME TO scene_c",
      code: "table-not-found",
      message: /No table matches "scene_a"/,
    },
  ];
  for (const { title, statements, code, message } of gone) {
    it(`fails when it is ${title} meanwhile`, async () => {
      const { before, outcome } = await migrate(statements, "scene_a");
      await expectNothingLost(before, outcome, { code, message });
    });
  }

  for (const { title, statements, tables } of [
    { title: "dropped", statements: "DROP TABLE scene_a", tables: ["scene_b"] },
    {
      title: "renamed",
      statements: "ALTER TABLE scene_a RENAME TO scene_c",
      tables: ["scene_b", "scene_c"],
    },
    {
      title: "given a column",
      statements: "ALTER TABLE scene_a ADD COLUMN y int DEFAULT 7",
      tables: ["scene_a", "scene_b"],
    },
    {
      // To a snapshot that is older than the rewriting, the table looks empty.
      title: "rewritten",
      statements: "ALTER TABLE scene_a ALTER COLUMN x TYPE bigint",
      tables: ["scene_a", "scene_b"],
    },
  ]) {
    it(`takes what a pattern matches after one is ${title}`, async () => {
      const { outcome } = await migrate(statements, "scene_*");
      assert.equal(outcome.exitCode, 0, outcome.stderr);
      const { id, tables: found } = manifest();
      assert.deepEqual(
        found.map(({ name, rows }) => [name, rows]),
        tables.map((name) => [name, 1]),
      );
      await restoreDirectory(fixture.container, `/backups/cbm/${id}/archive`, "restored");
      const columns = `SELECT string_agg(table_name || '.' || column_name, ' ' ORDER BY table_name, ordinal_position)
        FROM information_schema.columns WHERE table_name LIKE 'scene\\_%'`;
      assert.equal(await sql(fixture.container, columns, "restored"), await sql(fixture.container, columns));
    });
  }

  it("takes one that was made meanwhile, and locks it too", async () => {
    await sql(fixture.container, "ALTER DATABASE postgres SET log_statement = 'all'");
    const { outcome } = await migrate("CREATE TABLE scene_c AS SELECT 3 AS x", "scene_*");
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.deepEqual(
      manifest().tables.map(({ name, rows }) => [name, rows]),
      [
        ["scene_a", 1],
        ["scene_b", 1],
        ["scene_c", 1],
      ],
    );
    const { stderr: log } = await execa("docker", ["logs", fixture.container]);
    // pg_dump, which locks it later, does not write ONLY.
    assert.match(log, /LOCK TABLE ONLY .*scene_c.* IN ACCESS SHARE MODE/);
  });
});
