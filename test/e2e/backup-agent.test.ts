import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { agentImage } from "../../setup/agent-image";
import { backupIds, never } from "../support/agent";
import { ComponentStack } from "../support/component-stack";
import { docker, startServer } from "../support/container";
import {
  removeContainer,
  removeFolder,
  sql,
  temporaryFolder,
  testLabel,
  uniqueName,
} from "../support/resources";
import { holdLock, releaseLock } from "../support/table-lock";
import { waitUntil } from "../support/wait";

const password = "very-secret-password";

async function readStateFile(folder: string): Promise<string> {
  const stacks = path.join(folder, ".state", ".pulumi", "stacks");
  const files = (await readdir(stacks, { recursive: true })).filter((file) => /test\.json$/.test(file));
  assert.equal(files.length, 1);
  return readFile(path.join(stacks, files[0] ?? ""), "utf8");
}

describe("a BackupAgent in a container, by pulumi up", function () {
  this.timeout(300_000);
  let server: string;
  let folder: string;
  let repository: string;
  let agent: string;
  let stack: ComponentStack;

  before(async () => {
    server = await startServer();
    await sql(
      server,
      `CREATE TABLE parcel_set AS SELECT g AS id FROM generate_series(1, 100) g;
       CREATE ROLE reader LOGIN PASSWORD '${password}'; GRANT SELECT ON parcel_set TO reader`,
    );
    const strict =
      'sed -i \'1i host all reader all scram-sha-256\\nlocal all reader scram-sha-256\' "$PGDATA/pg_hba.conf" && pg_ctl reload -D "$PGDATA"';
    await execa("docker", ["exec", "--user", "postgres", server, "sh", "-c", strict]);
    folder = await temporaryFolder();
    repository = path.join(folder, "backups");
    agent = uniqueName();
    stack = await ComponentStack.create("BackupAgent");
  });
  after(async () => {
    await stack.remove();
    await Promise.all([removeContainer(server), removeContainer(agent)]);
    await removeFolder(folder);
  });

  const job = (more: object = {}) => ({
    name: "cbm",
    source: { container: server, user: "reader", passwordFile: "/run/secrets/pg" },
    tables: ["parcel_set"],
    schedule: never,
    ...more,
  });
  const up = (jobs: readonly object[], more: object = {}) =>
    stack.up({
      ...{ image: agentImage, agentName: agent, repository, secrets: { pg: password }, jobs },
      labels: { [testLabel]: String(process.pid) },
      ...more,
    });
  const taken = (name: string, count = 1) =>
    waitUntil(
      `${count} backups of ${name}`,
      async () => (await backupIds(repository, name)).length >= count,
      90,
    ).catch(async (error: unknown) => {
      throw new Error(`${(error as Error).message}\n${(await docker("logs", agent)).output}`);
    });
  const idOfContainer = async () => (await docker("inspect", "--format={{.Id}}", agent)).output;

  it("ends with an agent that is healthy, and takes a backup that stock tools read", async () => {
    const applied = await up([job()]);
    assert.ok(!applied.failed, applied.log);
    assert.equal(applied.steps["container"]?.op, "create");
    assert.equal(applied.outputs["agentName"], agent);
    assert.equal((await docker("inspect", "--format={{.State.Health.Status}}", agent)).output, "healthy");
    await taken("cbm");
    const [id = ""] = await backupIds(repository, "cbm");
    const input = await readFile(path.join(repository, "cbm", id, "archive.dump"));
    const { stdout } = await execa("docker", ["exec", "-i", server, "pg_restore", "--list"], { input });
    assert.match(stdout, /TABLE DATA public parcel_set/);
  });

  it("does nothing in an up without a change", async () => {
    const before = await idOfContainer();
    const applied = await up([job()]);
    assert.ok(!applied.failed, applied.log);
    assert.deepEqual(applied.steps["container"]?.op, "same", applied.log);
    assert.equal(await idOfContainer(), before);
  });

  it("keeps the password out of the state, the environment, the labels and the log", async () => {
    // As it is on disk: the Automation API exports it with its secrets.
    const state = await readStateFile(stack.project.folder);
    assert.match(state, /"ciphertext"/);
    const inspected = (await docker("inspect", agent)).output;
    const logged = (await docker("logs", agent)).output;
    for (const text of [state, inspected, logged]) assert.ok(!text.includes(password));
    const file = ["exec", agent, "cat", "/run/secrets/pg", "/etc/postgis-backup/agent.yaml"];
    assert.equal(
      (await docker(...file)).output.split(password).length,
      2,
      "only the file of the secret has it",
    );
  });

  it("keeps the agent that runs if the configuration is wrong, and says what is", async () => {
    const before = await idOfContainer();
    const applied = await up([job({ schedule: "61 * * * *" })]);
    assert.ok(applied.failed);
    assert.match(applied.log, /jobs\.0\.schedule: must be a cron line/);
    assert.equal(await idOfContainer(), before);
  });

  it("replaces the agent when a job changes, and loses no run: one that it interrupts is taken after all", async () => {
    const before = await idOfContainer();
    await holdLock(server, "LOCK parcel_set", { name: "holder" });
    try {
      const started = await up([job(), job({ name: "slow", lockTimeout: 300 })]);
      assert.ok(!started.failed, started.log);
      assert.equal(started.steps["container"]?.op, "replace");
      assert.notEqual(await idOfContainer(), before);
      await waitUntil(
        "a backup that waits for the table",
        async () => (await sql(server, "SELECT count(*) FROM pg_locks WHERE NOT granted")) !== "0",
      );
      const changed = await up([job(), job({ name: "slow", lockTimeout: 301 })]);
      assert.ok(!changed.failed, changed.log);
      assert.deepEqual(await backupIds(repository, "slow"), []);
    } finally {
      await releaseLock(server, "holder");
    }
    await taken("slow");
    assert.equal((await backupIds(repository, "cbm")).length, 1, "what was taken is not taken again");
  });

  it("fails if the agent cannot start, and the next up mends it", async () => {
    const refused = await up([job()], { user: "65534:65534" });
    assert.ok(refused.failed);
    assert.match(
      refused.log,
      /error\[agent-not-ready\]: The agent in container "\S+" ended\. Its last log lines:/,
    );
    assert.match(refused.log, /error\[folder-not-writable\]: job cbm: /);
    // What is wrong stays wrong.
    assert.ok((await up([job()], { user: "65534:65534" })).failed);
    const mended = await up([job()]);
    assert.ok(!mended.failed, mended.log);
    assert.equal((await docker("inspect", "--format={{.State.Health.Status}}", agent)).output, "healthy");
  });
});
