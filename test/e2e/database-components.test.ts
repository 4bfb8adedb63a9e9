import assert from "node:assert/strict";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { ComponentStack } from "../support/component-stack";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { takeDown } from "../support/stack";
import { dumpOf, makeDatabase, settingsOf } from "../support/whole-database";

describe("a stack that moves a whole database", function () {
  this.timeout(300_000);
  let [source, target, repository] = ["", "", ""];
  let backup: ComponentStack;
  let restore: ComponentStack;
  let tables: ComponentStack;
  let location: string;
  const backupArgs = () => ({
    connection: { container: source, database: "gis" },
    repository,
    backupName: "gis",
  });
  const restoreArgs = () => ({
    ...{ connection: { container: target, database: "copy" }, location, missingRoles: "create" },
  });

  before(async () => {
    repository = await temporaryFolder();
    source = await startServer({ mount: repository });
    target = await startServer({ mount: repository });
    await makeDatabase(source);
    // Policies list roles in the order in which these were made.
    await sql(target, 'CREATE ROLE reader; CREATE ROLE "odd role"');
    backup = await ComponentStack.create("DatabaseBackup");
    restore = await ComponentStack.create("DatabaseRestore");
    tables = await ComponentStack.create("TableRestore");
  });
  after(async () => {
    for (const stack of [backup, restore, tables]) await stack.remove();
    for (const container of [source, target]) await removeContainer(container);
    await removeFolder(repository);
  });

  it("backs it up once, and again when something else is backed up", async () => {
    const first = await backup.up(backupArgs());
    assert.equal(first.failed, false, first.log);
    location = String(first.outputs["location"]);
    assert.ok((first.outputs["tables"] as string[]).includes("app.parcels"));
    const again = await backup.up(backupArgs());
    assert.equal(again.steps["backup"]?.op, "same");
    const without = await backup.up({ ...backupArgs(), excludeTableData: ["app.parcels"] });
    assert.equal(without.failed, false, without.log);
    assert.notEqual(without.outputs["location"], location);
  });

  it("gives a command that restores it with stock tools", async () => {
    const { outputs } = await backup.up({ ...backupArgs(), excludeTableData: [] });
    await execa("bash", ["-c", String(outputs["restoreCommand"])]);
    assert.deepEqual(await dumpOf(source, "gis_restored"), await dumpOf(source, "gis"));
  });

  it("makes it on another server, with all that is in it", async () => {
    const { outputs, failed, log } = await restore.up(restoreArgs());
    assert.equal(failed, false, log);
    assert.equal(outputs["restored"], true);
    assert.deepEqual(await dumpOf(target, "copy"), await dumpOf(source, "gis"));
    assert.equal(await settingsOf(target, "copy"), await settingsOf(source, "gis"));
    assert.equal((await restore.up(restoreArgs())).steps["restore"]?.op, "same");
  });

  it("overwrites nothing when it is taken down and set up again", async () => {
    await sql(target, "CREATE TABLE public.mine AS SELECT 7 AS x", "copy");
    await takeDown(restore.project);
    const { outputs, failed, log } = await restore.up(restoreArgs());
    assert.equal(failed, false, log);
    assert.equal(outputs["restored"], false);
    assert.equal(await sql(target, "SELECT x FROM public.mine", "copy"), "7");
  });

  it("keeps the database that another backup takes the place of", async () => {
    const { outputs, failed, log } = await restore.up({
      ...{ ...restoreArgs(), ifExists: "swap", triggers: ["again"] },
    });
    assert.equal(failed, false, log);
    const [kept = ""] = outputs["swappedInto"] as string[];
    assert.equal(await sql(target, "SELECT x FROM public.mine", kept), "7");
    assert.deepEqual(await dumpOf(target, "copy"), await dumpOf(source, "gis"));
  });

  it("does not take a whole database for tables", async () => {
    const { failed, log } = await tables.up({ ...restoreArgs(), ifExists: "replace" });
    assert.equal(failed, true);
    assert.match(log, /error\[usage\]: Backup .* is of a whole database\. Restore it by a DatabaseRestore\./);
    assert.deepEqual(await dumpOf(target, "copy"), await dumpOf(source, "gis"));
  });

  it("does not take tables for a whole database", async () => {
    const more = ["--database", "gis"];
    const taken = { container: source, repository, name: "tables", tables: ["public.base"], more };
    const { result } = await takeBackup(taken);
    const args = { ...restoreArgs(), location: result.location, ifExists: "replace" };
    const { failed, log } = await restore.up(args);
    assert.equal(failed, true);
    assert.match(log, /error\[usage\]: Backup .* is of tables\. Restore it by a TableRestore\./);
    assert.deepEqual(await dumpOf(target, "copy"), await dumpOf(source, "gis"));
  });
});
