import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Fixture, tableBackup, tableRestore } from "../../schema/argument-effects";
import { allOf, changesOf, expectShown, type Table, wrongRuns } from "../support/argument-table";
import { TestBucket } from "../support/bucket";
import { type Applied, ComponentStack } from "../support/component-stack";
import { docker, startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { type S3Server, startS3Server } from "../support/s3-server";

describe("every argument of a TableBackup and a TableRestore", function () {
  this.timeout(600_000);
  let server: S3Server;
  let fixture: Fixture;
  let container: string;
  let folder: string;
  let running: string;
  const stacks: ComponentStack[] = [];

  before(async () => {
    server = await startS3Server();
    folder = await temporaryFolder();
    await Promise.all([writeFile(path.join(folder, "file"), ""), mkdir(path.join(folder, "backups"))]);
    container = await startServer({ mount: folder });
    const tables =
      "CREATE TABLE marker (id int); INSERT INTO marker VALUES (42); CREATE TABLE other (id int)";
    await sql(container, tables);
    await sql(container, "CREATE DATABASE second");
    await sql(container, tables, "second");
    running = (await docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", container)).output;
    const { endpoint } = server;
    const bucket = (await TestBucket.create(server)).name;
    fixture = {
      ...{ image: "", otherImage: "", otherMajor: "", network: "", freePort: 0, busyPort: 0, dockerHost: "" },
      ...{ container, folder, location: "", bucket, endpoint },
    };
  });
  after(async () => {
    for (const stack of stacks) await stack.remove();
    await removeContainer(container);
    await removeFolder(folder);
    await server.stop();
  });

  async function create(component: string): Promise<ComponentStack> {
    const stack = await ComponentStack.create(component);
    Object.assign(stack.project.stack.workspace.envVars, server.environment);
    stacks.push(stack);
    return stack;
  }
  async function succeed(stack: ComponentStack, args: object): Promise<Applied> {
    const applied = await stack.up(args);
    assert.ok(!applied.failed, applied.log);
    return applied;
  }
  async function unharmed(): Promise<void> {
    const now = await docker("inspect", "--format={{.Id}} {{.State.StartedAt}}", container);
    assert.equal(now.output, running, "the server is the same one, and was not restarted");
    assert.equal(await sql(container, "SELECT count(*) FROM marker WHERE id = 42"), "1");
  }
  async function refusesWrong(stack: ComponentStack, table: Table, base: object): Promise<void> {
    for (const values of wrongRuns(table, fixture)) {
      const change = allOf(values);
      const { failed, log } = await stack.up({ ...base, ...change });
      assert.ok(failed, JSON.stringify(change));
      for (const { name, says } of values) assert.match(log, says, `${name}: ${log}`);
      await unharmed();
    }
  }

  it("of a TableBackup does what the table says", async () => {
    const stack = await create("TableBackup");
    const first = (await TestBucket.create(server)).name;
    const s3 = { endpoint: server.endpoint, region: "eu-central-1", forcePathStyle: true };
    const base = {
      connection: { container },
      tables: ["marker"],
      repository: `s3://${first}`,
      copies: [path.join(folder, "backups")],
      s3,
      backupName: "cbm",
      format: "custom",
    };
    const { outputs } = await succeed(stack, base);
    const taken = async () =>
      (await readdir(path.join(folder, "backups", "cbm"))).filter((name) => name !== "latest");
    assert.deepEqual(await taken(), [outputs["backupId"]]);

    await refusesWrong(stack, tableBackup, base);
    assert.deepEqual(await taken(), [outputs["backupId"]], "nothing is left of what was refused");

    const quiet = changesOf(tableBackup, ["noBackup", "nextBackup"], fixture);
    const same = await succeed(stack, { ...base, ...quiet });
    assert.equal(same.steps["backup"]?.op, "update");
    assert.deepEqual(same.outputs["backupId"], outputs["backupId"]);
    assert.deepEqual(await taken(), [outputs["backupId"]]);
    await unharmed();

    const changes = changesOf(tableBackup, ["newBackup"], fixture);
    const applied = await succeed(stack, { ...base, ...quiet, ...changes });
    expectShown(tableBackup, Object.keys(changes), applied, true);
    assert.notEqual(applied.outputs["backupId"], outputs["backupId"]);
    assert.match(String(applied.outputs["location"]), new RegExp(`^s3://${fixture.bucket}/cbm/other/other/`));
    assert.deepEqual(await taken(), [outputs["backupId"]], "the earlier backup stays");
    fixture = { ...fixture, location: path.join(folder, "backups", "cbm", String(outputs["backupId"])) };
    await unharmed();
  });

  it("of a TableRestore does what the table says", async () => {
    const stack = await create("TableRestore");
    const base = { connection: { container }, location: fixture.location, ifExists: "replace" };
    await succeed(stack, base);
    await sql(container, "INSERT INTO marker VALUES (43)");

    await refusesWrong(stack, tableRestore, base);
    const quiet = changesOf(tableRestore, ["noRestore"], fixture);
    const same = await succeed(stack, { ...base, ...quiet });
    assert.equal(same.steps["restore"]?.op, "update");
    assert.equal(await sql(container, "SELECT count(*) FROM marker"), "2", "nothing was restored");
    await unharmed();

    const changes = { ...changesOf(tableRestore, ["newRestore"], fixture), tables: ["marker"] };
    await sql(container, "CREATE SCHEMA restored", "second");
    const applied = await succeed(stack, { ...base, ...quiet, ...changes });
    expectShown(tableRestore, Object.keys(changes), applied, true);
    assert.equal(await sql(container, "SELECT count(*) FROM restored.marker", "second"), "0");
    assert.equal(await sql(container, "SELECT count(*) FROM marker"), "2");
    await unharmed();
  });
});
