import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { Migration, type MigrationArgs, OldServer } from "../../../components";
import type { MigrateResult } from "../../../runner/request";
import { secret, settled, startMocks, valueOf } from "./mocks";

const result: MigrateResult = {
  backupId: "20261122T081500Z",
  location: "/srv/backups/move/20261122T081500Z",
  tables: ["public.parcels"],
  tableCount: 1,
  rows: 7,
  notes: ["a note"],
  removed: ["pg_spat"],
};
const least: MigrationArgs = {
  from: { container: "pg_spat" },
  to: { container: "pg_17" },
  repository: "/srv/backups",
};

async function declare(args: MigrationArgs) {
  const registered = await startMocks({ stdout: JSON.stringify(result) });
  const migration = new Migration("move", args);
  await settled();
  const [command, ...more] = registered.filter(({ type }) => type === "command:local:Command");
  assert.ok(command);
  return { migration, command, more };
}

describe("Migration", () => {
  it("declares one command with exactly these inputs", async () => {
    const { command, more } = await declare(least);
    assert.deepEqual(more, []);
    const { create, stdin, ...rest } = command.inputs;
    assert.equal(command.name, "move-migrate");
    assert.match(String(create), /^exec node \S*dist\/postgis-backup\.js migrate --request -$/);
    const subject = { container: "pg_spat", toContainer: "pg_17" };
    assert.deepEqual(JSON.parse(String(stdin)), { ...subject, repository: "/srv/backups", name: "move" });
    assert.deepEqual(rest, {
      update: 'printf %s "$PULUMI_COMMAND_STDOUT"',
      environment: {},
      triggers: [subject],
      logging: "stderr",
    });
  });

  it("runs again for another server or database, and for nothing else but triggers", async () => {
    const triggersOf = async (args: Partial<MigrationArgs>) =>
      JSON.stringify((await declare({ ...least, ...args })).command.inputs["triggers"]);
    const base = await triggersOf({});
    for (const changed of [
      { from: { container: "other" } },
      { from: { container: "pg_spat", database: "gis" } },
      { to: { container: "other" } },
      { to: { container: "pg_17", database: "gis" } },
      { triggers: ["another container id"] },
    ])
      assert.notEqual(await triggersOf(changed), base, JSON.stringify(changed));
    for (const same of [
      { repository: "/elsewhere", backupName: "other", jobs: 3, lockTimeout: 5 },
      { excludeTables: ["a"], excludeDatabases: ["b"], logicalForeignKeys: ["a.b -> c.d"] },
      { password: "p" },
    ])
      assert.equal(await triggersOf(same), base, JSON.stringify(same));
  });

  it("removes the old server besides, where that is asked for, and its data only then", async () => {
    const { command: migrated } = await declare(least);
    for (const [oldServer, removeData] of [
      [OldServer.Remove, false],
      [OldServer.RemoveData, true],
    ] as const) {
      const { migration, command, more } = await declare({ ...least, oldServer });
      assert.deepEqual(command, migrated, "the migration is the same resource whatever oldServer says");
      const [removal = assert.fail(), ...others] = more;
      assert.deepEqual(others, []);
      assert.equal(removal.name, "move-remove-old");
      assert.match(String(removal.inputs["create"]), / remove-old --request -$/);
      const request = { container: "pg_spat", toContainer: "pg_17", removeData };
      assert.deepEqual(JSON.parse(String(removal.inputs["stdin"])), request);
      assert.deepEqual(removal.inputs["triggers"], [request]);
      assert.equal(removal.inputs["delete"], undefined);
      assert.deepEqual(await valueOf(migration.removed), ["pg_spat"]);
    }
  });

  it("hands the password over by the environment alone", async () => {
    const { command } = await declare({ ...least, password: "geheim" });
    assert.deepEqual(command.inputs["environment"], secret({ PGPASSWORD: "geheim" }));
    assert.ok(!JSON.stringify({ ...command.inputs, environment: {} }).includes("geheim"));
  });

  it("reads its outputs from the runner's answer, and the connection is the new server's", async () => {
    const { migration } = await declare(least);
    for (const name of ["location", "tables", "rows", "notes", "removed"] as const)
      assert.deepEqual(await valueOf<unknown>(migration[name]), result[name], name);
    const connection = { container: "pg_17", user: "postgres", database: "postgres" };
    assert.deepEqual(await valueOf(migration.connection), connection);
  });

  it("refuses to take an unknown word for a removal", async () => {
    await startMocks();
    assert.throws(
      () => new Migration("move", { ...least, oldServer: "removedata" as "remove" }),
      /^[^]*oldServer: /,
    );
    assert.throws(
      () => new Migration("move", { ...least, exclude: [] } as MigrationArgs),
      /exclude: is unknown/,
    );
  });

  it("refuses what the runner would refuse at once", async () => {
    await startMocks();
    assert.throws(
      () => new Migration("move", { ...least, jobs: 0 }),
      (error: Error) => pulumi.ResourceError.isInstance(error) && /^jobs: /.test(error.message),
    );
  });
});
