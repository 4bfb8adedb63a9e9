import {
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutPublicAccessBlockCommand,
  type LifecycleRule,
  type OwnershipControlsRule,
  type ServerSideEncryptionRule,
  type TransitionDefaultMinimumObjectSize,
} from "@aws-sdk/client-s3";
import { isObject, type Value } from "../provider/value";
import { fromApi, toApi } from "./api-names";
import { ENCRYPTION, LIFECYCLE, OWNERSHIP_CONTROLS, POLICY, PUBLIC_ACCESS_BLOCK } from "./schema";
import type { Setting } from "./setting";

export const encryption: Setting = {
  type: "BucketServerSideEncryptionConfiguration",
  title: "Server-side Encryption Configuration",
  schema: ENCRYPTION,
  missing: "ServerSideEncryptionConfigurationNotFoundError",
  put: (s3, Bucket, inputs) => {
    const Rules = toApi(inputs["rules"]) as ServerSideEncryptionRule[];
    const ServerSideEncryptionConfiguration = { Rules };
    return s3.send(new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
  },
  get: async (s3, Bucket) => {
    const answer = await s3.send(new GetBucketEncryptionCommand({ Bucket }));
    return fromApi({ rules: answer.ServerSideEncryptionConfiguration?.Rules ?? [] });
  },
  remove: (s3, Bucket) => s3.send(new DeleteBucketEncryptionCommand({ Bucket })),
};

export const publicAccessBlock: Setting = {
  type: "BucketPublicAccessBlock",
  title: "Public Access Block",
  schema: PUBLIC_ACCESS_BLOCK,
  missing: "NoSuchPublicAccessBlockConfiguration",
  put: (s3, Bucket, { blockPublicAcls, blockPublicPolicy, ignorePublicAcls, restrictPublicBuckets }) =>
    s3.send(
      new PutPublicAccessBlockCommand({
        Bucket,
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: blockPublicAcls === true,
          BlockPublicPolicy: blockPublicPolicy === true,
          IgnorePublicAcls: ignorePublicAcls === true,
          RestrictPublicBuckets: restrictPublicBuckets === true,
        },
      }),
    ),
  get: async (s3, Bucket) => {
    const answer = await s3.send(new GetPublicAccessBlockCommand({ Bucket }));
    return answer.PublicAccessBlockConfiguration && fromApi(answer.PublicAccessBlockConfiguration);
  },
  remove: (s3, Bucket, { skipDestroy }) =>
    skipDestroy === true ? Promise.resolve() : s3.send(new DeletePublicAccessBlockCommand({ Bucket })),
};

export const ownershipControls: Setting = {
  type: "BucketOwnershipControls",
  title: "Ownership Controls",
  schema: OWNERSHIP_CONTROLS,
  missing: "OwnershipControlsNotFoundError",
  put: (s3, Bucket, inputs) => {
    const Rules = [toApi(inputs["rule"]) as OwnershipControlsRule];
    return s3.send(new PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules } }));
  },
  get: async (s3, Bucket) => {
    const answer = await s3.send(new GetBucketOwnershipControlsCommand({ Bucket }));
    return fromApi({ rule: answer.OwnershipControls?.Rules?.[0] ?? {} });
  },
  remove: (s3, Bucket) => s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket })),
};

export const policy: Setting = {
  type: "BucketPolicy",
  title: "Policy",
  schema: POLICY,
  missing: "NoSuchBucketPolicy",
  put: (s3, Bucket, inputs) =>
    s3.send(new PutBucketPolicyCommand({ Bucket, Policy: inputs["policy"] as string })),
  get: async (s3, Bucket) => {
    const { Policy } = await s3.send(new GetBucketPolicyCommand({ Bucket }));
    return Policy === undefined ? undefined : { policy: Policy };
  },
  remove: (s3, Bucket) => s3.send(new DeleteBucketPolicyCommand({ Bucket })),
};

/** S3 requires a filter in each rule. An empty filter is sent as the empty prefix. */
function withFilter(rule: Value): Value {
  if (!isObject(rule)) return rule;
  const filter = isObject(rule["filter"]) ? rule["filter"] : {};
  return { ...rule, filter: { prefix: "", ...filter } };
}

export const lifecycle: Setting = {
  type: "BucketLifecycleConfiguration",
  title: "Lifecycle Configuration",
  schema: LIFECYCLE,
  missing: "NoSuchLifecycleConfiguration",
  put: (s3, Bucket, inputs) => {
    const rules = Array.isArray(inputs["rules"]) ? inputs["rules"].map(withFilter) : [];
    const size = inputs["transitionDefaultMinimumObjectSize"] as TransitionDefaultMinimumObjectSize;
    return s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        TransitionDefaultMinimumObjectSize: size,
        LifecycleConfiguration: { Rules: toApi(rules) as LifecycleRule[] },
      }),
    );
  },
  get: async (s3, Bucket) => {
    const answer = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    // Servers other than AWS do not support the minimum size.
    const { TransitionDefaultMinimumObjectSize: size = "all_storage_classes_128K" } = answer;
    const rules = fromApi({ rules: answer.Rules ?? [] });
    return { ...rules, expectedBucketOwner: "", transitionDefaultMinimumObjectSize: size };
  },
  remove: (s3, Bucket) => s3.send(new DeleteBucketLifecycleCommand({ Bucket })),
};
