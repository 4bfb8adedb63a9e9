import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { refuseUnknownArguments } from "../shared/argument-names";
import { outputsOf, withSecretPassword } from "../shared/component";
import { restoreBackup } from "../shared/restore-backup";
import { type DatabaseRestoreArgs, databaseRestoreNames } from "./args";

/**
 * Makes a database from a backup of a whole database: on the same or another server, of the same or a newer version.
 *
 * The database is made beside the others of the server, and gets its name once all rows and objects are there and compared: all of
 * it is restored, or nothing changes. The first `pulumi up` restores, and so does each one that changes the backup, the database or
 * one of the `triggers`. The database remembers it, so that a stack that is destroyed and set up again overwrites nothing in a
 * volume that was kept. Deleting this resource removes nothing from the server.
 *
 * @example
 * new DatabaseRestore("copy", {
 *   connection: staging.connection,
 *   location: backup.location,
 * });
 */
export class DatabaseRestore extends pulumi.ComponentResource {
  static readonly argumentNames = databaseRestoreNames;

  /** The command that restored the database. */
  public readonly command!: command.local.Command;
  /** Id of the backup that was restored. */
  public readonly backupId!: pulumi.Output<string>;
  /** The tables of the database, as many as fit into 2 KB. */
  public readonly tables!: pulumi.Output<string[]>;
  /** Rows that were restored. */
  public readonly rows!: pulumi.Output<number>;
  /** False where the database existed and `ifExists` is `skip`. */
  public readonly restored!: pulumi.Output<boolean>;
  /** Name of the old database after a `swap`. */
  public readonly swappedInto!: pulumi.Output<string[]>;
  /** What could not be compared, or differs from the source. */
  public readonly notes!: pulumi.Output<string[]>;

  constructor(name: string, args: DatabaseRestoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:DatabaseRestore", name, stored, opts);
    refuseUnknownArguments(args, databaseRestoreNames, this);
    Object.assign(this, restoreBackup(name, stored, { all: true }, this, opts));
    this.registerOutputs(outputsOf(this));
  }
}
