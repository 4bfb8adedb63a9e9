import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { refuseUnknownArguments } from "../shared/argument-names";
import { type BackupCopy, takeBackup, type Verification } from "../shared/backup/take-backup";
import { outputsOf, withSecretPassword } from "../shared/component";
import { type DatabaseBackupArgs, databaseBackupNames } from "./args";

/**
 * A consistent backup of a whole database, taken by `pg_dump` inside the database's own container: all that `pg_dump` dumps of it,
 * also views, functions, large objects and rows in tables of extensions, with the owner and the settings of the database.
 *
 * The first `pulumi up` takes a backup. A new one is taken when what is backed up or where it goes changes, when `triggers`
 * change, once in each period of `every`, and when the last one is gone. Nothing else takes one. Only `retention` removes
 * earlier backups; deleting this resource removes none. A preview warns of what would fail the backup. All rows are dumped each
 * time. Passwords and memberships of roles, and tablespaces, are not in it.
 *
 * @example
 * new DatabaseBackup("gis", {
 *   connection: { container: "pg_spat", database: "gis" },
 *   repository: "./backups",
 * });
 */
export class DatabaseBackup extends pulumi.ComponentResource {
  static readonly argumentNames = databaseBackupNames;

  /** The command that took the backup. */
  public readonly command!: command.local.Command;
  /** Where the backup is: a folder on this machine, or `s3://bucket/prefix/name/id`. `DatabaseRestore` takes it. */
  public readonly location!: pulumi.Output<string>;
  /** Path or URL of the backup's manifest, a JSON file. */
  public readonly manifest!: pulumi.Output<string>;
  /** Last part of the location: the time, in UTC, at which the backup began. */
  public readonly backupId!: pulumi.Output<string>;
  /** When the backup began; ISO 8601, UTC. */
  public readonly createdAt!: pulumi.Output<string>;
  /** Size of all files of the backup, in bytes. */
  public readonly sizeBytes!: pulumi.Output<number>;
  /** Qualified names of the tables in the backup, as many as fit into 2 KB; the manifest lists all. */
  public readonly tables!: pulumi.Output<string[]>;
  /**
   * Shell command that makes a new database of the same server from the backup. It uses stock tools, or, for a backup in S3,
   * this package's command line.
   */
  public readonly restoreCommand!: pulumi.Output<string>;
  /** Where else the backup is, one for each of `copies`. */
  public readonly copies!: pulumi.Output<BackupCopy[]>;
  /** Versions of the backup's files by their paths, of as many as fit; undefined where the repository keeps no versions. */
  public readonly versionIds!: pulumi.Output<Record<string, string> | undefined>;
  /** What was done to prove that the backup can be restored. */
  public readonly verification!: pulumi.Output<Verification>;
  /** Ids of earlier backups that retention removed. */
  public readonly pruned!: pulumi.Output<string[]>;
  /** Why retention removed nothing, or not everything; undefined when all is well. */
  public readonly alarm!: pulumi.Output<string | undefined>;

  constructor(name: string, args: DatabaseBackupArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:DatabaseBackup", name, stored, opts);
    refuseUnknownArguments(args, databaseBackupNames, this);
    const { excludeSchemas, excludeTableData, globals } = args;
    const selection = { all: true, excludeSchemas, excludeTableData, globals };
    Object.assign(this, takeBackup(name, stored, selection, this, opts));
    this.registerOutputs(outputsOf(this));
  }
}
