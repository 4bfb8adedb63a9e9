import assert from "node:assert/strict";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { uniqueName } from "../support/resources";
import { type S3Server, startS3Server } from "../support/s3-server";
import { awsProvider } from "./aws-program";
import { fail, stackForEachTest, succeed } from "./plugin-stack";
import { MemoryS3 } from "./s3-memory";

const BUCKET = "aws:s3/bucket:Bucket";

describe("the offline aws provider", function () {
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

  /** A program whose resources use the provider of the test server. */
  const program = (body: string, endpoint = server.endpoint) =>
    stack.program(`${awsProvider({ ...server, endpoint })}\nconst name = "${Bucket}";\n${body}`);
  const exists = () =>
    server.client.send(new HeadBucketCommand({ Bucket })).then(
      () => true,
      () => false,
    );

  it("creates, sees no change, updates in place, notices what others changed, destroys", async () => {
    const body = (tag: string, days: number) => `
      const bucket = new aws.s3.Bucket("b", { bucket: name, objectLockEnabled: true, tags: { a: "${tag}" } }, opts);
      const target = { bucket: bucket.bucket };
      new aws.s3.BucketVersioning("v", { ...target, versioningConfiguration: { status: "Enabled" } }, opts);
      new aws.s3.BucketOwnershipControls("o", { ...target, rule: { objectOwnership: "BucketOwnerEnforced" } }, opts);
      const rule = { defaultRetention: { mode: "GOVERNANCE", days: ${days} } };
      new aws.s3.BucketObjectLockConfiguration("l", { ...target, rule }, opts);
      const policy = bucket.arn.apply((arn) => ({
        Version: "2012-10-17",
        Statement: [{ Effect: "Deny", Principal: "*", Action: ["s3:*"], Resource: [arn + "/*", arn],
          Condition: { Bool: { "aws:SecureTransport": "false" } } }],
      })).apply(JSON.stringify);
      new aws.s3.BucketPolicy("p", { ...target, policy }, opts);`;
    await program(body("1", 1));
    assert.match(await succeed(stack.up()), /7 created/);
    const state = await stack.resource(BUCKET);
    assert.equal(state?.id, Bucket);
    const { arn, bucketDomainName, bucketRegionalDomainName, region, objectLockEnabled, tagsAll } =
      state.outputs ?? {};
    assert.deepEqual(
      { arn, bucketDomainName, bucketRegionalDomainName, region, objectLockEnabled, tagsAll },
      {
        arn: `arn:aws:s3:::${Bucket}`,
        bucketDomainName: `${Bucket}.s3.amazonaws.com`,
        bucketRegionalDomainName: `${Bucket}.s3.eu-central-1.amazonaws.com`,
        region: "eu-central-1",
        objectLockEnabled: true,
        tagsAll: { a: "1" },
      },
    );
    assert.doesNotMatch(await stack.stateText(), new RegExp(server.secretAccessKey));
    const { client } = server;
    assert.equal((await client.send(new GetBucketVersioningCommand({ Bucket }))).Status, "Enabled");
    const { OwnershipControls } = await client.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    assert.equal(OwnershipControls?.Rules?.[0]?.ObjectOwnership, "BucketOwnerEnforced");
    assert.match((await client.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? "", /SecureTransport/);

    assert.match(await succeed(stack.up()), /7 unchanged/);
    assert.match(await succeed(stack.refresh()), /7 unchanged/);
    assert.match(await succeed(stack.up()), /7 unchanged/);

    await program(body("2", 2));
    assert.match(await succeed(stack.up()), /2 updated/);
    const { TagSet } = await client.send(new GetBucketTaggingCommand({ Bucket }));
    assert.deepEqual(TagSet, [{ Key: "a", Value: "2" }]);
    const lock = await client.send(new GetObjectLockConfigurationCommand({ Bucket }));
    assert.deepEqual(lock.ObjectLockConfiguration?.Rule?.DefaultRetention, { Mode: "GOVERNANCE", Days: 2 });

    await succeed(stack.destroy());
    assert.equal(await exists(), false);
  });

  it("puts back what others changed, and creates again what they deleted", async () => {
    await program(`
      const bucket = new aws.s3.Bucket("b", { bucket: name }, opts);
      const versioningConfiguration = { status: "Enabled" };
      new aws.s3.BucketVersioning("v", { bucket: bucket.bucket, versioningConfiguration }, opts);`);
    await succeed(stack.up());
    const status = async () => (await server.client.send(new GetBucketVersioningCommand({ Bucket }))).Status;
    const VersioningConfiguration = { Status: "Suspended" } as const;
    await server.client.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    assert.match(await succeed(stack.refresh()), /1 updated/);
    assert.match(await succeed(stack.up()), /1 updated/);
    assert.equal(await status(), "Enabled");

    await server.client.send(new DeleteBucketCommand({ Bucket }));
    await succeed(stack.refresh());
    assert.equal(await stack.resource(BUCKET), undefined);
    assert.match(await succeed(stack.up()), /2 created/);
    assert.equal(await status(), "Enabled");
  });

  it("names a bucket that was given none, and keeps the name", async () => {
    await stack.program(`${awsProvider(server)}
      exports.name = new aws.s3.Bucket("Store", {}, opts).bucket;`);
    await succeed(stack.up());
    const { output } = await stack.cli("stack", "output", "name");
    assert.match(output.trim(), /^store-[0-9a-f]{7}$/);
    assert.match(await succeed(stack.up()), /3 unchanged/);
  });

  it("replaces a bucket for another name, not for another tag", async () => {
    await program(`new aws.s3.Bucket("b", { bucket: name }, opts);`);
    await succeed(stack.up());
    await program(`new aws.s3.Bucket("b", { bucket: name, tags: { a: "1" } }, opts);`);
    assert.match(await succeed(stack.up()), /1 updated/);
    await program(`new aws.s3.Bucket("b", { bucket: name + "-2", tags: { a: "1" } }, opts);`);
    assert.match(await succeed(stack.up()), /1 replaced/);
    assert.equal(await exists(), false);
  });

  it("deletes a bucket with objects only by force", async () => {
    const bucket = (force: boolean) => `
      const bucket = new aws.s3.Bucket("b", { bucket: name, forceDestroy: ${force} }, opts);
      const versioningConfiguration = { status: "Enabled" };
      new aws.s3.BucketVersioning("v", { bucket: bucket.bucket, versioningConfiguration }, opts);`;
    await program(bucket(false));
    await succeed(stack.up());
    for (const Body of ["1", "2"])
      await server.client.send(new PutObjectCommand({ Bucket, Key: "a/b", Body }));
    assert.match(
      await fail(stack.destroy()),
      /deleting S3 Bucket .*StatusCode: 409.*api error BucketNotEmpty/,
    );
    assert.equal(await exists(), true);
    await program(bucket(true));
    await succeed(stack.up());
    await succeed(stack.destroy());
    assert.equal(await exists(), false);
  });

  it("does not take a bucket that exists", async () => {
    await server.client.send(new CreateBucketCommand({ Bucket }));
    await program(`new aws.s3.Bucket("b", { bucket: name }, opts);`);
    const output = await fail(stack.up());
    assert.match(output, /creating S3 Bucket .*CreateBucket.*BucketAlreadyOwnedByYou/);
    assert.equal(await stack.resource(BUCKET), undefined);
  });

  it("says so when a server does not implement something", async () => {
    await program(`
      const bucket = new aws.s3.Bucket("b", { bucket: name }, opts);
      const target = { bucket: bucket.bucket };
      new aws.s3.BucketPublicAccessBlock("p", target, opts);
      const rule = { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };
      new aws.s3.BucketServerSideEncryptionConfiguration("e", { ...target, rules: [rule] }, opts);
      const expiry = { id: "a", status: "Enabled", filter: {}, expiration: { days: 1 } };
      new aws.s3.BucketLifecycleConfiguration("l", { ...target, rules: [expiry] }, opts);`);
    // Otherwise the first failure may come before the others have begun.
    const output = await fail(stack.up("--continue-on-error"));
    for (const title of [
      "Public Access Block",
      "Server-side Encryption Configuration",
      "Lifecycle Configuration",
    ]) {
      const message = `creating S3 Bucket \\(${Bucket}\\) ${title}: operation error S3: .*StatusCode: 501.*api error NotImplemented`;
      assert.match(output, new RegExp(message));
    }
  });

  it("configures, keeps and removes everything that S3 has", async () => {
    const memory = new MemoryS3();
    const endpoint = await memory.start();
    try {
      const body = (days: number) => `
        const bucket = new aws.s3.Bucket("b", { bucket: name }, opts);
        const target = { bucket: bucket.bucket };
        new aws.s3.BucketPublicAccessBlock("p", { ...target, blockPublicAcls: true }, opts);
        new aws.s3.BucketServerSideEncryptionConfiguration("e", { ...target, rules: [{
          applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: "arn:aws:kms:k" },
          bucketKeyEnabled: true }] }, opts);
        const rule = (id, actions) => ({ id, status: "Enabled", filter: {}, ...actions });
        new aws.s3.BucketLifecycleConfiguration("l", { ...target, rules: [
          rule("a", { abortIncompleteMultipartUpload: { daysAfterInitiation: ${days} } }),
          rule("b", { noncurrentVersionExpiration: { noncurrentDays: 9 }, expiration: { expiredObjectDeleteMarker: true } }),
          rule("c", { transitions: [{ days: 30, storageClass: "STANDARD_IA" }] }) ] }, opts);`;
      await program(body(7), endpoint);
      assert.match(await succeed(stack.up()), /6 created/);
      const client = new S3Client({
        endpoint,
        region: server.region,
        credentials: server,
        forcePathStyle: true,
      });
      const { PublicAccessBlockConfiguration } = await client.send(
        new GetPublicAccessBlockCommand({ Bucket }),
      );
      assert.deepEqual(PublicAccessBlockConfiguration, {
        BlockPublicAcls: true,
        BlockPublicPolicy: false,
        IgnorePublicAcls: false,
        RestrictPublicBuckets: false,
      });
      const encryption = await client.send(new GetBucketEncryptionCommand({ Bucket }));
      assert.deepEqual(encryption.ServerSideEncryptionConfiguration?.Rules, [
        {
          ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "aws:kms", KMSMasterKeyID: "arn:aws:kms:k" },
          BucketKeyEnabled: true,
        },
      ]);
      const rules = async () =>
        (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules;
      const rule = (ID: string, actions: object) => ({
        ID,
        Status: "Enabled",
        Filter: { Prefix: "" },
        ...actions,
      });
      assert.deepEqual(await rules(), [
        rule("a", { AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } }),
        rule("b", {
          NoncurrentVersionExpiration: { NoncurrentDays: 9 },
          Expiration: { ExpiredObjectDeleteMarker: true },
        }),
        rule("c", { Transitions: [{ Days: 30, StorageClass: "STANDARD_IA" }] }),
      ]);

      assert.match(await succeed(stack.up()), /6 unchanged/);
      assert.match(await succeed(stack.refresh()), /6 unchanged/);
      await program(body(8), endpoint);
      assert.match(await succeed(stack.up()), /1 updated/);
      assert.equal((await rules())?.[0]?.AbortIncompleteMultipartUpload?.DaysAfterInitiation, 8);
      memory.changes.length = 0;
      await succeed(stack.destroy());
      assert.deepEqual(memory.changes.sort(), [
        ...["DELETE bucket", "DELETE encryption", "DELETE lifecycle", "DELETE publicAccessBlock"],
      ]);
    } finally {
      memory.stop();
    }
  });

  it("refuses what it does not cover", async () => {
    await program(`new aws.s3.Bucket("b", { bucket: name, acl: "private" }, opts);`);
    assert.match(await fail(stack.up()), /offline aws provider does not cover Bucket\.acl/);
    await program(`new aws.s3.BucketObject("o", { bucket: name }, opts);`);
    assert.match(await fail(stack.up()), /does not cover aws:s3\/bucketObject:BucketObject/);
  });
});
