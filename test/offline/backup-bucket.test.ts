import assert from "node:assert/strict";
import path from "node:path";
import {
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { root } from "../../setup/paths";
import { uniqueName } from "../support/resources";
import { type S3Server, startS3Server } from "../support/s3-server";
import { awsProvider } from "./aws-program";
import { fail, stackForEachTest, succeed } from "./plugin-stack";
import { MemoryS3 } from "./s3-memory";

/** What the real server of these tests does not implement. */
const lacking = ["publicAccessBlock", "encryption", "lifecycle"];
const components = JSON.stringify(path.join(root, "dist", "components"));

describe("BackupBucket, with the real CLI", function () {
  this.timeout(300_000);
  const stack = stackForEachTest();
  let server: S3Server;
  let Bucket: string;

  before(async () => {
    server = await startS3Server();
  });
  after(() => server.stop());
  beforeEach(() => {
    Bucket = uniqueName();
  });

  const program = (args: object, endpoint = server.endpoint) =>
    stack.program(`${awsProvider({ ...server, endpoint })}
      const { BackupBucket } = require(${components});
      const args = ${JSON.stringify({ bucketName: Bucket, ...args })};
      const { bucketName, arn, region, backupPolicy } = new BackupBucket("backups", args, opts);
      module.exports = { bucketName, arn, backupPolicy, ...(args.existingBucket === undefined && { region }) };`);
  const exists = () =>
    server.client.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      () => false,
    );
  const versioning = async () =>
    (await server.client.send(new GetBucketVersioningCommand({ Bucket }))).Status;
  const policy = async () =>
    JSON.parse((await server.client.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? "") as unknown;

  it("makes a protected bucket on a real server, keeps it as it is, and leaves it when the stack goes", async () => {
    await program({
      withoutProtections: lacking,
      objectLock: { days: 3 },
      tags: { team: "gis" },
      prefix: "cbm",
    });
    assert.match(await succeed(stack.up()), /8 created/);

    const { client } = server;
    assert.equal(await versioning(), "Enabled");
    const arn = `arn:aws:s3:::${Bucket}`;
    const transport = {
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "DenyInsecureTransport",
          Effect: "Deny",
          Principal: "*",
          Action: "s3:*",
          Resource: [arn, `${arn}/*`],
          Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
      ],
    };
    assert.deepEqual(await policy(), transport);
    const { OwnershipControls } = await client.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    assert.deepEqual(OwnershipControls?.Rules, [{ ObjectOwnership: "BucketOwnerEnforced" }]);
    const { ObjectLockConfiguration } = await client.send(new GetObjectLockConfigurationCommand({ Bucket }));
    assert.deepEqual(ObjectLockConfiguration?.Rule?.DefaultRetention, { Mode: "GOVERNANCE", Days: 3 });
    const { TagSet } = await client.send(new GetBucketTaggingCommand({ Bucket }));
    assert.deepEqual(TagSet, [{ Key: "team", Value: "gis" }]);

    const outputs = JSON.parse((await stack.cli("stack", "output", "--json")).output) as Record<
      string,
      string
    >;
    assert.equal(outputs["bucketName"], Bucket);
    assert.equal(outputs["arn"], arn);
    assert.equal(outputs["region"], server.region);
    assert.match(String(outputs["backupPolicy"]), new RegExp(`"Resource":"${arn}/cbm/\\*"`));

    assert.match(await succeed(stack.up()), /8 unchanged/);
    assert.match(await succeed(stack.refresh()), /8 unchanged/);
    assert.match(await succeed(stack.up()), /8 unchanged/);

    assert.match(await fail(stack.destroy()), /cannot be deleted\s+because it is protected/);
    await succeed(stack.cli("destroy", "--yes", "--skip-preview", "--exclude-protected"));
    assert.equal(await versioning(), "Enabled");
    assert.deepEqual(await policy(), transport);

    await succeed(stack.cli("state", "unprotect", "--all", "--yes"));
    await succeed(stack.destroy());
    assert.equal((await stack.resource("aws:s3/bucket:Bucket"))?.id, undefined);
    assert.equal(await versioning(), "Enabled");
    assert.deepEqual(await policy(), transport);
  });

  it("refuses plain HTTP to all whom the policy of a bucket binds", async () => {
    await program({ withoutProtections: [...lacking, "transportPolicy"], keepBucket: false });
    await succeed(stack.up());
    const owner = await server.ownerOf(Bucket);
    const put = () => owner.send(new PutObjectCommand({ Bucket, Key: "cbm/a", Body: "a" }));
    await put();
    await program({ withoutProtections: lacking, keepBucket: false });
    await succeed(stack.up());
    await assert.rejects(put(), /explicit deny in a resource-based policy/);
    await assert.rejects(owner.send(new ListObjectsV2Command({ Bucket })), /explicit deny/);
  });

  it("deletes an empty bucket that is not to be kept", async () => {
    await program({ withoutProtections: lacking, keepBucket: false });
    await succeed(stack.up());
    await succeed(stack.destroy());
    assert.equal(await exists(), false);
  });

  it("refuses another name while it keeps the bucket, and keeps what it has", async () => {
    await program({ withoutProtections: lacking });
    await succeed(stack.up());
    await program({ withoutProtections: lacking, bucketName: `${Bucket}-2` });
    assert.match(await fail(stack.up()), /unable to replace[^]*marked for protection/);
    assert.equal(await exists(), true);
    assert.equal(await versioning(), "Enabled");
  });

  it("names the protection that a server does not implement", async () => {
    await program({});
    assert.match(
      await fail(stack.up()),
      /backups-public-access-block[^]*creating S3 Bucket .* Public Access Block: .*NotImplemented/,
    );
  });

  it("sets every protection, one after the other, on a server that has them all", async () => {
    const memory = new MemoryS3();
    const endpoint = await memory.start();
    try {
      const kmsKeyArn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd";
      await program({ kmsKeyArn, expireNoncurrentDays: 30, transition: { days: 60 } }, endpoint);
      assert.match(await succeed(stack.up()), /10 created/);
      assert.deepEqual(memory.changes, [
        "PUT bucket",
        "PUT publicAccessBlock",
        "PUT ownershipControls",
        "PUT policy",
        "PUT encryption",
        "PUT versioning",
        "PUT lifecycle",
      ]);
      assert.match(await succeed(stack.up()), /10 unchanged/);
      assert.match(await succeed(stack.refresh()), /10 unchanged/);
      await program({ kmsKeyArn, keepBucket: false }, endpoint);
      assert.match(await succeed(stack.up()), /backups-lifecycle updated[^]*2 updated/);
      memory.changes.length = 0;
      await succeed(stack.destroy());
      assert.deepEqual(memory.changes, ["DELETE bucket"]);
    } finally {
      memory.stop();
    }
  });

  it("creates nothing for a bucket that exists", async () => {
    await program({ bucketName: undefined, existingBucket: { name: Bucket } });
    await succeed(stack.up());
    assert.equal((await stack.cli("stack", "output", "arn")).output.trim(), `arn:aws:s3:::${Bucket}`);
    assert.equal(await stack.resource("aws:s3/bucket:Bucket"), undefined);
    assert.equal(await exists(), false);
  });
});
