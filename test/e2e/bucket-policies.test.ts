import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { PutBucketPolicyCommand, PutObjectRetentionCommand } from "@aws-sdk/client-s3";
import {
  backupPolicy,
  type PolicyScope,
  prunePolicy,
  restorePolicy,
} from "../../components/backup-bucket/policies";
import type { PruneResult } from "../../runner/prune/index";
import { TestBucket } from "../support/bucket";
import { flipBit } from "../support/damage";
import { removeFolder, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";
import { environmentOfClient, type S3Server, startS3Server } from "../support/s3-server";
import { sealedFiles, writeSealed } from "../support/sealed";
import { writeBackup } from "../support/sample-backups";

const [older, id, newer] = ["20261101T080000Z", "20261102T080000Z", "20261103T080000Z"] as const;

describe("a user who may do what a policy of BackupBucket allows, and no more", function () {
  this.timeout(120_000);
  let server: S3Server;
  let bucket: TestBucket;
  let folder: string;
  let tar: string;
  let env: Record<string, string>;

  before(async () => {
    [server, folder] = await Promise.all([startS3Server(), temporaryFolder()]);
    // In one part and in several.
    await writeSealed(folder, id, { files: { ...sealedFiles, "archive/2.dat": randomBytes(20 << 20) } });
    tar = path.join(folder, "cbm.tar");
    const { exitCode, stderr } = await runRunner(["export", tar, "--repository", folder, "--name", "cbm"]);
    assert.equal(exitCode, 0, stderr);
  });
  after(() => Promise.all([server.stop(), removeFolder(folder)]));
  beforeEach(async () => {
    bucket = await TestBucket.create(server, { locks: true });
    env = await environmentOfClient(await server.ownerOf(bucket.name));
  });

  /** Gives the user an identity policy, for which this server has policies of buckets. */
  async function allow(policy: (scope: PolicyScope) => string): Promise<void> {
    const document = JSON.parse(policy({ arn: `arn:aws:s3:::${bucket.name}`, prefix: "gis" })) as {
      Statement: object[];
    };
    const Principal = { AWS: [env["AWS_ACCESS_KEY_ID"]] };
    const Statement = document.Statement.map((statement) => ({ ...statement, Principal }));
    const Policy = JSON.stringify({ ...document, Statement });
    await server.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }));
  }

  const run = (verb: string, args: readonly string[]) => bucket.run(verb, args, env);
  async function succeed(verb: string, ...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(verb, args);
    assert.equal(exitCode, 0, stderr);
    return stdout;
  }
  async function expectDenied(action: string, verb: string, ...args: string[]): Promise<void> {
    const { exitCode, stderr } = await run(verb, args);
    assert.equal(exitCode, 1);
    assert.match(stderr, new RegExp(`^error\\[s3-denied\\]: .* does not allow s3:${action} on s3://`, "m"));
  }
  const exported = () => path.join(folder, "exported.tar");
  const prune = ["--name", "cbm", "--keep-last", "1", "--json"];

  it("writes backups with backupPolicy, reads them, and deletes none", async () => {
    await allow(backupPolicy);
    await succeed("import", tar);
    await succeed("list", "--name", "cbm");
    await succeed("list");
    await succeed("export", exported(), "--name", "cbm");
    await bucket.putBackup(await writeBackup(path.join(folder, "plain"), older));
    const before = await bucket.keys();
    const { left, removed } = JSON.parse(await succeed("prune", ...prune)) as PruneResult;
    assert.deepEqual([removed.map((one) => one.id), left.map((one) => one.id)], [[], [older]]);
    assert.match(left[0]?.reason ?? "", /s3:DeleteObject/);
    assert.deepEqual(await bucket.keys(), before);
  });

  it("leaves no upload open with backupPolicy when the backup fails, and says nothing of what it may not delete", async () => {
    await allow(backupPolicy);
    const damaged = path.join(folder, "damaged.tar");
    await copyFile(tar, damaged);
    await flipBit(damaged, 15 << 20);
    const { exitCode, stderr } = await run("import", [damaged]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[checksum-mismatch\]: archive\/2\.dat in the tar [^\n]*$/m);
    assert.doesNotMatch(stderr, /s3-denied|left/);
    assert.deepEqual(await bucket.openUploads(), []);
    assert.ok((await bucket.keys()).length > 0);
    // The same files again are no conflict.
    await succeed("import", tar);
  });

  it("prunes with prunePolicy, sees what is locked, and writes nothing", async () => {
    for (const which of [older, id, newer])
      await bucket.putBackup(await writeBackup(path.join(folder, "plain"), which));
    const RetainUntilDate = new Date(Date.now() + 86_400_000);
    const object = { Bucket: bucket.name, Key: `gis/cbm/${older}/manifest.json` };
    await server.client.send(
      new PutObjectRetentionCommand({ ...object, Retention: { Mode: "GOVERNANCE", RetainUntilDate } }),
    );
    await allow(prunePolicy);
    const { removed, left } = JSON.parse(await succeed("prune", ...prune)) as PruneResult;
    assert.deepEqual([removed.map((one) => one.id), left.map((one) => one.id)], [[id], [older]]);
    assert.match(left[0]?.reason ?? "", /^it is locked until/);
    await expectDenied("PutObject", "keep", newer, "--name", "cbm");
    await expectDenied("PutObject", "import", tar);
  });

  it("reads backups with restorePolicy, and does nothing else", async () => {
    await bucket.putBackup(path.join(folder, "cbm", id));
    await allow(restorePolicy);
    await succeed("list");
    await succeed("export", exported(), "--name", "cbm");
    await expectDenied("PutObject", "keep", id, "--name", "cbm");
    await expectDenied("DeleteObject", "keep", id, "--name", "cbm", "--release");
  });

  it("verifies with each policy, and records it with backupPolicy alone", async () => {
    const archive = Buffer.from(
      "-- PostgreSQL database dump\n\n--\n-- PostgreSQL database dump complete\n--\n\n",
    );
    const files = { "archive.sql": archive, "prepare.sql": Buffer.from("-- nothing\n") };
    const manifest = { format: "plain" as const, compression: "none", tables: [] };
    const plain = await writeSealed(path.join(folder, "script"), newer, { files, manifest });
    await bucket.putBackup(plain);
    await bucket.putBackup(await writeBackup(path.join(folder, "plain"), older));
    const key = `gis/cbm/${newer}/verification-archive.json`;
    const verify = [newer, "--name", "cbm"];
    for (const policy of [restorePolicy, prunePolicy]) {
      await allow(policy);
      const { exitCode, stdout, stderr } = await run("verify", verify);
      assert.equal(exitCode, 0, stderr);
      assert.match(stdout, /: verified \(archive\)/);
      assert.match(
        stderr,
        /^warning: What was found is not recorded beside s3:.* does not allow s3:PutObject /m,
      );
      assert.ok(!(await bucket.keys()).includes(key));
    }
    await allow(backupPolicy);
    assert.doesNotMatch((await run("verify", verify)).stderr, /warning/);
    assert.ok((await bucket.keys()).includes(key));
    assert.match(await succeed("list"), new RegExp(`${newer} .* archive \\d+m?s +latest`));
    // It goes with its backup.
    await bucket.put(`gis/cbm/${older}/verification-restore.json`, "torn");
    await allow(prunePolicy);
    const { left } = JSON.parse(await succeed("prune", ...prune)) as PruneResult;
    assert.deepEqual(left, []);
    await bucket.delete(`gis/cbm/${older}/verification-restore.json`);
    await bucket.put(
      `gis/cbm/${older}/verification-archive.json`,
      JSON.stringify({
        ...{ recordVersion: 1, level: "archive", seconds: 0, finishedAt: new Date().toISOString() },
      }),
    );
    await succeed("prune", ...prune);
    assert.ok(!(await bucket.keys()).some((one) => one.includes(older)));
  });

  for (const [title, policy] of Object.entries({ backupPolicy, prunePolicy, restorePolicy })) {
    it(`sees nothing beside the prefix with ${title}`, async () => {
      await bucket.putBackup(path.join(folder, "cbm", id), "gis2");
      await allow(policy);
      for (const prefix of ["gis2", "other/gis"]) {
        const { exitCode, stderr } = await runRunner(["list", ...bucket.place(prefix), "--name", "cbm"], env);
        assert.equal(exitCode, 1);
        assert.match(stderr, /^error\[s3-denied\]: .* s3:ListBucket /m);
      }
    });
  }
});
