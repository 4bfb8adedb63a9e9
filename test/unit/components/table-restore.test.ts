import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { PostgisContainer, TableRestore, type TableRestoreArgs } from "../../../components";
import type { RestoreResult } from "../../../runner/request";
import { secret, settled, startMocks, valueOf } from "./mocks";

const result: RestoreResult = {
  backupId: "20261122T081500Z",
  database: "gis",
  tables: ["es_restored.parcels"],
  tableCount: 1,
  rows: 7,
  seconds: 2.5,
  restored: true,
  swappedInto: ["es_before_20261122T081500Z"],
  notes: ["a note"],
};
const least: TableRestoreArgs = {
  connection: { container: "pg_new" },
  location: "/srv/backups/cbm/20261122T081500Z",
};

const nameOf = (resource: pulumi.Resource) => (resource as unknown as { __name: string }).__name;

async function declare(args: TableRestoreArgs) {
  const registered = await startMocks({ stdout: JSON.stringify(result) });
  const restore = new TableRestore("copy", args);
  await settled();
  const command = registered.find(({ name }) => name === "copy-restore");
  assert.ok(command);
  return { restore, inputs: command.inputs, registered };
}

describe("TableRestore", () => {
  it("declares one command with exactly these inputs", async () => {
    const { inputs, registered } = await declare(least);
    assert.deepEqual(registered.map(({ name }) => name).sort(), ["copy", "copy-restore"]);
    const { create, stdin, ...rest } = inputs;
    assert.match(String(create), /^exec node \S*dist\/postgis-backup\.js restore --request -$/);
    const request = {
      location: "/srv/backups/cbm/20261122T081500Z",
      container: "pg_new",
    };
    const { once, ...asked } = JSON.parse(String(stdin)) as Record<string, object>;
    assert.deepEqual(asked, { ...request, all: false });
    assert.deepEqual(Object.keys(once ?? {}), ["by", "what"]);
    assert.deepEqual(rest, {
      update: 'printf %s "$PULUMI_COMMAND_STDOUT"',
      environment: {},
      triggers: [request],
      logging: "stderr",
    });
    assert.equal(inputs["delete"], undefined, "restored tables outlive the resource that restored them");
  });

  it("takes a backup in a bucket, and how its server is spoken to", async () => {
    const s3 = { endpoint: "http://h:1", forcePathStyle: true };
    const location = "s3://backups/p/q/cbm/20261122T081500Z";
    const { inputs } = await declare({ ...least, location, s3 });
    const place = { location };
    const server = { container: "pg_new" };
    const asked = ({ stdin }: Record<string, unknown>) => {
      const { once, ...request } = JSON.parse(String(stdin)) as Record<string, object>;
      assert.ok(once);
      return request;
    };
    assert.deepEqual(asked(inputs), { ...place, s3, ...server, all: false });
    assert.deepEqual(inputs["triggers"], [{ ...place, container: "pg_new" }]);
    const { inputs: bare } = await declare({ ...least, location: "s3://backups/cbm/latest/" });
    assert.deepEqual(asked(bare), {
      location: "s3://backups/cbm/latest/",
      ...server,
      all: false,
    });
  });

  it("restores again for another backup, place or selection, and for nothing else", async () => {
    const triggersOf = async (args: Partial<TableRestoreArgs>) =>
      JSON.stringify((await declare({ ...least, ...args })).inputs["triggers"]);
    const base = await triggersOf({});
    for (const changed of [
      { location: "/srv/backups/cbm/latest" },
      { connection: { container: "other" } },
      { connection: { container: "pg_new", database: "gis" } },
      { tables: ["a"] },
      { excludeTables: ["b"] },
      { schemas: { es: "es_restored" } },
      { content: "data" as const },
      { triggers: ["x"] },
    ]) {
      assert.notEqual(await triggersOf(changed), base, JSON.stringify(changed));
    }
    for (const same of [
      { connection: { container: "pg_new", user: "u" } },
      { password: "p" },
      {
        ifExists: "replace" as const,
        missingRoles: "create" as const,
        jobs: 3,
        splitTablesFrom: 0,
        lockTimeout: 5,
      },
    ]) {
      assert.equal(await triggersOf(same), base, JSON.stringify(same));
    }
  });

  it("restores again for another volume, and not because a container has another name or is replaced", async () => {
    const triggersOf = async (connection: TableRestoreArgs["connection"]) =>
      JSON.stringify((await declare({ ...least, connection })).inputs["triggers"]);
    const base = await triggersOf({ container: "pg_new" });
    assert.equal(await triggersOf({ container: "renamed", volume: "pg_new-data" }), base);
    assert.notEqual(await triggersOf({ container: "pg_new", volume: "other-data" }), base);
    assert.notEqual(await triggersOf({ container: "pg_new", volume: "pg_new" }), base);
    assert.equal(
      await triggersOf({ container: "a", volume: "v" }),
      await triggersOf({ container: "b", volume: "v" }),
    );
  });

  it("is the same restore for another server or user, not for another backup, selection or trigger", async () => {
    const onceOf = async (args: Partial<TableRestoreArgs>) => {
      const { stdin } = (await declare({ ...least, ...args })).inputs;
      return JSON.stringify((JSON.parse(String(stdin)) as { once: object }).once);
    };
    const base = await onceOf({});
    const elsewhere = { container: "other", volume: "v", database: "gis", user: "u" };
    assert.equal(await onceOf({ connection: elsewhere, ifExists: "replace", jobs: 3 }), base);
    for (const changed of [
      { location: "/srv/backups/cbm/latest" },
      { tables: ["a"] },
      { excludeTables: ["b"] },
      { schemas: { es: "es_restored" } },
      { content: "data" as const },
      { triggers: ["x"] },
    ])
      assert.notEqual(await onceOf(changed), base, JSON.stringify(changed));
  });

  it("has triggers that depend on no resource, which would be taken for changed when that is replaced", async () => {
    const dependencies: Record<string, string[]> = {};
    await startMocks({ preview: true });
    const server = new PostgisContainer("db", { password: "p" });
    new TableRestore(
      "copy",
      { ...least, connection: server.connection, triggers: [server.containerId] },
      {
        transformations: [
          ({ type, name, props }) => {
            if (type !== "command:local:Command") return undefined;
            for (const [property, value] of Object.entries(props)) {
              if (!pulumi.Output.isInstance(value)) continue;
              const resources = (value as unknown as { resources(): Set<pulumi.Resource> }).resources();
              dependencies[`${name} ${property}`] = [...resources].map(nameOf);
            }
            return undefined;
          },
        ],
      },
    );
    await settled();
    assert.deepEqual(dependencies["copy-restore triggers"], []);
    assert.deepEqual(dependencies["copy-restore stdin"], ["db-ready"], "it waits for the server");
  });

  it("hands the password over by the environment alone", async () => {
    const { inputs } = await declare({ ...least, password: "geheim" });
    assert.deepEqual(inputs["environment"], secret({ PGPASSWORD: "geheim" }));
    assert.ok(!JSON.stringify({ ...inputs, environment: {} }).includes("geheim"));
  });

  it("reads its outputs from the runner's answer", async () => {
    const { restore } = await declare(least);
    for (const name of ["backupId", "tables", "rows", "restored", "swappedInto", "notes"] as const) {
      assert.deepEqual(await valueOf<unknown>(restore[name]), result[name], name);
    }
  });

  it("previews with a backup that is not taken yet", async () => {
    await startMocks({ preview: true });
    const location = pulumi.output(Promise.resolve("/b/cbm/latest"));
    const restore = new TableRestore("copy", { ...least, location });
    await settled();
    assert.equal(await valueOf(restore.backupId), undefined);
  });

  for (const [name, args, message] of [
    ["no tables", { tables: [] }, /^tables: .*at least one table/],
    ["an unknown action", { ifExists: "drop" as "fail" }, /^ifExists: /],
    ["jobs out of range", { jobs: 0 }, /^jobs: /],
    ["an unknown argument", { ifexist: "skip" }, /^ifexist: is unknown\. Did you mean ifExists\?/],
    [
      "an unknown part of the connection",
      { connection: { container: "c", databse: "d" } },
      /^connection\.databse: is unknown\. Did you mean database\?/,
    ],
    [
      "what cannot be with another argument",
      { content: "data", ifExists: "skip" },
      /^ifExists: must be fail or/,
    ],
  ] as const) {
    it(`refuses ${name} at once`, async () => {
      await startMocks();
      assert.throws(
        () => new TableRestore("copy", { ...least, ...args } as TableRestoreArgs),
        (error: Error) => pulumi.ResourceError.isInstance(error) && message.test(error.message),
      );
    });
  }
});
