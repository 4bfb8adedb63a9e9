import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { docker } from "../support/container";
import { createDockerShim, type DockerShim } from "../support/docker-shim";
import {
  dataVolume,
  type MigrationPair,
  removeMigrationRecords,
  startMigration,
  startPair,
  startRemoveOld,
} from "../support/migration-pair";
import { clientPassword, queryPort, startWriter, type Writer } from "../support/port-client";
import { removeFolder, sql, temporaryFolder } from "../support/resources";
import { Client } from "pg";

const statements = `CREATE SCHEMA log; CREATE TABLE log.journal (id int);
CREATE TABLE parcels AS SELECT g AS id FROM generate_series(1, 1000) g`;
const whose = "SELECT current_setting('cluster_name') AS name";

/** Steps from the moment on at which something is touched, one after another on one pair of servers; every one with EVERY_STEP set. */
describe("a migration that is killed while the port changes hands", function () {
  this.timeout(900_000);
  let pair: MigrationPair;
  let repository: string;
  let shim: DockerShim;
  let oldId: string;
  let writer: Writer | undefined;
  /** What an undisturbed migration does from that moment on. */
  let steps: string[];

  before(async () => {
    repository = await temporaryFolder();
    shim = await createDockerShim();
    pair = await startPair(statements, {
      ...{ options: ["--restart", "unless-stopped"], oldOptions: ["--restart", "always"] },
    });
    await sql(pair.oldServer, "ALTER SYSTEM SET cluster_name = 'old'");
    await docker("restart", pair.oldServer);
    await answering(pair.oldServer);
    oldId = await inspect(pair.oldServer, "{{.Id}}");
  });
  after(async () => {
    await writer?.stop();
    await pair.remove();
    await shim.remove();
    await removeFolder(repository);
  });

  const inspect = async (container: string, format: string) =>
    (await docker("inspect", `--format=${format}`, container)).output;
  const running = async (container: string) => (await inspect(container, "{{.State.Running}}")) === "true";
  const policy = (container: string) => inspect(container, "{{.HostConfig.RestartPolicy.Name}}");
  const run = () => startMigration(pair, repository, [], shim.env);

  async function answering(container: string): Promise<void> {
    while ((await docker("exec", container, "pg_isready", "-q", "-h", "127.0.0.1")).code !== 0)
      await sleep(200);
  }

  async function killedAfter(call: number | undefined): Promise<string | undefined> {
    await shim.killAfter(call);
    const { isTerminated, signal, stderr } = await run();
    const calls = await shim.calls();
    if (!isTerminated) return undefined;
    assert.equal(signal, "SIGKILL", stderr);
    return `${calls.length}. ${calls.at(-1) ?? ""}`;
  }

  /** The server at the port, if there is one, and whether it takes writes. */
  async function server(): Promise<string | undefined> {
    try {
      const [found] = await queryPort(pair.port, whose);
      await queryPort(pair.port, "INSERT INTO log.journal VALUES (0)");
      return String(found?.["name"]);
    } catch {
      return undefined;
    }
  }

  /** Never both: the old one, taking writes; the new one; or, until the next run, none. */
  async function assertOneServer(step: string): Promise<void> {
    await sleep(1_000);
    const found = await server();
    const port = await Promise.all(
      [pair.oldServer, pair.newServer].map(async (name) => (await docker("port", name)).output),
    );
    const published = port.filter((text) => text !== "").length;
    assert.ok(published <= 1, step);
    if (published === 1) assert.notEqual(found, undefined, `${step}: the server at the port takes no writes`);
    // As long as nothing else is on the port, a restart of the machine may start it.
    if (found === "old") assert.equal(await policy(pair.oldServer), "always", step);
    if (found === "") assert.equal(await policy(pair.oldServer), "unless-stopped", step);
  }

  async function assertMigrated(acknowledged: readonly number[]): Promise<void> {
    assert.equal(await server(), "");
    assert.equal(await running(pair.oldServer), false);
    assert.equal(await policy(pair.oldServer), "unless-stopped");
    const written = (await queryPort(pair.port, "SELECT id FROM log.journal")).map(({ id }) => id);
    assert.deepEqual(
      acknowledged.filter((id) => !written.includes(id)),
      [],
    );
    const { output } = await docker(
      "volume",
      "ls",
      "--quiet",
      "--filter",
      `label=postgis-backup.new-data=volume ${await dataVolume(pair.newServer)}`,
    );
    assert.deepEqual(
      output.split("\n").map((name) => name.replace(/-[0-9a-f]+$/, "")),
      ["postgis-backup-migrated"],
    );
  }

  /** Back to the old server, as if nothing had been migrated. */
  async function reset(): Promise<void> {
    await docker("stop", pair.newServer);
    await docker("network", "disconnect", "bridge", pair.newServer);
    await docker("start", pair.newServer);
    await answering(pair.newServer);
    await sql(
      pair.newServer,
      "DROP SCHEMA log CASCADE; DROP TABLE parcels; ALTER DATABASE postgres RESET postgis_backup.migrated_from",
    );
    await removeMigrationRecords(await dataVolume(pair.newServer));
    await docker("update", "--restart", "always", pair.oldServer);
    await docker("start", pair.oldServer);
    await answering(pair.oldServer);
  }

  it("lets nobody write to the old server from the moment on at which its data are compared for the last time", async () => {
    const idle = new Client({
      host: "127.0.0.1",
      port: pair.port,
      user: "postgres",
      password: clientPassword,
      database: "postgres",
    });
    idle.on("error", () => undefined);
    await idle.connect();
    await idle.query("BEGIN");
    await idle.query("SELECT count(*) FROM log.journal");
    const { paused, resume } = await shim.pauseBeforeStop(oldId);
    await shim.killAfter(undefined);
    const migration = run();
    await Promise.race([paused, migration]);
    const commit = async (client: Client) => {
      await client.query("CREATE TABLE lost AS SELECT 1 AS id");
      await client.query("COMMIT");
    };
    const ofIdle = commit(idle).then(
      () => "acknowledged",
      () => "refused",
    );
    const late = queryPort(pair.port, "CREATE TABLE lost AS SELECT 1 AS id").then(
      () => "acknowledged",
      () => "refused",
    );
    const outcomes = await Promise.all([ofIdle, Promise.race([late, sleep(3_000, "waits")])]);
    await resume();
    const { exitCode, stderr } = await migration;
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(
      outcomes.filter((outcome) => outcome === "acknowledged"),
      [],
    );
    assert.equal(await late, "refused");
    await idle.end().catch(() => undefined);
    steps = await shim.calls();
    for (const part of ["volume create", "stop", "start", "network connect", "volume rm"])
      assert.ok(
        steps.some((step) => step.includes(part)),
        `${part}: ${steps.join(", ")}`,
      );
    assert.ok(steps.length >= 8, steps.join(", "));
    await assertMigrated([]);
    await reset();
  });

  it("leaves one server at most on the port after each step, and a next run that works", async () => {
    const kept: number[] = [];
    for (const call of chosenCalls()) {
      writer = startWriter(pair.port);
      const step = await killedAfter(call);
      assert.notEqual(step, undefined, `of ${steps.join(", ")}, the run made fewer than ${call}`);
      await assertOneServer(String(step));
      // What was killed before the new server had the data is begun anew, up to the next step.
      if (await isUndecided()) {
        kept.push(...(await writer.stop()));
        continue;
      }
      await shim.killAfter(undefined);
      const { exitCode, stderr } = await run();
      assert.equal(exitCode, 0, `${step}: ${stderr}`);
      await sleep(500);
      await assertMigrated([...kept, ...(await writer.stop())]);
      await reset();
    }
    writer = startWriter(pair.port);
    assert.equal(await killedAfter(undefined), undefined);
    await assertMigrated([...kept, ...(await writer.stop())]);
  });

  /** The first, the last, and those at which something is decided; all of them take minutes. */
  function chosenCalls(): number[] {
    const all = steps.map((_, index) => index + 1);
    if (process.env["EVERY_STEP"] !== undefined) return all;
    const of = (kind: string, from = 0) =>
      steps.findIndex((step, index) => index >= from && step.startsWith(kind)) + 1;
    const chosen = [1, of("stop"), of("volume create", 1), of("network connect"), steps.length];
    return all.filter((call) => chosen.includes(call));
  }

  async function isUndecided(): Promise<boolean> {
    const { output } = await docker(
      "volume",
      "ls",
      "--quiet",
      "--filter",
      `label=postgis-backup.new-data=volume ${await dataVolume(pair.newServer)}`,
    );
    return !output.includes("postgis-backup-migrated-");
  }

  it("removes nothing of a server that was started again since", async () => {
    await docker("stop", pair.newServer);
    await docker("start", pair.oldServer);
    await answering(pair.oldServer);
    await docker("stop", pair.oldServer);
    await docker("start", pair.newServer);
    await answering(pair.newServer);
    const { exitCode, stderr } = await startRemoveOld(pair, ["--remove-data"]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[old-server-needed\]: .*started again/m);
    assert.equal((await docker("inspect", pair.oldServer)).code, 0);
  });
});
