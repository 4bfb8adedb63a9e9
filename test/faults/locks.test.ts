import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { failBackup, takeBackup } from "../support/backup";
import { docker, startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runnerMain } from "../support/runner";
import { holdLock, releaseLock } from "../support/table-lock";

describe("a table that somebody else has locked", function () {
  this.timeout(60_000);
  let container: string;
  let directory: string;

  before(async () => {
    directory = await temporaryFolder();
    container = await startServer({ mount: directory });
    await sql(
      container,
      "CREATE TABLE free (a int); CREATE TABLE locked (a int); INSERT INTO locked VALUES (1)",
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(directory);
  });

  const lock = (name: string, seconds?: number) =>
    holdLock(container, `ALTER TABLE locked ADD COLUMN b${Date.now()} int`, { name, seconds });
  const end = (name: string) => releaseLock(container, name);
  const sessions = () =>
    sql(container, "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'");

  it("fails the backup after the timeout, with the process, user, query and age of who holds it", async () => {
    await lock("migration");
    try {
      const more = ["--lock-timeout", "3"];
      const message = await failBackup({ container, directory, tables: ["free", "locked"], more });
      assert.match(
        message,
        /^error\[lock-timeout\]: Gave up after 3 s\. public\.locked is locked by process \d+ \(postgres, migration\), active for \d+ s: BEGIN; ALTER TABLE locked/,
      );
      assert.match(message, /SELECT pg_terminate_backend\(\d+\)/);
      assert.equal(await sessions(), "0");
      const { manifest } = await takeBackup({ container, directory, tables: ["free"], more });
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
          "--directory",
          directory,
          "--name",
          "cbm",
        ];
        const run = spawn("node", [runnerMain, "backup", ...args], { stdio: "ignore" });
        const waiting =
          "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'LOCK%'";
        while ((await sql(container, waiting)) === "0")
          await new Promise((resolve) => setTimeout(resolve, 50));
        run.kill(signal);
        const deadline = Date.now() + 5_000;
        while ((await sessions()) !== "0" && Date.now() < deadline)
          await new Promise((resolve) => setTimeout(resolve, 100));
        assert.equal(await sessions(), "0");
        const { output } = await docker("top", container, "-eo", "args");
        assert.doesNotMatch(output, /psql.*ON_ERROR_STOP=0/);
        await takeBackup({ container, directory, tables: ["free"] });
      } finally {
        await end("endless");
      }
      const { output } = await docker("logs", container);
      assert.doesNotMatch(output, /terminating any other active server processes/);
    });
  }

  it("delays the backup until the lock is free, and says so", async () => {
    await lock("short", 4);
    const { manifest, stderr } = await takeBackup({ container, directory, tables: ["free", "locked"] });
    assert.match(
      stderr,
      /^Waiting for a lock\. public\.locked is locked by process \d+ \(postgres, short\)/m,
    );
    assert.equal(manifest.tables.length, 2);
  });
});
