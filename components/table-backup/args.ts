import type * as pulumi from "@pulumi/pulumi";
import type { PostgisConnectionArgs } from "../shared/connection";
import type { ArchiveFormat, MissingReferences, NotCarried, VerifyLevel } from "../../runner/request";
import type { S3SettingsArgs } from "../shared/s3-settings";

/** Which backups of a name are kept. The rules mean what they mean in restic. */
export interface RetentionArgs {
  /**
   * Number of newest backups to keep.
   * @default no such rule
   */
  keepLast?: pulumi.Input<number>;
  /**
   * Keep the newest backup of each of this many days (UTC) that have one.
   * @default no such rule
   */
  keepDaily?: pulumi.Input<number>;
  /**
   * Keep the newest backup of each of this many weeks, from Monday, that have one.
   * @default no such rule
   */
  keepWeekly?: pulumi.Input<number>;
  /**
   * Keep the newest backup of each of this many months that have one.
   * @default no such rule
   */
  keepMonthly?: pulumi.Input<number>;
  /**
   * Keep the newest backup of each of this many years that have one.
   * @default no such rule
   */
  keepYearly?: pulumi.Input<number>;
  /**
   * Remove nothing, and set the output `alarm`, if the new backup is smaller than this share of the one before, such as 0.5.
   * @default no such check
   */
  minSizeRatio?: pulumi.Input<number>;
}

export interface TableBackupArgs {
  /**
   * Where the tables are: the `connection` of a `PostgisContainer`, or the name of a container that runs already, as
   * `{ container: "pg_spat" }`. Another container or database is a new backup; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user, needed only where the server asks for one on the container's loopback interface; the official
   * images do not. A change takes no new backup.
   */
  password?: pulumi.Input<string>;
  /**
   * Tables, backed up together from one snapshot: `table`, `schema.table`, or patterns with `*` and `?`. Case-sensitive;
   * partitions come with their parents. A name that matches nothing fails the backup. A change is a new backup.
   */
  tables: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Tables or patterns to leave out. A change is a new backup.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Folder on this machine that holds the backups; relative to the program. For the directory format it must lie in a
   * folder that is mounted in the container. A change is a new backup; earlier ones stay where they are.
   * @default none; the backup goes straight into `bucket`
   */
  directory?: pulumi.Input<string>;
  /**
   * Name of an S3 bucket that exists, such as the `bucketName` of a `BackupBucket`. Without `directory`, the archive is
   * streamed into it, and nothing of it is on a disk of this machine; that goes with the formats `custom` and `plain`. With
   * `directory`, the backup is written there, verified, and then uploaded. A change is a new backup; earlier ones stay where
   * they are.
   * @default none; the backup stays in `directory`
   */
  bucket?: pulumi.Input<string>;
  /**
   * Start of the keys in the bucket, such as `cbm/prod`. A change is a new backup.
   * @default none
   */
  prefix?: pulumi.Input<string>;
  /**
   * How the S3 server of the bucket is spoken to. Another `endpoint` is a new backup.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Keeps the copy in `directory` once the backup is in the bucket. If the upload fails, that copy is kept, complete, and the
   * error says how to send it later. With `false`, nothing is kept then. A change takes no new backup.
   * @default true
   */
  keepLocal?: pulumi.Input<boolean>;
  /**
   * Bytes that are sent to the bucket in a second, at most. A change takes no new backup.
   * @default no limit
   */
  uploadLimit?: pulumi.Input<number>;
  /**
   * Name of this series of backups, a folder under `directory` and under the prefix in the bucket. A change is a new backup.
   * @default the name of the component
   */
  backupName?: pulumi.Input<string>;
  /**
   * Archive format: `directory`, `custom` or `plain`. A change is a new backup.
   * @default "directory", or "custom" with a bucket and no `directory`
   */
  format?: pulumi.Input<ArchiveFormat>;
  /**
   * Parallel `pg_dump` workers, 1 to 64; only the directory format uses more than one. A change takes no new backup.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Bytes of a table, without its indexes, from which on all workers dump it together, where there are at least three of
   * them; 0 for never. Only in the directory format, from PostgreSQL 14 on; the archive holds the same either way. A
   * change takes no new backup.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * `zstd`, `gzip`, `lz4`, with an optional level such as `zstd:1`, or `none`. zstd and lz4 need PostgreSQL 16. A change
   * is a new backup.
   * @default "zstd:1", or "gzip:1" below PostgreSQL 16
   */
  compression?: pulumi.Input<string>;
  /**
   * What happens when a foreign key refers to a table that is not selected: `fail`, `add` that table, or `accept` the loss
   * of the relation; a table that others inherit from is never left out by `accept`. A change is a new backup.
   * @default "fail"
   */
  missingReferences?: pulumi.Input<MissingReferences>;
  /**
   * Content that belongs to the tables but is in no dump of them, and that the backup may be taken without:
   * `large-objects` that a column refers to, `raster-files` outside the database, `topologies`, and `extension-rows`, rows
   * of extensions that the tables need. Otherwise it is an error. A change is a new backup.
   * @default none
   */
  accept?: pulumi.Input<pulumi.Input<NotCarried>[]>;
  /**
   * Relations that no foreign key declares, such as `roi2020_S2_signatures.pid -> parcel_set.ogc_fid`. Rows that refer to
   * nothing are counted in the same snapshot, and the manifest records how many. A change takes no new backup.
   * @default none
   */
  logicalForeignKeys?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * More such rows than this in any of the relations fail the backup. A change takes no new backup.
   * @default no limit
   */
  maxOrphans?: pulumi.Input<number>;
  /**
   * Seconds to wait for a table that somebody else has locked; then the backup fails and names who. A change takes no new
   * backup.
   * @default 60
   */
  lockTimeout?: pulumi.Input<number>;
  /**
   * How much is done to prove that the archive can be restored: `none`; `archive`, which reads it back to its end; or
   * `restore`, which restores it in a throwaway container of the same image and compares what is there with what was
   * dumped. A change takes no new backup.
   * @default "archive"
   */
  verify?: pulumi.Input<VerifyLevel>;
  /**
   * Which earlier backups are kept. As soon as one of the `keep…` rules is given, earlier backups that no rule keeps are removed
   * after a new backup is verified. The newest good backup and those marked by `postgis-backup keep` always stay. A change acts
   * with the next backup.
   * @default every backup is kept
   */
  retention?: pulumi.Input<RetentionArgs>;
  /**
   * Permissions of the backup's files in a folder, in octal; its folders can be entered by whoever may read. A change acts with the
   * next backup.
   * @default "0600"
   */
  fileMode?: pulumi.Input<string>;
  /**
   * Any values; a change of one of them is a new backup.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Takes a new backup at the first `pulumi up` of every such period, such as `24h` or `7d`. Periods are counted from
   * 1970-01-01T00:00Z, so that `24h` begins at midnight UTC.
   * @default never by time
   */
  every?: pulumi.Input<string>;
}
