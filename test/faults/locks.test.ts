import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { failBackup, takeBackup } from "../support/backup";
import { sessionRunning } from "../support/backup-fixture";
import { docker, startServer } from "../support/container";
import { expectNoCrash } from "../support/nothing-lost";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { holdLock, releaseLock } from "../support/table-lock";
import { waitUntil } from "../support/wait";

describe("a table that somebody else has locked", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      "CREATE TABLE free (a int); CREATE TABLE locked (a int); INSERT INTO locked VALUES (1)",
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  const lock = (name: string) =>
    holdLock(container, `ALTER TABLE locked ADD COLUMN b${Date.now()} int`, { name });
  const end = (name: string) => releaseLock(container, name);
  const sessions = () =>
    sql(container, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'");

  const waiting = (seconds: number) =>
    waitUntil("a wait for a lock", async () => {
      const since = `query_start < clock_timestamp() - interval '${seconds} s'`;
      const query = `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK%' AND ${since}`;
      return (await sql(container, query)) !== "0";
    });

  it("fails the backup after the timeout, with the process, user, query and age of who holds it", async () => {
    await lock("migration");
    try {
      const more = ["--lock-timeout", "3"];
      const message = await failBackup({ container, repository, tables: ["free", "locked"], more });
      assert.match(
        message,
        /^error\[lock-timeout\]: Gave up after 3 s\. public\.locked is locked by process \d+ \(postgres, migration\), active for \d+ s: BEGIN; ALTER TABLE locked/,
      );
      assert.match(message, /SELECT pg_terminate_backend\(\d+\)/);
      assert.equal(await sessions(), "0");
      const { manifest } = await takeBackup({ container, repository, tables: ["free"], more });
      assert.equal(manifest.tables.length, 1, "others are not kept waiting");
    } finally {
      await end("migration");
    }
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`is waited for no longer by a run that is ended by ${signal}`, async () => {
      await lock("endless");
      try {
        const args = [
          "--container",
          container,
          "--table",
          "locked",
          "--repository",
          repository,
          "--name",
          "cbm",
        ];
        const run = spawn("node", [runnerMain, "backup", ...args], { stdio: "ignore" });
        await waiting(0);
        run.kill(signal);
        await waitUntil("the end of its sessions", async () => (await sessions()) === "0", 10);
        const { output } = await docker("top", container, "-eo", "args");
        assert.doesNotMatch(output, /psql.*ON_ERROR_STOP=0/);
        await takeBackup({ container, repository, tables: ["free"] });
      } finally {
        await end("endless");
      }
      await expectNoCrash(container);
    });
  }

  it("delays the backup until the lock is free, and says so", async () => {
    await lock("short");
    const taking = takeBackup({ container, repository, tables: ["free", "locked"] });
    await waiting(5);
    await end("short");
    const { manifest, stderr } = await taking;
    assert.match(
      stderr,
      /^Waiting for a lock\. public\.locked is locked by process \d+ \(postgres, short\)/m,
    );
    assert.equal(manifest.tables.length, 2);
  });

  it("ends the backup when somebody waits for it to end, before a table is counted", async () => {
    // To fingerprint a row of this table takes seconds, to dump it does not.
    await sql(
      container,
      `CREATE TYPE slow AS ENUM ('x'); CREATE TABLE counted_first (a slow); INSERT INTO counted_first VALUES ('x');
      CREATE FUNCTION bytes(slow) RETURNS bytea LANGUAGE sql AS $$SELECT pg_sleep(4); SELECT ''::bytea$$;
      CREATE CAST (slow AS bytea) WITH FUNCTION bytes; CREATE TABLE counted_later (a int)`,
    );
    const failing = failBackup({
      container,
      repository,
      tables: ["counted_*"],
      more: ["--format", "custom"],
    });
    await sessionRunning(container, "SELECT to_jsonb%counted_first%");
    await waitUntil("pg_dump is done", async () => (await sessions()) === "2");
    const change = sql(container, "ALTER TABLE counted_later ADD COLUMN b int");
    assert.match(
      await failing,
      /^error\[lock-timeout\]: Counting the rows failed: somebody asked for ACCESS EXCLUSIVE/,
    );
    await change;
    assert.equal(await sessions(), "0");
  });
});
