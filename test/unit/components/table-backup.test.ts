import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { TableBackup, type TableBackupArgs } from "../../../components";
import type { BackupResult } from "../../../runner/request";
import { type Registered, secret, settled, startMocks, unknownOutput, valueOf } from "./mocks";

const result: BackupResult = {
  backupId: "20261122T081500Z",
  location: "/b/cbm/20261122T081500Z",
  manifest: "/b/cbm/20261122T081500Z/manifest.json",
  createdAt: "2026-11-22T08:15:00.000Z",
  sizeBytes: 5,
  tables: ["public.a"],
  restoreCommand: "docker exec …",
  copies: [
    {
      location: "s3://backups/cbm/20261122T081500Z",
      manifest: "s3://backups/cbm/20261122T081500Z/manifest.json",
    },
  ],
  versionIds: { "manifest.json": "v1" },
  verification: { level: "archive", seconds: 1.5 },
  pruned: ["20261001T081500Z"],
  alarm: "too small",
};
const least: TableBackupArgs = {
  connection: { container: "pg_spat" },
  tables: ["a"],
  repository: "./backups",
};

async function declare(args: TableBackupArgs, preview = false) {
  const registered = await startMocks({ stdout: JSON.stringify(result), preview });
  const backup = new TableBackup("cbm", args);
  await settled();
  const command = registered.find(({ name }) => name === "cbm-backup");
  assert.ok(command);
  return { backup, inputs: command.inputs, registered };
}

const requestOf = ({ inputs }: Pick<Registered, "inputs">) =>
  JSON.parse(String(inputs["stdin"])) as Record<string, unknown>;

describe("TableBackup", () => {
  it("declares one command with exactly these inputs", async () => {
    const { inputs, registered } = await declare(least);
    assert.deepEqual(registered.map(({ name }) => name).sort(), ["cbm", "cbm-backup"]);
    const { create, stdin, ...rest } = inputs;
    assert.match(String(create), /^exec node \S*dist\/postgis-backup\.js backup --request -$/);
    assert.deepEqual(JSON.parse(String(stdin)), {
      container: "pg_spat",
      tables: ["a"],
      repository: "./backups",
      name: "cbm",
    });
    assert.deepEqual(rest, {
      update: 'printf %s "$PULUMI_COMMAND_STDOUT"',
      environment: {},
      triggers: [{ container: "pg_spat", tables: ["a"], repository: "./backups", name: "cbm" }],
      logging: "stderr",
    });
    assert.equal(inputs["delete"], undefined, "a backup outlives the resource that took it");
  });

  it("takes a new backup for what is backed up and where it goes, and for nothing else", async () => {
    const triggersOf = async (args: Partial<TableBackupArgs>) =>
      JSON.stringify((await declare({ ...least, ...args })).inputs["triggers"]);
    const base = await triggersOf({});
    for (const changed of [
      { connection: { container: "other" } },
      { connection: { container: "pg_spat", database: "gis" } },
      { tables: ["b"] },
      { excludeTables: ["c"] },
      { repository: "/srv" },
      { backupName: "n" },
      { format: "custom" as const },
      { compression: "gzip:6" },
      { missingReferences: "include" as const },
      { accept: ["large-objects" as const] },
      { triggers: ["x"] },
      { every: "24h" },
    ]) {
      assert.notEqual(await triggersOf(changed), base, JSON.stringify(changed));
    }
    for (const same of [
      { connection: { container: "pg_spat", user: "u" } },
      { password: "p" },
      { jobs: 3, splitTablesFrom: 0 },
      { fullEvery: "7d" },
      { logicalForeignKeys: ["a.x -> b.y"], maxOrphans: 0, lockTimeout: 5 },
      { verify: "restore" as const, fileMode: "0640" },
      {
        retention: {
          keepLast: 1,
          keepDaily: 1,
          keepWeekly: 1,
          keepMonthly: 1,
          keepYearly: 1,
          minSizeRatio: 0.5,
        },
      },
    ]) {
      assert.equal(await triggersOf(same), base, JSON.stringify(same));
    }
  });

  it("hands a repository in S3 to the runner, further ones, and a folder to work in", async () => {
    assert.deepEqual(requestOf(await declare({ ...least, repository: pulumi.output("s3://backups/p/q") })), {
      container: "pg_spat",
      tables: ["a"],
      repository: "s3://backups/p/q",
      name: "cbm",
    });
    const s3 = {
      ...{ endpoint: "http://h:1", region: "r", forcePathStyle: true, timeout: 5, uploadLimit: 1000 },
      ...{ conditionalWrites: false, checksum: "md5" as const, maxParts: 1000 },
    };
    const { inputs } = await declare({
      ...least,
      repository: "s3://backups",
      copies: ["s3://copies/d"],
      workDirectory: "./backups",
      s3,
      password: "geheim",
    });
    assert.deepEqual(requestOf({ inputs }), {
      container: "pg_spat",
      tables: ["a"],
      repository: "s3://backups",
      copies: ["s3://copies/d"],
      workDirectory: "./backups",
      name: "cbm",
      s3,
    });
    assert.deepEqual(inputs["environment"], secret({ PGPASSWORD: "geheim" }), "credentials are inherited");
    assert.deepEqual(inputs["triggers"], [
      {
        container: "pg_spat",
        tables: ["a"],
        repository: "s3://backups",
        copies: ["s3://copies/d"],
        name: "cbm",
        endpoint: "http://h:1",
      },
    ]);
  });

  it("takes a new backup for another repository, copy or server, and not for how it gets there", async () => {
    const triggersOf = async (args: Partial<TableBackupArgs>) =>
      JSON.stringify((await declare({ ...least, repository: "s3://backups", ...args })).inputs["triggers"]);
    const base = await triggersOf({});
    for (const changed of [
      { repository: "s3://other" },
      { repository: "s3://backups/p" },
      { repository: "./backups" },
      { copies: ["./backups"] },
      { s3: { endpoint: "http://h" } },
    ]) {
      assert.notEqual(await triggersOf(changed), base, JSON.stringify(changed));
    }
    for (const same of [
      { s3: { region: "r", forcePathStyle: true, timeout: 5 } },
      { workDirectory: "./backups" },
      { s3: { uploadLimit: 1 } },
      { s3: { conditionalWrites: false, checksum: "crc32" as const, maxParts: 1000 } },
    ]) {
      assert.equal(await triggersOf(same), base, JSON.stringify(same));
    }
  });

  it("counts periods of `every` from the epoch", async () => {
    const { inputs } = await declare({ ...least, triggers: ["t"], every: "1d" });
    const day = Math.floor(Date.now() / 86_400_000);
    const [, trigger, period] = inputs["triggers"] as unknown[];
    assert.equal(trigger, "t");
    assert.ok(period === day || period === day - 1, "midnight may pass between the two");
  });

  it("hands every option to the runner, the password by the environment alone", async () => {
    const more: Partial<TableBackupArgs> = {
      missingReferences: "ignore",
      logicalForeignKeys: ["a.x -> b.y"],
      maxOrphans: 0,
      lockTimeout: 5,
      verify: "restore",
      retention: {
        keepLast: 1,
        keepDaily: 2,
        keepWeekly: 3,
        keepMonthly: 4,
        keepYearly: 5,
        minSizeRatio: 0.5,
      },
      fileMode: "0640",
    };
    const { inputs } = await declare({
      connection: { container: "c", user: "u", database: "d", dockerHost: "ssh://h" },
      password: "geheim",
      tables: ["a"],
      excludeTables: ["b"],
      repository: "/srv",
      backupName: "n",
      format: "custom",
      jobs: 2,
      splitTablesFrom: 1,
      compression: "lz4",
      ...more,
    });
    assert.deepEqual(requestOf({ inputs }), {
      container: "c",
      user: "u",
      database: "d",
      dockerHost: "ssh://h",
      tables: ["a"],
      excludeTables: ["b"],
      repository: "/srv",
      name: "n",
      format: "custom",
      jobs: 2,
      splitTablesFrom: 1,
      compression: "lz4",
      ...more,
    });
    assert.deepEqual(inputs["environment"], secret({ PGPASSWORD: "geheim" }));
    assert.ok(!JSON.stringify({ ...inputs, environment: {} }).includes("geheim"));
  });

  it("hands on how long rows are shared with earlier backups", async () => {
    assert.equal(requestOf(await declare({ ...least, fullEvery: "7d" }))["fullEvery"], "7d");
  });

  it("has undefined outputs for what the runner does not send", async () => {
    await startMocks({ stdout: JSON.stringify({ ...result, alarm: undefined, versionIds: undefined }) });
    const { alarm, versionIds } = new TableBackup("cbm", least);
    assert.deepEqual([await valueOf(alarm), await valueOf(versionIds)], [undefined, undefined]);
  });

  it("reads its outputs from the runner's answer", async () => {
    const { backup } = await declare(least);
    for (const [name, value] of Object.entries(result)) {
      assert.deepEqual(
        await valueOf(backup[name as keyof BackupResult] as pulumi.Output<unknown>),
        value,
        name,
      );
    }
    assert.equal(await pulumi.isSecret(backup.location), false);
  });

  it("previews before the backup exists", async () => {
    const { backup, inputs } = await declare(least, true);
    assert.equal(await valueOf(backup.location), undefined);
    assert.equal(requestOf({ inputs })["container"], "pg_spat");
  });

  it("previews with a container whose name is not known yet", async () => {
    const registered = await startMocks({ preview: true });
    const backup = new TableBackup("cbm", { ...least, connection: { container: unknownOutput() } });
    await settled();
    const command = registered.find(({ name }) => name === "cbm-backup");
    assert.ok(command);
    assert.ok(pulumi.containsUnknowns(command.inputs["stdin"]));
    assert.equal(await valueOf(backup.backupId), undefined);
  });

  for (const [name, args, message] of [
    ["no tables", { tables: [] }, /^tables: .*at least one table/],
    ["a name that leaves its folder", { backupName: "../x" }, /^backupName: /],
    ["an unknown format", { format: "tar" as "plain" }, /^format: /],
    ["an unknown compression", { compression: "bzip2" }, /^compression: .*zstd/],
    ["jobs out of range", { jobs: 0 }, /^jobs: /],
    ["a size below zero", { splitTablesFrom: -1 }, /^splitTablesFrom: /],
    ["rows shared for ever so long", { fullEvery: "often" }, /^fullEvery: must be a duration .*24h/],
    [
      "rows shared in a bucket, in one file",
      { repository: "s3://b-1", fullEvery: "7d" },
      /^fullEvery: has no effect here/,
    ],
    ["rows shared in one file", { format: "custom", fullEvery: "7d" }, /^fullEvery: has no effect here/],
    ["a level that does not exist", { verify: "full" as "archive" }, /^verify: /],
    ["a retention of nothing", { retention: { keepLast: 0 } }, /^retention\.keepLast: /],
    ["a file mode that is not octal", { fileMode: "rw" }, /^fileMode: .*octal/],
    ["no repository", { repository: undefined }, /^repository: /],
    [
      "a bucket that cannot be",
      { repository: "s3://B" },
      /^repository: "s3:\/\/B" is not a repository in S3/,
    ],
    [
      "settings of a server that nothing uses",
      { s3: { region: "r" } },
      /^s3: has no effect, because repository is not in S3/,
    ],
    [
      "a limit that nothing uses",
      { copies: ["/srv"], s3: { uploadLimit: 1 } },
      /^s3: has no effect, because repository and copies are not in S3/,
    ],
    ["the same repository twice", { copies: ["./backups/"] }, /^copies\.0: names .* a second time/],
    ["a work directory for a folder", { workDirectory: "./work" }, /^workDirectory: has no effect/],
    [
      "files that are split off an archive with gzip",
      { repository: "s3://backups", format: "directory", compression: "gzip" },
      /^compression: must be zstd/,
    ],
    [
      "a text for a choice",
      { checkInPreview: "no" as unknown as boolean },
      /^checkInPreview: must be true or false/,
    ],
    ["an unknown argument", { lockTimout: 5 }, /^lockTimout: is unknown\. Did you mean lockTimeout\?/],
    ...["soon", "", " ", "0h", "-1d", "24", "24hh", "h", 24, Number.NaN, null, true, {}, ["24h"]].map(
      (every) =>
        [`the period ${JSON.stringify(every)}`, { every }, /^every: must be a duration .*24h/] as const,
    ),
  ] as const) {
    it(`refuses ${name} at once`, async () => {
      await startMocks();
      const wrong = { ...least, ...args } as unknown as TableBackupArgs;
      assert.throws(
        () => new TableBackup("cbm", wrong),
        (error: Error) => pulumi.ResourceError.isInstance(error) && message.test(error.message),
      );
    });
  }
});
