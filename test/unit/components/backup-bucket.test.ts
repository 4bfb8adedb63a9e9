import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { BackupBucket, type BackupBucketArgs, BucketProtection } from "../../../components";
import { settled, startMocks, unknownOutput, valueOf } from "./mocks";

const arn = "arn:aws:s3:::store";
const kmsKeyArn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd";
const outputs = { "aws:s3/bucket:Bucket": { arn, bucket: "store", region: "eu-central-1" } };

/** Declares a bucket; what was registered, and with which options. */
async function declare(
  given?: BackupBucketArgs | (() => BackupBucketArgs),
  mocks: Parameters<typeof startMocks>[0] = { outputs },
) {
  const registered = await startMocks(mocks);
  const args = typeof given === "function" ? given() : given;
  const options: Record<string, pulumi.CustomResourceOptions> = {};
  const component = new BackupBucket("b", args, {
    transformations: [
      ({ name, opts }) => {
        options[name] = opts;
        return undefined;
      },
    ],
  });
  await settled();
  const names = registered.map(({ type, name }) => `${name} ${type}`).sort();
  const inputs = (name: string) => registered.find((resource) => resource.name === name)?.inputs;
  return { component, names, inputs, options };
}

const parsed = async (policy: pulumi.Output<string>): Promise<unknown> =>
  JSON.parse((await valueOf(policy)) ?? "null");

function statement(Sid: string, Action: unknown, Resource: string, Condition?: object) {
  return { Sid, Effect: "Allow", Action, Resource, ...(Condition === undefined ? {} : { Condition }) };
}

const version = "2012-10-17";

describe("BackupBucket", () => {
  it("declares a bucket with every protection, and no more", async () => {
    const { names, inputs } = await declare();
    assert.deepEqual(names, [
      "b postgis-backup:index:BackupBucket",
      "b-bucket aws:s3/bucket:Bucket",
      "b-encryption aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
      "b-lifecycle aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
      "b-ownership-controls aws:s3/bucketOwnershipControls:BucketOwnershipControls",
      "b-policy aws:s3/bucketPolicy:BucketPolicy",
      "b-public-access-block aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
      "b-versioning aws:s3/bucketVersioning:BucketVersioning",
    ]);
    const bucket = "store";
    assert.deepEqual(inputs("b-bucket"), {});
    assert.deepEqual(inputs("b-encryption"), {
      bucket,
      rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
    });
    assert.deepEqual(inputs("b-lifecycle"), {
      bucket,
      rules: [
        {
          id: "abort-incomplete-uploads",
          status: "Enabled",
          filter: {},
          abortIncompleteMultipartUpload: { daysAfterInitiation: 7 },
        },
      ],
    });
    assert.deepEqual(inputs("b-ownership-controls"), {
      bucket,
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    assert.deepEqual(inputs("b-public-access-block"), {
      bucket,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    assert.deepEqual(inputs("b-versioning"), { bucket, versioningConfiguration: { status: "Enabled" } });
    const { policy, ...rest } = inputs("b-policy") ?? {};
    assert.deepEqual(rest, { bucket });
    assert.deepEqual(JSON.parse(String(policy)), {
      Version: version,
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
    });
  });

  it("passes every setting on", async () => {
    const { inputs, names } = await declare({
      bucketName: "store",
      kmsKeyArn,
      abortIncompleteUploadsDays: 2,
      expireNoncurrentDays: 90,
      transition: { days: 60, storageClass: "GLACIER_IR" },
      objectLock: { days: 30, mode: "COMPLIANCE" },
      tags: { team: "gis" },
    });
    assert.equal(names.length, 9);
    assert.deepEqual(inputs("b-bucket"), {
      bucket: "store",
      objectLockEnabled: true,
      tags: { team: "gis" },
    });
    assert.deepEqual(inputs("b-encryption")?.["rules"], [
      {
        applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn },
        bucketKeyEnabled: true,
      },
    ]);
    assert.deepEqual(inputs("b-object-lock"), {
      bucket: "store",
      rule: { defaultRetention: { mode: "COMPLIANCE", days: 30 } },
    });
    const rule = (id: string, actions: object) => ({ id, status: "Enabled", filter: {}, ...actions });
    assert.deepEqual(inputs("b-lifecycle")?.["rules"], [
      rule("abort-incomplete-uploads", { abortIncompleteMultipartUpload: { daysAfterInitiation: 2 } }),
      rule("expire-noncurrent-versions", {
        noncurrentVersionExpiration: { noncurrentDays: 90 },
        expiration: { expiredObjectDeleteMarker: true },
      }),
      rule("transition", { transitions: [{ days: 60, storageClass: "GLACIER_IR" }] }),
    ]);
  });

  it("has defaults for what goes with a setting", async () => {
    const { inputs } = await declare({ transition: { days: 30 }, objectLock: { days: 1 } });
    const rules = inputs("b-lifecycle")?.["rules"] as { transitions?: object[] }[];
    assert.deepEqual(rules.at(-1)?.transitions, [{ days: 30, storageClass: "STANDARD_IA" }]);
    assert.deepEqual(inputs("b-object-lock")?.["rule"], {
      defaultRetention: { mode: "GOVERNANCE", days: 1 },
    });
  });

  it("protects and keeps the bucket and all that protects it, unless told not to", async () => {
    const { options } = await declare();
    assert.equal(options["b-bucket"]?.protect, true);
    assert.equal(options["b-bucket"].retainOnDelete, true);
    const settings = Object.keys(options).filter((name) => !["b", "b-bucket"].includes(name));
    assert.equal(settings.length, 6);
    assert.ok(settings.every((name) => options[name]?.protect === true));
    assert.ok(settings.every((name) => pulumi.Resource.isInstance(options[name]?.deletedWith)));

    const { options: loose } = await declare({ keepBucket: false });
    // Not false, which would undo what a parent says.
    assert.equal(loose["b-bucket"]?.protect, undefined);
    assert.equal(loose["b-bucket"]?.retainOnDelete, undefined);
    assert.ok(settings.every((name) => loose[name] !== undefined && loose[name].protect === undefined));
  });

  it("sets one protection after the other, the policy after the public access block", async () => {
    const { options } = await declare({ objectLock: { days: 1 } });
    const order = [
      ...["b-public-access-block", "b-ownership-controls", "b-policy", "b-encryption"],
      ...["b-versioning", "b-object-lock", "b-lifecycle"],
    ];
    const counts = order.map((name) => (options[name]?.dependsOn as unknown[]).length);
    assert.deepEqual(counts, [0, 1, 2, 3, 4, 5, 6]);
  });

  it("leaves out what an S3-compatible server does not implement, and nothing else", async () => {
    const { names } = await declare({
      withoutProtections: ["publicAccessBlock", "encryption", "lifecycle"],
    });
    assert.deepEqual(
      names.map((name) => name.split(" ")[0]),
      ["b", "b-bucket", "b-ownership-controls", "b-policy", "b-versioning"],
    );
    const { names: none } = await declare({ withoutProtections: Object.values(BucketProtection) });
    assert.deepEqual(
      none.map((name) => name.split(" ")[0]),
      ["b", "b-bucket"],
    );
  });

  it("gives the name, the ARN and the region", async () => {
    const { component } = await declare();
    assert.equal(await valueOf(component.bucketName), "store");
    assert.equal(await valueOf(component.arn), arn);
    assert.equal(await valueOf(component.region), "eu-central-1");
    assert.equal(await valueOf(component.repository), "s3://store");
    assert.equal(await valueOf(component.bucket?.bucket ?? assert.fail()), "store");
  });

  it("creates nothing for a bucket that exists", async () => {
    const { component, names } = await declare({
      existingBucket: { name: "old", partition: "aws-cn" },
      prefix: "p",
    });
    assert.deepEqual(names, ["b postgis-backup:index:BackupBucket"]);
    assert.equal(await valueOf(component.bucketName), "old");
    assert.equal(await valueOf(component.arn), "arn:aws-cn:s3:::old");
    assert.equal(await valueOf(component.region), undefined);
    assert.equal(component.bucket, undefined);
    assert.equal(await valueOf(component.repository), "s3://old/p");
    assert.deepEqual(await parsed(component.restorePolicy), {
      Version: version,
      Statement: [
        statement("ListBackups", "s3:ListBucket", "arn:aws-cn:s3:::old", {
          StringLike: { "s3:prefix": "p/*" },
        }),
        statement("Backups", ["s3:GetObject"], "arn:aws-cn:s3:::old/p/*"),
      ],
    });
    const { component: plain } = await declare({ existingBucket: { name: "old" } });
    assert.equal(await valueOf(plain.arn), "arn:aws:s3:::old");
  });

  it("gives the runner no more access than each task needs", async () => {
    const { component } = await declare();
    const write = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"];
    assert.deepEqual(await parsed(component.backupPolicy), {
      Version: version,
      Statement: [statement("ListBackups", "s3:ListBucket", arn), statement("Backups", write, `${arn}/*`)],
    });
    assert.deepEqual(await parsed(component.prunePolicy), {
      Version: version,
      Statement: [
        statement("ListBackups", "s3:ListBucket", arn),
        statement(
          "Backups",
          ["s3:GetObject", "s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:DeleteObject"],
          `${arn}/*`,
        ),
      ],
    });
    assert.deepEqual(await parsed(component.restorePolicy), {
      Version: version,
      Statement: [
        statement("ListBackups", "s3:ListBucket", arn),
        statement("Backups", ["s3:GetObject"], `${arn}/*`),
      ],
    });
  });

  it("narrows the access to a prefix and to the key", async () => {
    const { component } = await declare({ prefix: "cbm/prod/", kmsKeyArn });
    const condition = { StringLike: { "s3:prefix": "cbm/prod/*" } };
    const viaS3 = { StringLike: { "kms:ViaService": "s3.*" } };
    const decrypt = statement("BackupKey", ["kms:Decrypt"], kmsKeyArn, viaS3);
    const [list, objects, key] = ((await parsed(component.backupPolicy)) as { Statement: object[] })
      .Statement;
    assert.deepEqual(list, {
      ...statement("ListBackups", "s3:ListBucket", arn),
      Condition: condition,
    });
    assert.equal((objects as { Resource: string }).Resource, `${arn}/cbm/prod/*`);
    assert.deepEqual(key, statement("BackupKey", ["kms:GenerateDataKey", "kms:Decrypt"], kmsKeyArn, viaS3));
    for (const policy of [component.prunePolicy, component.restorePolicy]) {
      const { Statement } = (await parsed(policy)) as { Statement: object[] };
      assert.deepEqual(Statement.at(-1), decrypt);
      assert.equal(Statement.length, 3);
    }
  });

  it("previews with values that are not known yet", async () => {
    const { component, names } = await declare(() => ({ kmsKeyArn: unknownOutput() }), { preview: true });
    assert.equal(names.length, 9, "with the command that the unknown value comes from");
    assert.equal(await valueOf(component.backupPolicy), undefined);
  });

  it("knows the name of the bucket in a preview if it was given", async () => {
    const { component } = await declare({ bucketName: "store" }, { preview: true });
    assert.equal(await valueOf(component.bucketName), "store");
  });

  it("refuses a wrong argument as soon as it is known", async () => {
    await startMocks({ outputs });
    const bucket = new BackupBucket("b", { existingBucket: { name: pulumi.output("Upper") } });
    await assert.rejects(valueOf(bucket.bucketName), /existingBucket\.name: .*lower-case/);
    await settled().catch(() => undefined);
  });

  for (const [name, args, message] of [
    ["a bucket name that S3 refuses", { bucketName: "Cbm_Backups" }, /^bucketName: .*lower-case/],
    ["a prefix that begins with a slash", { prefix: "/cbm" }, /^prefix: .*without a slash at the start/],
    ["a prefix with a wildcard", { prefix: "cbm/*" }, /^prefix: /],
    ["an alias for a key", { kmsKeyArn: "alias/backups" }, /^kmsKeyArn: .*ARN of a KMS key/],
    ["part of a day", { expireNoncurrentDays: 0.5 }, /^expireNoncurrentDays: .*whole number/],
    ["no day at all", { abortIncompleteUploadsDays: 0 }, /^abortIncompleteUploadsDays: .*at least 1/],
    ["an unknown mode", { objectLock: { days: 1, mode: "NONE" } }, /^objectLock\.mode: .*GOVERNANCE/],
    ["a mode without days", { objectLock: { mode: "GOVERNANCE" } }, /^objectLock\.days: /],
    ["a class without days", { transition: { storageClass: "GLACIER" } }, /^transition\.days: /],
    [
      "a move to infrequent access too early",
      { transition: { days: 7 } },
      /^transition\.days: .*30 for STANDARD_IA/,
    ],
    ["an unknown protection", { withoutProtections: ["all"] }, /^withoutProtections.0: .*versioning/],
    [
      "an unknown partition",
      { existingBucket: { name: "old", partition: "azure" } },
      /^existingBucket\.partition: .*aws-cn/,
    ],
    ["a partition of a new bucket", { partition: "aws" }, /^partition: is unknown/],
    [
      "a setting of an existing bucket",
      { existingBucket: { name: "old" }, tags: {} },
      /^tags: .*existingBucket/,
    ],
    [
      "keepBucket of an existing bucket",
      { existingBucket: { name: "old" }, keepBucket: false },
      /^keepBucket: /,
    ],
    [
      "a key without encryption",
      { kmsKeyArn, withoutProtections: ["encryption"] },
      /^kmsKeyArn: needs encryption/,
    ],
    [
      "an expiry without a lifecycle",
      { expireNoncurrentDays: 1, withoutProtections: ["lifecycle"] },
      /^expireNoncurrentDays: needs lifecycle/,
    ],
    [
      "Object Lock without versioning",
      { objectLock: { days: 1 }, withoutProtections: ["versioning"] },
      /^objectLock: needs versioning/,
    ],
  ] as const) {
    it(`refuses ${name} at once`, async () => {
      await startMocks();
      assert.throws(
        () => new BackupBucket("b", args as BackupBucketArgs),
        (error: Error) => pulumi.ResourceError.isInstance(error) && message.test(error.message),
      );
    });
  }
});
