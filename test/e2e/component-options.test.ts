import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { ComponentStack } from "../support/component-stack";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";

describe("the options that a program gives a component", function () {
  this.timeout(180_000);
  let folder: string;
  let container: string;
  let stack: ComponentStack;
  let args: object;
  const taken = async () =>
    (await readdir(path.join(folder, "cbm"))).filter((name) => name !== "latest").length;

  before(async () => {
    folder = await temporaryFolder();
    container = await startServer({ mount: folder });
    await sql(container, "CREATE TABLE t AS SELECT 1 AS x");
    args = { connection: { container }, tables: ["t"], repository: folder, backupName: "cbm" };
    stack = await ComponentStack.create("TableBackup");
    const { failed, log } = await stack.up(args);
    assert.ok(!failed, log);
    assert.equal(await taken(), 1);
  });
  after(async () => {
    await stack.remove();
    await removeContainer(container);
    await removeFolder(folder);
  });

  it("rename its children with it: an alias takes no new backup", async () => {
    const { failed, log, steps } = await stack.up(args, { name: "renamed", alias: "it" });
    assert.ok(!failed, log);
    assert.equal(steps["backup"]?.op, "same", log);
    assert.equal(await taken(), 1);
  });

  it("change the arguments of its children by transforms", async () => {
    const { failed, log, steps } = await stack.up(args, { name: "renamed", environment: { GIVEN: "1" } });
    assert.ok(!failed, log);
    assert.equal(steps["backup"]?.op, "update", log);
    assert.deepEqual(steps["backup"].changed, ["environment.GIVEN"]);
    assert.equal(await taken(), 1);
  });

  it("let a component without an alias be another one, which takes its own backup", async () => {
    const { failed, log, steps } = await stack.up(args, { name: "another" });
    assert.ok(!failed, log);
    assert.equal(steps["backup"]?.op, "create", log);
    assert.equal(await taken(), 2);
  });
});
