import assert from "node:assert/strict";
import { backupBucket, type Effect, type Fixture } from "../../schema/argument-effects";
import { changesOf, expectShown } from "../support/argument-table";
import { type Applied, ComponentStack } from "../support/component-stack";
import { uniqueName } from "../support/resources";
import { MemoryS3 } from "./s3-memory";

describe("every argument of a BackupBucket", function () {
  this.timeout(300_000);
  const memory = new MemoryS3();
  const bucket = uniqueName();
  const base = { bucketName: bucket };
  let stack: ComponentStack;

  before(async () => {
    const endpoint = await memory.start();
    stack = await ComponentStack.create("BackupBucket");
    const provider = {
      region: "eu-central-1",
      accessKey: "test",
      secretKey: "test",
      endpoints: JSON.stringify([{ s3: endpoint }]),
      s3UsePathStyle: "true",
      skipCredentialsValidation: "true",
      skipRequestingAccountId: "true",
      skipMetadataApiCheck: "true",
    };
    for (const [key, value] of Object.entries(provider))
      await stack.project.stack.setConfig(`aws:${key}`, { value });
    await succeed(base);
  });
  after(async () => {
    await stack.remove();
    memory.stop();
  });

  async function succeed(args: object): Promise<Applied> {
    const applied = await stack.up(args);
    assert.ok(!applied.failed, applied.log);
    return applied;
  }
  const changes = (...effects: Effect[]) => changesOf(backupBucket, effects, { bucket } as Fixture);

  it("changes settings and policies, also all at once, and never makes another bucket", async () => {
    const locked = await succeed({ ...base, objectLock: { days: 2 } });
    assert.deepEqual([locked.steps["bucket"]?.op, locked.steps["object-lock"]?.op], ["same", "create"]);
    const changed = changes("bucket", "policies", "bucketProtection");
    const applied = await succeed({ ...base, ...changed });
    expectShown(backupBucket, Object.keys(changed), applied, false);
    for (const [child, step] of Object.entries(applied.steps)) assert.notEqual(step?.op, "replace", child);
    assert.deepEqual(applied.outputs["bucketName"], bucket);
    assert.match(String(applied.outputs["backupPolicy"]), /\/cbm\/other\/\*/);
    assert.ok(!memory.changes.includes("DELETE bucket"));
    assert.ok(memory.changes.includes("PUT object-lock"));
    await succeed(base);
    assert.ok(!memory.changes.includes("DELETE bucket"));
  });

  it("is refused, or changes nothing in S3, where it names another bucket", async () => {
    const { bucketName, withoutProtections } = changes("otherBucket");
    memory.changes.length = 0;
    for (const other of [{ bucketName }, { ...base, withoutProtections }]) {
      const { failed, log } = await stack.up(other);
      assert.ok(failed, JSON.stringify(other));
      assert.match(log, /marked for protection|because it is protected/);
    }
    const { failed, log } = await stack.up(changes("adopted"));
    assert.ok(failed);
    assert.match(log, /because it is protected/);
    assert.deepEqual(memory.changes, []);
  });
});
