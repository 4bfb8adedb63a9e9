import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkedArgs, wrongArgument } from "../shared/check";
import { childOptions, outputsOf } from "../shared/component";
import { type BackupBucketArgs, backupBucketNames } from "./args";
import { BucketArguments, conflict } from "./arguments";
import { backupPolicy, type PolicyScope, prunePolicy, restorePolicy } from "./policies";
import { type BucketProtections, protectBucket } from "./protections";

/**
 * A bucket for backups in S3, or in an S3-compatible server: versioned, encrypted, closed to the public and to plain HTTP,
 * and kept when the stack goes. Or a bucket that exists already, as it is.
 *
 * The outputs name it, and give three access policies with the least that the runner needs, to be attached to whoever takes,
 * prunes or restores backups.
 *
 * @example
 * const bucket = new BackupBucket("backups", { prefix: "cbm", expireNoncurrentDays: 30 });
 * new TableBackup("cbm", { connection, tables, repository: bucket.repository });
 * new aws.iam.RolePolicy("backup", { role, policy: bucket.backupPolicy });
 */
export class BackupBucket extends pulumi.ComponentResource {
  static readonly argumentNames = backupBucketNames;

  /** The bucket that was created; undefined for one that exists already. */
  public readonly bucket?: s3.Bucket;
  /** What protects the bucket that was created. */
  public readonly protections: BucketProtections = {};
  /** Where backups go, as `s3://bucket/prefix`: the `repository` of a `TableBackup`. */
  public readonly repository: pulumi.Output<string>;
  /** Name of the bucket; known to others only when everything that protects it is in place. */
  public readonly bucketName: pulumi.Output<string>;
  /** ARN of the bucket. */
  public readonly arn: pulumi.Output<string>;
  /** Region of the bucket that was created; undefined for one that exists already. */
  public readonly region: pulumi.Output<string | undefined>;
  /** IAM policy that lets the runner write backups and read them back, and delete nothing; a JSON document. */
  public readonly backupPolicy: pulumi.Output<string>;
  /** IAM policy that lets the runner delete backups, but no version of them for good; a JSON document. */
  public readonly prunePolicy: pulumi.Output<string>;
  /** IAM policy that lets the runner list and read backups; a JSON document. */
  public readonly restorePolicy: pulumi.Output<string>;

  constructor(name: string, args: BackupBucketArgs = {}, opts?: pulumi.ComponentResourceOptions) {
    super("postgis-backup:index:BackupBucket", name, args, opts);
    refuseUnknownArguments(args, backupBucketNames, this);
    const checked = checkedArgs(BucketArguments, args, this);
    const problem = conflict(args);
    if (problem !== undefined) throw wrongArgument(`${problem.property}: ${problem.reason}`, this);

    if (checked.existingBucket !== undefined) {
      const { name: bucketName, partition = "aws" } = checked.existingBucket;
      this.bucketName = pulumi.output(bucketName);
      this.arn = pulumi.interpolate`arn:${partition}:s3:::${bucketName}`;
      this.region = pulumi.output(undefined);
    } else {
      // Absent where the bucket is not kept, so that they do not override the options of the parent.
      const kept = (checked.keepBucket ?? true) ? { protect: true, retainOnDelete: true } : {};
      const options = { ...childOptions(this, opts), ...kept };
      this.bucket = new s3.Bucket(
        `${name}-bucket`,
        {
          ...(checked.bucketName === undefined ? {} : { bucket: checked.bucketName }),
          ...(checked.objectLock === undefined ? {} : { objectLockEnabled: true }),
          ...(checked.tags === undefined ? {} : { tags: checked.tags }),
        },
        // Object Lock can be added later by its own configuration; a change here would replace the bucket.
        { ...options, ignoreChanges: ["objectLockEnabled"] },
      );
      this.protections = protectBucket(name, this.bucket, checked, {
        ...options,
        // Kept with the bucket: a bucket that outlives the stack stays protected.
        ...{ retainOnDelete: undefined, deletedWith: this.bucket },
      });
      const ready = Object.values(this.protections)
        .filter((setting) => setting !== undefined)
        .map((setting: { bucket: pulumi.Output<string> }) => setting.bucket);
      this.bucketName = pulumi.all([this.bucket.bucket, ready]).apply(([bucketName]) => bucketName);
      this.arn = this.bucket.arn;
      this.region = this.bucket.region;
    }

    const { prefix, kmsKeyArn } = checked;
    this.repository = pulumi
      .all([this.bucketName, prefix])
      .apply(([bucketName, start]) =>
        ["s3:/", bucketName, ...(start === undefined ? [] : [start])].join("/"),
      );
    const scope: pulumi.Output<PolicyScope> = pulumi.output({ arn: this.arn, prefix, kmsKeyArn });
    this.backupPolicy = scope.apply(backupPolicy);
    this.prunePolicy = scope.apply(prunePolicy);
    this.restorePolicy = scope.apply(restorePolicy);
    this.registerOutputs(outputsOf(this));
  }
}
