import * as s3 from "@pulumi/aws/s3";
import type { input } from "@pulumi/aws/types";
import type * as pulumi from "@pulumi/pulumi";
import { type BackupBucketArgs, BucketProtection, ObjectLockMode } from "./args";
import { lifecycleRules } from "./lifecycle";
import { transportPolicy } from "./policies";

/** A resource that configures one thing of a bucket. */
type Setting = pulumi.CustomResource & { readonly bucket: pulumi.Output<string> };

/** Declares everything that protects a bucket and is not left out. */
export function protectBucket(
  name: string,
  bucket: s3.Bucket,
  args: BackupBucketArgs,
  opts: pulumi.CustomResourceOptions,
): Setting[] {
  const settings: Setting[] = [];
  /** S3 refuses two changes of these at a time, and some need what others set: each waits for those before it. */
  const declare = (suffix: string, create: (name: string, opts: pulumi.CustomResourceOptions) => Setting) => {
    settings.push(create(`${name}-${suffix}`, { ...opts, dependsOn: [...settings] }));
  };
  const wanted = (protection: BucketProtection) => !args.withoutProtections?.includes(protection);
  const target = { bucket: bucket.bucket };

  if (wanted(BucketProtection.PublicAccessBlock))
    declare("public-access-block", (child, childOpts) => {
      const all = {
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      };
      return new s3.BucketPublicAccessBlock(child, { ...target, ...all }, childOpts);
    });
  if (wanted(BucketProtection.OwnershipControls))
    declare("ownership-controls", (child, childOpts) => {
      const rule = { objectOwnership: "BucketOwnerEnforced" };
      return new s3.BucketOwnershipControls(child, { ...target, rule }, childOpts);
    });
  if (wanted(BucketProtection.TransportPolicy))
    declare("policy", (child, childOpts) => {
      const policy = bucket.arn.apply(transportPolicy);
      return new s3.BucketPolicy(child, { ...target, policy }, childOpts);
    });
  if (wanted(BucketProtection.Encryption))
    declare("encryption", (child, childOpts) => {
      const rules = [encryptionRule(args.kmsKeyArn)];
      return new s3.BucketServerSideEncryptionConfiguration(child, { ...target, rules }, childOpts);
    });
  if (wanted(BucketProtection.Versioning))
    declare("versioning", (child, childOpts) => {
      const versioningConfiguration = { status: "Enabled" };
      return new s3.BucketVersioning(child, { ...target, versioningConfiguration }, childOpts);
    });
  const { objectLockDays: days } = args;
  if (days !== undefined)
    declare("object-lock", (child, childOpts) => {
      const rule = { defaultRetention: { mode: args.objectLockMode ?? ObjectLockMode.Governance, days } };
      return new s3.BucketObjectLockConfiguration(child, { ...target, rule }, childOpts);
    });
  if (wanted(BucketProtection.Lifecycle))
    declare("lifecycle", (child, childOpts) => {
      const rules = lifecycleRules(args);
      return new s3.BucketLifecycleConfiguration(child, { ...target, rules }, childOpts);
    });
  return settings;
}

function encryptionRule(
  kmsMasterKeyId: pulumi.Input<string> | undefined,
): input.s3.BucketServerSideEncryptionConfigurationRule {
  if (kmsMasterKeyId === undefined) return { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } };
  return {
    applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId },
    bucketKeyEnabled: true,
  };
}
