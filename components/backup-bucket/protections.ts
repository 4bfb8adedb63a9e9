import * as s3 from "@pulumi/aws/s3";
import type { input } from "@pulumi/aws/types";
import type * as pulumi from "@pulumi/pulumi";
import { type BackupBucketArgs, BucketProtection, ObjectLockMode } from "./args";
import { lifecycleRules } from "./lifecycle";
import { transportPolicy } from "./policies";

/** The resources that protect a bucket; those that were left out are undefined. */
export interface BucketProtections {
  /** Closes the bucket to the public. */
  publicAccessBlock?: s3.BucketPublicAccessBlock;
  /** Makes the bucket's owner the owner of every object. */
  ownershipControls?: s3.BucketOwnershipControls;
  /** Refuses requests over plain HTTP. */
  policy?: s3.BucketPolicy;
  /** Encrypts new objects. */
  encryption?: s3.BucketServerSideEncryptionConfiguration;
  /** Keeps what is overwritten or deleted. */
  versioning?: s3.BucketVersioning;
  /** Keeps versions from being deleted for some time. */
  objectLock?: s3.BucketObjectLockConfiguration;
  /** Removes incomplete uploads, and does what else the arguments ask for. */
  lifecycle?: s3.BucketLifecycleConfiguration;
}

type Options = Omit<pulumi.CustomResourceOptions, "dependsOn"> & {
  readonly dependsOn: pulumi.Input<pulumi.Resource>[];
};

/** Declares everything that protects a bucket and is not left out. */
export function protectBucket(
  name: string,
  bucket: s3.Bucket,
  args: BackupBucketArgs,
  opts: Options,
): BucketProtections {
  const before = [...opts.dependsOn];
  /** S3 refuses two of these changes at the same time, and some need others, so each waits for those before it. */
  const declare = <R extends pulumi.Resource>(
    suffix: string,
    create: (name: string, opts: pulumi.CustomResourceOptions) => R,
    isWanted: boolean,
  ): R | undefined => {
    if (!isWanted) return undefined;
    const made = create(`${name}-${suffix}`, { ...opts, dependsOn: [...before] });
    before.push(made);
    return made;
  };
  const wanted = (protection: BucketProtection) => !(args.withoutProtections?.includes(protection) ?? false);
  const target = { bucket: bucket.bucket };

  return {
    publicAccessBlock: declare(
      "public-access-block",
      (child, childOpts) => {
        const all = {
          blockPublicAcls: true,
          blockPublicPolicy: true,
          ignorePublicAcls: true,
          restrictPublicBuckets: true,
        };
        return new s3.BucketPublicAccessBlock(child, { ...target, ...all }, childOpts);
      },
      wanted(BucketProtection.PublicAccessBlock),
    ),
    ownershipControls: declare(
      "ownership-controls",
      (child, childOpts) => {
        const rule = { objectOwnership: "BucketOwnerEnforced" };
        return new s3.BucketOwnershipControls(child, { ...target, rule }, childOpts);
      },
      wanted(BucketProtection.OwnershipControls),
    ),
    policy: declare(
      "policy",
      (child, childOpts) => {
        const policy = bucket.arn.apply(transportPolicy);
        return new s3.BucketPolicy(child, { ...target, policy }, childOpts);
      },
      wanted(BucketProtection.TransportPolicy),
    ),
    encryption: declare(
      "encryption",
      (child, childOpts) => {
        const rules = [encryptionRule(args.kmsKeyArn)];
        return new s3.BucketServerSideEncryptionConfiguration(child, { ...target, rules }, childOpts);
      },
      wanted(BucketProtection.Encryption),
    ),
    versioning: declare(
      "versioning",
      (child, childOpts) => {
        const versioningConfiguration = { status: "Enabled" };
        return new s3.BucketVersioning(child, { ...target, versioningConfiguration }, childOpts);
      },
      wanted(BucketProtection.Versioning),
    ),
    objectLock: declare(
      "object-lock",
      (child, childOpts) => {
        const { days, mode = ObjectLockMode.Governance } = args.objectLock ?? {};
        const rule = { defaultRetention: { mode, days } };
        return new s3.BucketObjectLockConfiguration(child, { ...target, rule }, childOpts);
      },
      args.objectLock !== undefined,
    ),
    lifecycle: declare(
      "lifecycle",
      (child, childOpts) => {
        const rules = lifecycleRules(args);
        return new s3.BucketLifecycleConfiguration(child, { ...target, rules }, childOpts);
      },
      wanted(BucketProtection.Lifecycle),
    ),
  };
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
