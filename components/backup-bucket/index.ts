import * as s3 from "@pulumi/aws/s3";
import * as pulumi from "@pulumi/pulumi";
import { backupBucketNames } from "../shared/argument-names";
import type { BackupBucketArgs } from "./args";
import { BucketArguments, conflict } from "./arguments";
import { backupPolicy, type PolicyScope, prunePolicy, restorePolicy } from "./policies";
import { protectBucket } from "./protections";
import { checkedArgs, wrongArgument } from "../shared/check";
import { refuseUnknownArguments } from "../shared/known-names";

/**
 * A bucket for backups in S3, or in an S3-compatible server: versioned, encrypted, closed to the public and to plain HTTP,
 * and kept when the stack goes. Or a bucket that exists already, as it is.
 *
 * The outputs name it, and give three access policies with the least that the runner needs, to be attached to whoever takes,
 * prunes or restores backups.
 *
 * @example
 * const bucket = new BackupBucket("backups", { prefix: "cbm", expireNoncurrentDays: 30 });
 * new aws.iam.RolePolicy("backup", { role, policy: bucket.backupPolicy });
 */
export class BackupBucket extends pulumi.ComponentResource {
  /** Name of the bucket; known to others only when everything that protects it is in place. */
  public readonly bucketName: pulumi.Output<string>;
  /** ARN of the bucket. */
  public readonly arn: pulumi.Output<string>;
  /** Region of a bucket that was created here. */
  public readonly region?: pulumi.Output<string>;
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
      this.bucketName = pulumi.output(checked.existingBucket);
      this.arn = pulumi.interpolate`arn:${checked.partition ?? "aws"}:s3:::${this.bucketName}`;
    } else {
      const protect = checked.keepBucket ?? true;
      const bucket = new s3.Bucket(
        `${name}-bucket`,
        {
          ...(checked.bucketName === undefined ? {} : { bucket: checked.bucketName }),
          ...(checked.objectLockDays === undefined ? {} : { objectLockEnabled: true }),
          ...(checked.tags === undefined ? {} : { tags: checked.tags }),
        },
        // A bucket can be given Object Lock later, by its configuration; a change here would ask for another bucket.
        { parent: this, protect, retainOnDelete: protect, ignoreChanges: ["objectLockEnabled"] },
      );
      // Deleted with the bucket, not before it: what is kept stays protected.
      const settings = protectBucket(name, bucket, checked, { parent: this, protect, deletedWith: bucket });
      this.bucketName = pulumi
        .all([bucket.bucket, pulumi.all(settings.map((setting) => setting.bucket))])
        .apply(([bucketName]) => bucketName);
      this.arn = bucket.arn;
      this.region = bucket.region;
    }

    const { prefix, kmsKeyArn } = checked;
    const scope: pulumi.Output<PolicyScope> = pulumi.output({ arn: this.arn, prefix, kmsKeyArn });
    this.backupPolicy = scope.apply(backupPolicy);
    this.prunePolicy = scope.apply(prunePolicy);
    this.restorePolicy = scope.apply(restorePolicy);
    this.registerOutputs({
      bucketName: this.bucketName,
      arn: this.arn,
      ...(this.region === undefined ? {} : { region: this.region }),
      backupPolicy: this.backupPolicy,
      prunePolicy: this.prunePolicy,
      restorePolicy: this.restorePolicy,
    });
  }
}
