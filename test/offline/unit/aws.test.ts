import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { fromApi, toApi } from "../../../offline/aws/api-names";
import { bucketResource } from "../../../offline/aws/bucket";
import { connect } from "../../../offline/aws/connection";
import { S3Error } from "../../../offline/aws/s3-error";
import { settingResource } from "../../../offline/aws/setting";
import { lifecycle, policy } from "../../../offline/aws/settings";
import { objectLock } from "../../../offline/aws/versioning";
import type { Properties } from "../../../offline/provider/value";

const skips = { skipCredentialsValidation: "true", skipRequestingAccountId: "true" };
const config = { region: "eu-central-1", ...skips };
const OPERATION = { name: "Store", oldInputs: undefined, randomSeed: Buffer.from("seed") };

const noServer = (): never => {
  throw new Error("no server is needed");
};
const bucket = bucketResource(noServer);

describe("offline aws: configuration", () => {
  it("takes the region, the endpoint and the keys", async () => {
    const { region, s3 } = connect(
      {
        ...config,
        accessKey: "a",
        secretKey: "b",
        token: "c",
        endpoints: '[{"s3":"http://127.0.0.1:1/base"},{"s3control":"http://127.0.0.1:2"}]',
        s3UsePathStyle: "true",
        maxRetries: "2",
      },
      {},
    );
    const client = s3(region);
    assert.equal(s3(region), client);
    assert.notEqual(s3("us-east-1"), client);
    assert.equal(await client.config.region(), "eu-central-1");
    assert.equal((await client.config.endpoint?.())?.hostname, "127.0.0.1");
    assert.equal(client.config.forcePathStyle, true);
    assert.equal(await client.config.maxAttempts(), 2);
    const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
    assert.deepEqual([accessKeyId, secretAccessKey, sessionToken], ["a", "b", "c"]);
  });

  it("finds the region in the environment, and fails without one", () => {
    assert.equal(connect(skips, { AWS_DEFAULT_REGION: "x" }).region, "x");
    assert.equal(connect(skips, { AWS_REGION: "y", AWS_DEFAULT_REGION: "x" }).region, "y");
    assert.throws(() => connect(skips, {}), /Missing region configuration/);
  });

  it("refuses what would need other services than S3", () => {
    for (const key of Object.keys(skips))
      assert.throws(() => connect({ ...config, [key]: "false" }, {}), new RegExp(`set ${key} to true`));
    assert.throws(
      () => connect({ ...config, endpoints: '[{"iam":"http://p"}]' }, {}),
      /does not cover endpoints\.iam/,
    );
  });
});

describe("offline aws: resources", () => {
  const changes = (resource: typeof bucket, before: Properties, after: Properties): string[] => {
    const checked = (inputs: Properties) => resource.check(inputs, OPERATION).inputs;
    const { changes: found } = resource.diff(checked(before), checked(before), checked(after));
    return found.map(({ path, kind, replace }) => `${kind} ${path}${replace ? " replace" : ""}`);
  };

  it("names a bucket in lower case", () => {
    assert.match(bucket.check({}, OPERATION).inputs["bucket"] as string, /^store-[0-9a-f]{7}$/);
  });

  it("replaces a bucket for what S3 cannot change", () => {
    assert.deepEqual(changes(bucket, { bucket: "a" }, { bucket: "b" }), ["update bucket replace"]);
    assert.deepEqual(changes(bucket, { bucket: "a" }, { bucket: "a", objectLockEnabled: true }), [
      "add objectLockEnabled replace",
    ]);
    assert.deepEqual(changes(bucket, { bucket: "a" }, { bucket: "a", tags: { x: "1" } }), ["add tags"]);
    assert.deepEqual(changes(bucket, { bucket: "a", objectLockEnabled: true }, { bucket: "a" }), []);
  });

  it("deletes a bucket before its replacement only if that takes its name", () => {
    const replaced = (before: Properties, after: Properties) =>
      bucket.diff(before, before, bucket.check(after, { ...OPERATION, oldInputs: before }).inputs)
        .deleteBeforeReplace;
    assert.equal(replaced({ bucket: "a" }, { bucket: "a", objectLockEnabled: true }), true);
    assert.equal(replaced({ bucket: "a" }, { bucket: "b" }), false);
    assert.equal(replaced({ bucket: "a", __defaults: ["bucket"] }, {}), false);
  });

  it("replaces a setting for another bucket", () => {
    const resource = settingResource(objectLock, noServer);
    const rule = (days: number) => ({ defaultRetention: { mode: "GOVERNANCE", days } });
    assert.deepEqual(changes(resource, { bucket: "a", rule: rule(1) }, { bucket: "b", rule: rule(2) }), [
      "update bucket replace",
      "update rule",
    ]);
  });

  it("sees no change between policies that mean the same", () => {
    const resource = settingResource(policy, noServer);
    const one = { Version: "2012-10-17", Statement: [{ Action: ["a", "b"], Resource: "r", Effect: "Deny" }] };
    const same = {
      Statement: { Effect: "Deny", Resource: ["r"], Action: ["b", "a"] },
      Version: "2012-10-17",
    };
    const other = { Statement: { Effect: "Deny", Resource: ["r"], Action: ["b"] }, Version: "2012-10-17" };
    const inputs = (document: object) => ({ bucket: "a", policy: JSON.stringify(document) });
    assert.deepEqual(changes(resource, inputs(one), inputs(same)), []);
    assert.deepEqual(changes(resource, inputs(one), inputs(other)), ["update policy"]);
  });

  it("refuses values that S3 refuses, and what it does not cover, at any depth", () => {
    const failures = (inputs: Properties) =>
      settingResource(lifecycle, noServer)
        .check({ bucket: "a", ...inputs }, OPERATION)
        .failures.map(({ property, reason }) => `${property}: ${reason}`);
    const rule = { id: "a", status: "Enabled" };
    assert.deepEqual(failures({ rules: [{ ...rule, filter: { tag: { key: "k", value: "v" } } }] }), [
      "rules.filter.tag: offline aws provider does not cover BucketLifecycleConfiguration.rules.filter.tag",
    ]);
    assert.deepEqual(failures({ rules: [{ ...rule, status: "On" }] }), [
      'rules.status: "On" does not match ^(Enabled|Disabled)$',
    ]);
    assert.deepEqual(failures({}), ["rules: is required"]);
    const text = settingResource(policy, noServer).check({ bucket: "a", policy: "none" }, OPERATION);
    assert.match(text.failures[0]?.reason ?? "", /"none" does not match/);
  });
});

describe("offline aws: names and errors", () => {
  it("translates names there and back", () => {
    const inputs = {
      id: "a",
      sseAlgorithm: "x",
      kmsMasterKeyId: "k",
      noncurrentDays: 1,
      list: [{ a: true }],
    };
    const api = { ID: "a", SSEAlgorithm: "x", KMSMasterKeyID: "k", NoncurrentDays: 1, List: [{ A: true }] };
    assert.deepEqual(toApi({ ...inputs, __defaults: [] }), api);
    assert.deepEqual(fromApi({ ...api, Gone: undefined }), inputs);
  });

  it("words errors as the official provider does", () => {
    const answer = {
      name: "NoSuchBucket",
      message: "It is gone.",
      $metadata: { httpStatusCode: 404, requestId: "R", extendedRequestId: "H" },
    };
    const error = new S3Error("PutBucketPolicy", answer);
    assert.equal(
      error.message,
      "operation error S3: PutBucketPolicy, https response error StatusCode: 404, RequestID: R, HostID: H, " +
        "api error NoSuchBucket: It is gone.",
    );
    assert.equal(error.code, "NoSuchBucket");
    const unsent = new S3Error("HeadBucket", {
      name: "Error",
      message: "connect ECONNREFUSED",
      $metadata: {},
    });
    assert.equal(unsent.message, "operation error S3: HeadBucket, request send failed, connect ECONNREFUSED");
    assert.equal(unsent.code, undefined);
  });
});
