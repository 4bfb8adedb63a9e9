import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import {
  ObjectLockLegalHoldStatus,
  ObjectLockRetentionMode,
  PutBucketPolicyCommand,
  PutObjectLegalHoldCommand,
  PutObjectRetentionCommand,
} from "@aws-sdk/client-s3";
import { execa } from "execa";
import type { PruneResult } from "../../runner/prune/index";
import { takeBackup } from "../support/backup";
import { TestBucket } from "../support/bucket";
import { startServer } from "../support/container";
import { filesOf } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";
import { environmentOfClient, type S3Server, startS3Server } from "../support/s3-server";
import { writeBackup } from "../support/sample-backups";
import { writeSealed } from "../support/sealed";

const [oldest, older, newest] = ["20261101T080000Z", "20261102T080000Z", "20261103T080000Z"] as const;

interface Listed {
  readonly id: string;
  readonly location: string;
  readonly latest: boolean;
  readonly kept: boolean;
  readonly problem?: string;
}

describe("backups in a bucket", function () {
  this.timeout(120_000);
  let server: S3Server;
  let bucket: TestBucket;
  let folder: string;

  before(async () => {
    server = await startS3Server();
  });
  after(() => server.stop());
  beforeEach(async () => {
    bucket = await TestBucket.create(server);
    folder = await temporaryFolder();
  });
  afterEach(() => removeFolder(folder));

  /** A backup without rows, in the bucket. */
  const stored = async (id: string, into = bucket) => into.putBackup(await writeBackup(folder, id));

  async function answer<T>(verb: string, args: readonly string[], env?: Record<string, string>): Promise<T> {
    const { exitCode, stdout, stderr } = await bucket.run(verb, [...args, "--json"], env);
    assert.equal(exitCode, 0, stderr);
    return JSON.parse(stdout) as T;
  }
  const listed = () => answer<Listed[]>("list", ["--name", "cbm"]);
  const pruned = async (...more: string[]) => {
    const result = await answer<PruneResult>("prune", ["--name", "cbm", "--keep-last", "1", ...more]);
    return { ...result, removed: result.removed.map(({ id }) => id) };
  };

  /** A sealed backup as a tar file. */
  async function tarOf(id: string, name = "cbm"): Promise<string> {
    await writeSealed(folder, id, { name });
    const file = path.join(folder, `${id}.tar`);
    const { exitCode, stderr } = await runRunner([
      "export",
      id,
      file,
      "--repository",
      folder,
      "--name",
      name,
    ]);
    assert.equal(exitCode, 0, stderr);
    return file;
  }

  it("come from a server, are brought there and back bit by bit, and are restored with stock tools", async () => {
    const [container, other] = await Promise.all([startServer(), startServer()]);
    try {
      await sql(
        container,
        "CREATE TABLE parcels AS SELECT g AS id, sin(g) AS mean, ST_MakePoint(g, g)::geometry(Point) FROM generate_series(1, 200000) g",
      );
      const more = ["--format", "custom"];
      const { result } = await takeBackup({ container, repository: folder, tables: ["parcels"], more });
      const tar = path.join(folder, "parcels.tar");
      await runRunner(["export", tar, "--repository", folder, "--name", "cbm"]);

      const imported = await answer<{ location: string; imported: boolean; latest: boolean }>("import", [
        tar,
      ]);
      assert.deepEqual(
        [imported.location, imported.imported, imported.latest],
        [`${bucket.url()}/cbm/${result.backupId}`, true, true],
      );
      const prefix = `gis/cbm/${result.backupId}`;
      const files = await filesOf(result.location);
      assert.deepEqual(
        await bucket.keys(),
        files.map((file) => `${prefix}/${file}`),
      );
      assert.deepEqual(await bucket.openUploads(), []);
      assert.equal((await answer<{ imported: boolean }>("import", [tar])).imported, false);

      const again = path.join(folder, "again.tar");
      await answer("export", [again, "--name", "cbm"]);
      await execa("cmp", [tar, again]);

      const copy = path.join(folder, "copy");
      await mkdir(copy);
      const { accessKeyId, secretAccessKey, endpoint, region } = server;
      for (const file of files) {
        const signed = [
          "--aws-sigv4",
          `aws:amz:${region}:s3`,
          "--header",
          "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        ];
        const url = `${endpoint}/${bucket.name}/${prefix}/${file}`;
        await execa(
          "curl",
          ["--fail", "--silent", "--config", "-", ...signed, "--output", path.join(copy, file), url],
          {
            input: `user = "${accessKeyId}:${secretAccessKey}"`,
          },
        );
      }
      await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: copy });
      await sql(other, await readFile(path.join(copy, "prepare.sql"), "utf8"));
      await execa(
        "docker",
        ["exec", "-i", other, "pg_restore", "-U", "postgres", "-d", "postgres", "--exit-on-error"],
        {
          inputFile: path.join(copy, "archive.dump"),
        },
      );
      const rows = "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY id)) FROM parcels t";
      assert.equal(await sql(other, rows), await sql(container, rows));
    } finally {
      await Promise.all([container, other].map(removeContainer));
    }
  });

  it("are listed, those of other names too; what has no manifest is none", async () => {
    await stored(newest);
    await stored(older);
    const damaged = await stored(oldest);
    await bucket.put(`${damaged}/archive/0.dat`, "short");
    await bucket.putBackup(await writeBackup(folder, newest, { name: "other" }));
    await bucket.put("gis/cbm/20261104T080000Z/prepare.sql", "of an upload that was cut off");
    await bucket.put("gis/notes/readme.txt");
    await bucket.put("gis/readme.txt");
    await bucket.put(`elsewhere/cbm/${newest}/manifest.json`);
    assert.deepEqual(
      (await listed()).map(({ id, location, latest, problem }) => [id, location, latest, problem]),
      [
        [oldest, `${bucket.url()}/cbm/${oldest}`, false, "archive/0.dat has 5 bytes instead of 10"],
        [older, `${bucket.url()}/cbm/${older}`, false, undefined],
        [newest, `${bucket.url()}/cbm/${newest}`, true, undefined],
      ],
    );
    const { stdout } = await bucket.run("list", []);
    assert.match(stdout, new RegExp(`^cbm +${newest} .* latest$[^]*^other +${newest} .* latest$`, "m"));
    const none = await bucket.run("list", ["--name", "nothing"]);
    assert.match(
      none.stderr,
      /^error\[backup-not-found\]: There is no backup of "nothing" in s3:\/\/\S+\/gis\. It has backups of: cbm, other\.$/m,
    );
  });

  it("are kept when they are marked, and pruned by the rules, after a dry run that removes nothing", async () => {
    for (const id of [oldest, older, newest]) await stored(id);
    assert.match((await bucket.run("keep", [oldest, "--name", "cbm"])).stdout, /is never pruned: s3:/);
    await answer("keep", [oldest, "--name", "cbm"]);
    const before = await bucket.keys();
    assert.ok(before.includes(`gis/cbm/${oldest}/keep`));
    const dry = await pruned("--dry-run");
    assert.deepEqual([dry.removed, dry.left, dry.location], [[older], [], bucket.url()]);
    assert.deepEqual(await bucket.keys(), before);

    assert.deepEqual((await pruned()).removed, [older]);
    assert.deepEqual(
      (await listed()).map(({ id, kept }) => [id, kept]),
      [
        [oldest, true],
        [newest, false],
      ],
    );
    assert.deepEqual(
      await bucket.keys(),
      before.filter((key) => !key.includes(older)),
    );
    await answer("keep", [oldest, "--name", "cbm", "--release"]);
    assert.deepEqual((await pruned()).removed, [oldest]);
    assert.deepEqual(
      await bucket.keys(),
      before.filter((key) => key.includes(newest)),
    );
  });

  it("go all, those of a thousand files too", async () => {
    await bucket.putBackup(await writeBackup(folder, oldest, { files: 1100 }));
    await stored(newest);
    assert.deepEqual((await pruned()).removed, [oldest]);
    assert.deepEqual(
      (await listed()).map(({ id }) => id),
      [newest],
    );
    assert.ok(!(await bucket.keys()).some((key) => key.includes(oldest)));
  });

  for (const [kind, reason] of [
    ["retention", /^it is locked until 2\d{3}-/],
    ["legal hold", /^it is under a legal hold$/],
  ] as const) {
    it(`stay where Object Lock holds them, and prune says so: ${kind}`, async () => {
      bucket = await TestBucket.create(server, { locks: true });
      for (const id of [oldest, older, newest]) await stored(id);
      const object = { Bucket: bucket.name, Key: `gis/cbm/${oldest}/manifest.json` };
      const Retention = {
        Mode: ObjectLockRetentionMode.GOVERNANCE,
        RetainUntilDate: new Date(Date.now() + 86_400_000),
      };
      await server.client.send(
        kind === "retention"
          ? new PutObjectRetentionCommand({ ...object, Retention })
          : new PutObjectLegalHoldCommand({ ...object, LegalHold: { Status: ObjectLockLegalHoldStatus.ON } }),
      );
      const { removed, left } = await pruned();
      assert.deepEqual([removed, left.map(({ id }) => id)], [[older], [oldest]]);
      assert.match(left[0]?.reason ?? "", reason);
      assert.deepEqual(
        (await listed()).map(({ id }) => id),
        [oldest, newest],
      );
    });
  }

  it("stay where the bucket's policy forbids to delete, and prune says so and goes on", async () => {
    for (const id of [oldest, older, newest]) await stored(id);
    const user = await server.ownerOf(bucket.name);
    const env = await environmentOfClient(user);
    const resources = [`arn:aws:s3:::${bucket.name}`, `arn:aws:s3:::${bucket.name}/*`];
    const rule = (Effect: string, Action: string, Resource: string | string[]) => ({
      Effect,
      Action,
      Resource,
      Principal: { AWS: [env["AWS_ACCESS_KEY_ID"]] },
    });
    const Statement = [
      rule("Allow", "s3:*", resources),
      rule("Deny", "s3:DeleteObject", `arn:aws:s3:::${bucket.name}/gis/cbm/${oldest}/*`),
    ];
    await server.client.send(
      new PutBucketPolicyCommand({
        Bucket: bucket.name,
        Policy: JSON.stringify({ Version: "2012-10-17", Statement }),
      }),
    );
    const before = (await bucket.keys()).filter((key) => !key.includes(older));
    const { exitCode, stdout, stderr } = await bucket.run(
      "prune",
      ["--name", "cbm", "--keep-last", "1", "--json"],
      env,
    );
    assert.equal(exitCode, 0, stderr);
    const { removed, left } = JSON.parse(stdout) as PruneResult;
    assert.deepEqual([removed.map(({ id }) => id), left.map(({ id }) => id)], [[older], [oldest]]);
    assert.match(
      left[0]?.reason ?? "",
      /does not allow s3:DeleteObject on s3:\/\/\S+manifest\.json: AccessDenied/,
    );
    assert.match(stderr, /^warning: Backup 20261101T080000Z was not removed: The S3 server does not allow/);
    assert.deepEqual(await bucket.keys(), before);
  });

  it("stay when somebody else's object is among theirs, which is not touched", async () => {
    for (const id of [oldest, older, newest]) await stored(id);
    const mine = [
      `gis/cbm/${oldest}/archive/notes/mine.txt`,
      "gis/cbm/20261101/mine",
      `gis/cbm/${older}.txt`,
      `gis/cbm2/${older}/x`,
    ];
    for (const key of mine) await bucket.put(key, "precious");
    const { removed, kept } = await pruned();
    assert.deepEqual(removed, [older]);
    assert.deepEqual(
      kept.find(({ id }) => id === oldest),
      { id: oldest, reasons: ["damaged"], problem: "archive/notes/mine.txt is not a file of this backup" },
    );
    for (const key of mine) assert.equal(String(await bucket.content(key)), "precious");
    assert.deepEqual(
      (await listed()).map(({ id }) => id),
      [oldest, newest],
    );
  });

  it("of one id are written once: the same is no error, another is refused, and none is overwritten", async () => {
    const one = await tarOf(newest);
    const runs = await Promise.all([1, 2, 3].map(() => bucket.run("import", [one])));
    assert.ok(runs.some(({ exitCode }) => exitCode === 0));
    for (const { exitCode, stderr } of runs)
      assert.ok(exitCode === 0 || /^error\[backup-exists\]/m.test(stderr), stderr);
    const [backup] = await listed();
    assert.equal(backup?.problem, undefined);
    const manifest = await bucket.content(`gis/cbm/${newest}/manifest.json`);

    await removeFolder(path.join(folder, "cbm"));
    await writeSealed(folder, newest, { files: { "prepare.sql": Buffer.from("another") } });
    const other = path.join(folder, "other.tar");
    await runRunner(["export", other, "--repository", folder, "--name", "cbm"]);
    const { exitCode, stderr } = await bucket.run("import", [other]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[backup-exists\]: s3:\/\/\S+20261103T080000Z exists already/m);
    assert.deepEqual(await bucket.content(`gis/cbm/${newest}/manifest.json`), manifest);
  });

  it("need no prefix", async () => {
    const tar = await tarOf(newest);
    const place = ["--repository", `s3://${bucket.name}`, ...server.options];
    const { exitCode, stderr } = await runRunner(["import", tar, ...place], server.environment);
    assert.equal(exitCode, 0, stderr);
    assert.ok((await bucket.keys()).includes(`cbm/${newest}/manifest.json`));
    const again = path.join(folder, "again.tar");
    const exported = await runRunner(["export", again, ...place, "--name", "cbm"], server.environment);
    assert.equal(exported.exitCode, 0, exported.stderr);
    await execa("cmp", [tar, again]);
  });
});
