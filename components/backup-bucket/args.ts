import type * as pulumi from "@pulumi/pulumi";
import type { ArgumentNames } from "../shared/argument-names";

/** What protects the backups in a bucket. Each is on unless it is left out by name. */
export const BucketProtection = {
  /** Overwritten and deleted objects stay as noncurrent versions. */
  Versioning: "versioning",
  /** What is written without naming an encryption is encrypted. */
  Encryption: "encryption",
  /** No access list and no policy can open the bucket to the public. */
  PublicAccessBlock: "publicAccessBlock",
  /** The bucket's owner owns every object; access lists have no effect. */
  OwnershipControls: "ownershipControls",
  /** Requests over plain HTTP are refused. */
  TransportPolicy: "transportPolicy",
  /** Incomplete uploads are removed, and whatever else the lifecycle arguments ask for. */
  Lifecycle: "lifecycle",
} as const;
export type BucketProtection = (typeof BucketProtection)[keyof typeof BucketProtection];

/** Who can shorten or lift the retention of a locked object. */
export const ObjectLockMode = {
  /** Whoever has the permission `s3:BypassGovernanceRetention`. */
  Governance: "GOVERNANCE",
  /** Nobody, not even the account's root user. */
  Compliance: "COMPLIANCE",
} as const;
export type ObjectLockMode = (typeof ObjectLockMode)[keyof typeof ObjectLockMode];

/** Cheaper storage classes that a backup can move to. */
export const TransitionStorageClass = {
  /** For what is read seldom; at least 30 days are paid for. */
  StandardIa: "STANDARD_IA",
  /** As `STANDARD_IA`, in one zone alone: if the zone is lost, so are the backups. */
  OneZoneIa: "ONEZONE_IA",
  /** S3 moves each object by how often it is read. */
  IntelligentTiering: "INTELLIGENT_TIERING",
  /** For what is hardly ever read, but then at once; at least 90 days are paid for. */
  GlacierInstantRetrieval: "GLACIER_IR",
  /** Cannot be read until it is restored by hand, which takes minutes to hours. */
  GlacierFlexibleRetrieval: "GLACIER",
  /** Cannot be read until it is restored by hand, which takes hours to days. */
  GlacierDeepArchive: "DEEP_ARCHIVE",
} as const;
export type TransitionStorageClass = (typeof TransitionStorageClass)[keyof typeof TransitionStorageClass];

/** A bucket that exists already. It is neither changed nor looked at. */
export interface ExistingBucketArgs {
  /** Name of the bucket. */
  name: pulumi.Input<string>;
  /**
   * Partition in the ARN of the bucket: `aws`, `aws-cn` or `aws-us-gov`.
   * @default "aws"
   */
  partition?: pulumi.Input<string>;
}

/** Moves backups to cheaper storage. Objects below 128 KB, such as manifests, stay. */
export interface TransitionArgs {
  /** Days after which objects move: 30 or more for `STANDARD_IA` and `ONEZONE_IA`, 1 or more for the others. */
  days: pulumi.Input<number>;
  /**
   * Where objects move to: `STANDARD_IA`, `ONEZONE_IA`, `INTELLIGENT_TIERING`, `GLACIER_IR`, `GLACIER` or `DEEP_ARCHIVE`. From
   * the last two, a backup has to be restored by hand in S3 before it can be verified or read.
   * @default "STANDARD_IA"
   */
  storageClass?: pulumi.Input<TransitionStorageClass>;
}

/** Keeps versions from being deleted or overwritten for some time. */
export interface ObjectLockArgs {
  /** Days, from when a version was written, up to 36500. */
  days: pulumi.Input<number>;
  /**
   * `GOVERNANCE` or `COMPLIANCE`. **Caution**: in mode `COMPLIANCE`, nobody can delete what is in the bucket before its time,
   * and it is paid for as long.
   * @default "GOVERNANCE"
   */
  mode?: pulumi.Input<ObjectLockMode>;
}

export interface BackupBucketArgs {
  /**
   * Name of the bucket that is created; unique among all of AWS. A change would make another bucket, and is refused while
   * `keepBucket` protects the present one.
   * @default the name of the component with "-bucket" and random digits
   */
  bucketName?: pulumi.Input<string>;
  /**
   * A bucket that exists already. Nothing is created: the component only gives its outputs. It goes with `prefix` and
   * `kmsKeyArn` alone. A change gives other outputs, and changes nothing in S3.
   * @default none; a bucket is created
   */
  existingBucket?: ExistingBucketArgs;
  /**
   * Start of the keys of all backups, such as `cbm/prod`. The three access policies are narrowed to it; the protections of
   * the bucket and its lifecycle hold for all keys. A change updates the policies.
   * @default none; the policies cover the whole bucket
   */
  prefix?: pulumi.Input<string>;
  /**
   * ARN of the KMS key that encrypts new objects, with a bucket key that keeps KMS requests few. A change holds for objects
   * that are written from then on; earlier ones stay encrypted with their key.
   * @default none; SSE-S3, keys managed by S3
   */
  kmsKeyArn?: pulumi.Input<string>;
  /**
   * Days after which an upload that was begun but never completed is removed. A change is an update.
   * @default 7
   */
  abortIncompleteUploadsDays?: pulumi.Input<number>;
  /**
   * Days after which a version that was overwritten or deleted is removed for good. This frees the space of pruned backups, and
   * until then a deleted backup can still be brought back. A change is an update.
   * @default they are kept for ever
   */
  expireNoncurrentDays?: pulumi.Input<number>;
  /**
   * Moves backups to cheaper storage after some days. A change is an update; objects that have moved do not move back.
   * @default they do not move
   */
  transition?: TransitionArgs;
  /**
   * Turns Object Lock on: for some days after it was written, no version can be deleted or overwritten. A change holds for
   * objects that are written from then on. It can be turned on later, and never off.
   * @default no Object Lock
   */
  objectLock?: ObjectLockArgs;
  /**
   * Keeps the bucket: it and its protections are protected in the stack, and deleting the bucket from the stack leaves it in
   * S3 as it is. With `false`, `pulumi destroy` deletes the bucket if it is empty, and fails if it is not.
   * @default true
   */
  keepBucket?: boolean;
  /**
   * Tags of the bucket. A change is an update.
   * @default none
   */
  tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Protections to leave out, because an S3-compatible server does not implement them. Such a server answers
   * `NotImplemented`, and the error names the resource. On AWS, leave none out. Leaving one out that is in place is refused
   * while `keepBucket` protects it.
   * @default none
   */
  withoutProtections?: BucketProtection[];
}

export const backupBucketNames: ArgumentNames<BackupBucketArgs> = {
  bucketName: "string",
  existingBucket: { name: "string", partition: "string" } satisfies ArgumentNames<ExistingBucketArgs>,
  prefix: "string",
  kmsKeyArn: "string",
  abortIncompleteUploadsDays: "number",
  expireNoncurrentDays: "number",
  transition: { days: "number", storageClass: "string" } satisfies ArgumentNames<TransitionArgs>,
  objectLock: { days: "number", mode: "string" } satisfies ArgumentNames<ObjectLockArgs>,
  keepBucket: "boolean",
  tags: "object",
  withoutProtections: "object",
};
