import assert from "node:assert/strict";
import type * as pulumi from "@pulumi/pulumi";
import {
  DatabaseBackup,
  type DatabaseBackupArgs,
  DatabaseRestore,
  type DatabaseRestoreArgs,
} from "../../../components";
import { settled, startMocks } from "./mocks";

const connection = { container: "pg_spat", database: "gis" };

/** The request and the triggers of the one command that a component declares. */
async function declared(declare: () => pulumi.Resource) {
  const registered = await startMocks({ stdout: "{}" });
  declare();
  await settled();
  const [command, ...others] = registered.filter(({ type }) => type === "command:local:Command");
  assert.deepEqual(others, []);
  assert.ok(command);
  const { stdin, triggers } = command.inputs;
  return { request: JSON.parse(String(stdin)) as Record<string, unknown>, triggers: triggers as unknown[] };
}

describe("DatabaseBackup", () => {
  const least: DatabaseBackupArgs = { connection, repository: "s3://backups" };
  const backupOf = (args: Partial<DatabaseBackupArgs> = {}) =>
    declared(() => new DatabaseBackup("gis", { ...least, ...args }));

  it("asks for all of the database, which is the database that is named", async () => {
    const { request, triggers } = await backupOf();
    const subject = { ...connection, repository: "s3://backups", name: "gis", all: true };
    assert.deepEqual(request, subject);
    assert.deepEqual(triggers, [subject]);
  });

  it("takes a new backup of other parts, but not by another way to take it", async () => {
    const { triggers } = await backupOf();
    for (const other of [
      { excludeSchemas: ["tmp"] },
      { excludeTableData: ["log_*"] },
      { accept: ["raster-files"] },
    ]) {
      const found = await backupOf(other as Partial<DatabaseBackupArgs>);
      assert.notDeepEqual(found.triggers, triggers);
      const [name = "", value] = Object.entries(other)[0] ?? [];
      assert.deepEqual(found.request[name], value);
    }
    assert.deepEqual((await backupOf({ jobs: 2, verify: "restore", splitTablesFrom: 0 })).triggers, triggers);
  });

  it("has no argument that is about tables", () => {
    for (const wrong of [{ tables: ["a"] }, { excludeTables: ["b"] }, { missingReferences: "include" }])
      assert.throws(() => new DatabaseBackup("gis", { ...least, ...wrong }), /: is unknown\./);
  });
});

describe("DatabaseRestore", () => {
  const least: DatabaseRestoreArgs = { connection, location: "s3://backups/gis/latest" };
  const restoreOf = (args: Partial<DatabaseRestoreArgs> = {}) =>
    declared(() => new DatabaseRestore("copy", { ...least, ...args }));

  it("asks for a whole database, which is made where there is none", async () => {
    const { request, triggers } = await restoreOf();
    const { once, ...asked } = request;
    assert.ok(once);
    assert.deepEqual(asked, {
      ...(least.connection as object),
      location: least.location,
      all: true,
      createDatabase: true,
    });
    assert.deepEqual(triggers, [{ ...connection, location: least.location }]);
  });

  it("restores again for another backup or database, but not by another way to restore", async () => {
    const { triggers } = await restoreOf();
    const other = [{ location: "s3://backups/gis/20261130T010203Z" }, { triggers: ["again"] }];
    for (const args of other) assert.notDeepEqual((await restoreOf(args)).triggers, triggers);
    const ways: Partial<DatabaseRestoreArgs> = {
      ifExists: "swap",
      connections: "end",
      missingRoles: "create",
    };
    const { request, triggers: same } = await restoreOf(ways);
    assert.deepEqual(same, triggers);
    for (const [name, value] of Object.entries(ways)) assert.equal(request[name], value);
  });
});
