/** What backups of tables and of whole databases have in common. */
import type * as pulumi from "@pulumi/pulumi";
import type { ArchiveFormat, NotCarried, VerifyLevel } from "../../../runner/request/choices";
import type { ArgumentNames } from "../argument-names";
import { connectionNames, type PostgisConnectionArgs } from "../connection";
import { s3Names, type S3SettingsArgs } from "../s3-settings";

/** Which backups of a name are kept. The rules mean what they mean in restic. */
export interface RetentionArgs {
  /**
   * Number of newest backups to keep.
   * @default no such rule
   */
  keepLast?: pulumi.Input<number>;
  /**
   * Keeps the newest backup of each of this many days (UTC) that have one.
   * @default no such rule
   */
  keepDaily?: pulumi.Input<number>;
  /**
   * Keeps the newest backup of each of this many weeks, from Monday, that have one.
   * @default no such rule
   */
  keepWeekly?: pulumi.Input<number>;
  /**
   * Keeps the newest backup of each of this many months that have one.
   * @default no such rule
   */
  keepMonthly?: pulumi.Input<number>;
  /**
   * Keeps the newest backup of each of this many years that have one.
   * @default no such rule
   */
  keepYearly?: pulumi.Input<number>;
  /**
   * Keeps all backups that are at most this much older than the newest one, such as `30d` or `36h`.
   * @default no such rule
   */
  keepWithin?: pulumi.Input<string>;
  /**
   * Removes nothing, and sets the output `alarm`, if the new backup is smaller than this share of the one before, such as
   * 0.5.
   * @default no such check
   */
  minSizeRatio?: pulumi.Input<number>;
}

export interface BackupArgs {
  /**
   * Where the tables are: the `connection` of a `PostgisContainer`, or the name of a container that runs already, as
   * `{ container: "pg_spat" }`. Another container or database is a new backup; another user is not.
   */
  connection: pulumi.Input<PostgisConnectionArgs>;
  /**
   * Password of the user. It is needed only where the server asks for one on the container's loopback interface, which the
   * official images do not. A change takes no new backup.
   * @default none
   */
  password?: pulumi.Input<string>;
  /**
   * Where the backups are kept: a folder on this machine, such as `./backups`, or `s3://bucket/prefix`. A folder is relative to
   * the program, and must be mounted in the container for the format `directory`. In S3 it is the `repository` of a
   * `BackupBucket`, for example; the archive is streamed there, and nothing of it is on a disk of this machine. A change is a
   * new backup; earlier ones stay where they are.
   */
  repository: pulumi.Input<string>;
  /**
   * Further repositories that a complete and verified backup is copied to, such as `["s3://bucket/prefix"]`. If a
   * copy fails, the backup is kept, and the error says how to copy it later. A change is a new backup.
   * @default none
   */
  copies?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Folder on this machine in which a backup for S3 is written and verified before it is uploaded. Several files are then
   * uploaded at once, and the backup is removed from the folder afterwards. The format `directory` needs it, in a folder that
   * is mounted in the container. A change takes no new backup.
   * @default none; a backup for S3 is streamed
   */
  workDirectory?: pulumi.Input<string>;
  /**
   * How the S3 server is reached. It is refused where neither `repository` nor one of the `copies` is in S3. Another
   * `endpoint` is a new backup; any other change is not.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Name of the backups, a folder in the repository. A change is a new backup.
   * @default the name of the component
   */
  backupName?: pulumi.Input<string>;
  /**
   * Archive format: `directory`, `custom` or `plain`. A `directory` that is streamed to S3 must be compressed with zstd, or not at
   * all. A change is a new backup.
   * @default "directory", or "custom" where the backup is streamed to S3
   */
  format?: pulumi.Input<ArchiveFormat>;
  /**
   * Parallel `pg_dump` workers, 1 to 64. Only the format `directory` in a folder uses more than one. A change takes no new backup.
   * @default the number of CPUs of this machine, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Tables of at least this many bytes are dumped by all workers at once; 0 turns that off. Indexes do not count. It needs three
   * workers, the format `directory` and PostgreSQL 14; the archive is the same either way. A change takes no new backup.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * How long rows that did not change are shared with earlier backups before they are dumped anew, such as `7d` or `36h`. The backup
   * links the data file of the last one, or has S3 copy its object, instead of dumping the table again, if it proves that the table,
   * its rows and their places are the same. It needs the format `directory`, which must be named where the repository is in S3, and
   * is refused for another format and with `workDirectory`. A change takes no new backup.
   * @default none; all rows are dumped each time
   */
  fullEvery?: pulumi.Input<string>;
  /**
   * Compression: `zstd`, `gzip` or `lz4`, with an optional level such as `zstd:1`; or `none`. zstd and lz4 need PostgreSQL 16. A change is
   * a new backup.
   * @default "zstd:1", or "gzip:1" below PostgreSQL 16
   */
  compression?: pulumi.Input<string>;
  /**
   * Content that the backup may lack: `large-objects`, `raster-files`, `topologies` or `extension-rows`. No dump holds files of
   * rasters outside the database; one of tables holds no large objects that a column refers to, no topologies, and no rows of extensions
   * that the tables need. Such content is an error if it is not named here. A change is a new backup.
   * @default none
   */
  accept?: pulumi.Input<pulumi.Input<NotCarried>[]>;
  /**
   * Foreign keys that the database does not declare, such as `roi2020_S2_signatures.pid -> parcel_set.ogc_fid`. Rows that
   * refer to nothing, orphans, are counted in the same snapshot, and the manifest records how many. A change takes no new
   * backup.
   * @default none
   */
  logicalForeignKeys?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The backup fails if any of the `logicalForeignKeys` has more orphans than this. A change takes no new backup.
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
   * How each backup is verified: `none`; `archive`, which reads it back to its end; or `restore`, a restore test. That restores
   * it into a throwaway server of the same image and compares the tables with what was dumped. A change takes no new backup.
   * @default "archive"
   */
  verify?: pulumi.Input<VerifyLevel>;
  /**
   * Which earlier backups are kept. With any of the `keep…` rules, earlier backups that no rule keeps are removed after a new
   * backup is verified. The newest good backup always stays, and so do those marked by `postgis-backup keep`. A change acts
   * with the next backup.
   * @default every backup is kept
   */
  retention?: pulumi.Input<RetentionArgs>;
  /**
   * Permissions of the backup's files in a folder, in octal. Whoever may read them may enter the folders too. A change acts
   * with the next backup.
   * @default "0600"
   */
  fileMode?: pulumi.Input<string>;
  /**
   * Any values. A change of one of them is a new backup.
   * @default none
   */
  triggers?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Takes a new backup at the first `pulumi up` of every such period, such as `24h` or `7d`. Periods are counted from
   * 1970-01-01T00:00Z, so that `24h` begins at midnight UTC.
   * @default never by time
   */
  every?: pulumi.Input<string>;
  /**
   * Lets `pulumi preview` look at the server and warn of what would fail the backup. That takes up to 20 seconds. Set it to `false` where
   * previews cannot reach the Docker daemon. A change takes no new backup.
   * @default true
   */
  checkInPreview?: boolean;
}

export const retentionNames: ArgumentNames<RetentionArgs> = {
  keepLast: "number",
  keepDaily: "number",
  keepWeekly: "number",
  keepMonthly: "number",
  keepYearly: "number",
  keepWithin: "string",
  minSizeRatio: "number",
};

export const backupNames: ArgumentNames<BackupArgs> = {
  connection: connectionNames,
  password: "secret",
  repository: "string",
  copies: "object",
  workDirectory: "string",
  s3: s3Names,
  backupName: "string",
  format: "string",
  jobs: "number",
  splitTablesFrom: "number",
  fullEvery: "string",
  compression: "string",
  accept: "object",
  logicalForeignKeys: "object",
  maxOrphans: "number",
  lockTimeout: "number",
  verify: "string",
  retention: retentionNames,
  fileMode: "string",
  triggers: "object",
  every: "string",
  checkInPreview: "boolean",
};
