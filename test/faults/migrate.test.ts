import assert from "node:assert/strict";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { docker } from "../support/container";
import { createDockerShim } from "../support/docker-shim";
import { type MigrationPair, startMigration, startPair, startRemoveOld } from "../support/migration-pair";
import { queryPort, startWriter, type Writer } from "../support/port-client";
import { freePort, removeFolder, sql, temporaryFolder } from "../support/resources";

const statements = `CREATE SCHEMA log; CREATE TABLE log.journal (id int);
CREATE TABLE parcels AS SELECT g AS id, md5(g::text) AS noise FROM generate_series(1, 300000) g`;

/** Which of the two servers answers at the port: only the old one has this setting. */
const whose = "SELECT current_setting('cluster_name') AS name";

describe("a migration that fails", function () {
  this.timeout(300_000);
  let pair: MigrationPair;
  let repository: string;
  let blocked: number;
  let writer: Writer | undefined;

  before(async () => {
    repository = await temporaryFolder();
    blocked = await freePort();
    // The new container publishes one port more, and so cannot be started where somebody else has that one.
    pair = await startPair(statements, { options: ["--publish", `127.0.0.1:${blocked}:9999`] });
    await sql(pair.oldServer, "ALTER SYSTEM SET cluster_name = 'old'");
    await docker("restart", pair.oldServer);
    await answering();
  });
  after(async () => {
    await writer?.stop();
    await pair.remove();
    await removeFolder(repository);
  });

  async function answering(): Promise<void> {
    while ((await docker("exec", pair.oldServer, "pg_isready", "-q", "-h", "127.0.0.1")).code !== 0)
      await sleep(200);
  }

  /** The old server has its port, takes writes, and has nothing of ours left; the new one is a standby. */
  async function assertAsBefore(): Promise<void> {
    assert.deepEqual(await queryPort(pair.port, whose), [{ name: "old" }]);
    await queryPort(pair.port, "INSERT INTO log.journal VALUES (0)");
    const left =
      "SELECT setconfig FROM pg_db_role_setting WHERE setconfig::text ~ 'postgis_backup|read_only'";
    assert.equal(await sql(pair.oldServer, left), "");
    assert.equal(await sql(pair.newServer, left), "");
    const sessions = "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'";
    assert.equal(await sql(pair.oldServer, sessions), "");
    assert.deepEqual(await docker("port", pair.newServer), { code: 0, output: "" });
    const { output } = await docker("inspect", "--format={{len .NetworkSettings.Networks}}", pair.newServer);
    assert.equal(output, "1");
  }

  /** Once writers wait. */
  async function whileHeld(
    action: (migration: ReturnType<typeof startMigration>) => Promise<unknown>,
    env: Readonly<Record<string, string>> = {},
  ) {
    const migration = startMigration(pair, repository, [], env);
    await new Promise<void>((resolve) => {
      migration.stderr.on("data", (text: Buffer) => {
        if (text.includes("Writers of the old server wait")) resolve();
      });
    });
    await action(migration);
    return migration;
  }

  it("gives the port back when the new container cannot be started with it", async () => {
    const holder = net.createServer().listen(blocked, "127.0.0.1");
    writer = startWriter(pair.port);
    const { exitCode, stderr, stdout } = await startMigration(pair, repository);
    await sleep(500);
    const acknowledged = await writer.stop();
    holder.close();
    assert.equal(exitCode, 1, stderr);
    assert.equal(stdout, "");
    assert.match(stderr, /^error\[docker-failed\]: .*address already in use/m);
    assert.doesNotMatch(stderr, /^ {4}at /m);
    const written = (await queryPort(pair.port, "SELECT id FROM log.journal")).map(({ id }) => id);
    assert.deepEqual(
      acknowledged.filter((id) => !written.includes(id)),
      [],
    );
    await assertAsBefore();
  });

  it("lets writers go on when it is killed", async () => {
    const { exitCode } = await whileHeld(async (migration) => {
      const waiting = queryPort(pair.port, "INSERT INTO log.journal VALUES (1)");
      assert.equal(await Promise.race([waiting, sleep(500, "waits")]), "waits");
      migration.kill("SIGKILL");
      await waiting;
    });
    assert.notEqual(exitCode, 0);
    await sleep(10_000);
    await assertAsBefore();
  });

  it("lets writers go on when it is interrupted", async () => {
    const { exitCode, stderr } = await whileHeld((migration) => Promise.resolve(migration.kill("SIGTERM")));
    assert.equal(exitCode, 143);
    assert.match(stderr, /error\[interrupted\]/);
    await assertAsBefore();
  });

  it("is refused while another run is at work, which nobody disturbs", async () => {
    const { exitCode, stderr } = await whileHeld(async (first) => {
      const [second, retiring] = await Promise.all([startMigration(pair, repository), startRemoveOld(pair)]);
      for (const { exitCode, stderr } of [second, retiring]) {
        assert.equal(exitCode, 1);
        assert.match(
          stderr,
          /^error\[migration-in-progress\]: .*docker rm --force postgis-backup-migration-/m,
        );
      }
      // Still at work, and still the one that holds writers.
      const waiting = queryPort(pair.port, "INSERT INTO log.journal VALUES (1)");
      assert.equal(await Promise.race([waiting, sleep(500, "waits")]), "waits");
      first.kill("SIGTERM");
      await waiting;
    });
    assert.equal(exitCode, 143);
    assert.match(stderr, /error\[interrupted\]/);
    await assertAsBefore();
  });

  it("notices a table that somebody made meanwhile", async () => {
    const { exitCode, stderr } = await whileHeld(() => queryPort(pair.port, "CREATE TABLE late (id int)"));
    assert.equal(exitCode, 1);
    assert.match(stderr, /error\[tables-changing\].*table public\.late/);
    await assertAsBefore();
  });

  it("notices a role that somebody made meanwhile", async () => {
    const { exitCode, stderr } = await whileHeld(() => queryPort(pair.port, "CREATE ROLE latecomer"));
    assert.equal(exitCode, 1);
    assert.match(stderr, /error\[requirement-missing\]: The new server would lack "role latecomer"/);
    await queryPort(pair.port, "DROP ROLE latecomer");
    await assertAsBefore();
  });

  it("notices a table that somebody made after the servers were compared", async () => {
    const shim = await createDockerShim();
    try {
      const { output: id } = await docker("inspect", "--format={{.Id}}", pair.newServer);
      const { paused, resume } = await shim.pauseBeforeStop(id);
      const { exitCode, stderr } = await whileHeld(async (migration) => {
        await Promise.race([paused, migration]);
        await queryPort(pair.port, "CREATE TABLE later (id int)");
        await resume();
      }, shim.env);
      assert.equal(exitCode, 1, stderr);
      assert.match(stderr, /error\[tables-changing\].*table public\.later/);
      await assertAsBefore();
    } finally {
      await shim.remove();
    }
  });

  it("says what would be missing on the new server, all at once", async () => {
    await queryPort(pair.port, "CREATE VIEW seen AS SELECT 1 AS x");
    await queryPort(pair.port, "CREATE ROLE worker LOGIN");
    await queryPort(pair.port, "CREATE DATABASE other");
    const { exitCode, stderr } = await startMigration(pair, repository);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[left-behind\]: .*view public\.seen/m);
    assert.match(stderr, /^error\[left-behind\]: .*other/m);
    assert.match(stderr, /^error\[requirement-missing\]: .*worker/m);
    await assertAsBefore();
  });

  it("succeeds once nothing is in its way", async () => {
    await sql(pair.newServer, "CREATE ROLE worker LOGIN");
    const more = ["--exclude-table", "seen", "--exclude-database", "other"];
    const { exitCode, stderr } = await startMigration(pair, repository, more);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await queryPort(pair.port, whose), [{ name: "" }]);
    assert.deepEqual(await queryPort(pair.port, "SELECT count(*)::int FROM parcels"), [{ count: 300_000 }]);
  });

  it("can be undone by hand, as the example's README says, and is not repeated over what was written since", async () => {
    await docker("stop", pair.newServer);
    await docker("start", pair.oldServer);
    await answering();
    assert.deepEqual(await queryPort(pair.port, whose), [{ name: "old" }]);
    await queryPort(pair.port, "INSERT INTO log.journal VALUES (2)");
    await docker("network", "disconnect", "bridge", pair.newServer);
    await docker("start", pair.newServer);
    const { stderr } = await startMigration(pair, repository);
    assert.match(stderr, /error\[already-migrated\]/);
    assert.deepEqual(await queryPort(pair.port, whose), [{ name: "old" }]);
  });
});
