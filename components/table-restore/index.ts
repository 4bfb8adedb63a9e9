import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { refuseUnknownArguments } from "../shared/argument-names";
import { outputsOf, withSecretPassword } from "../shared/component";
import { restoreBackup } from "../shared/restore-backup";
import { type TableRestoreArgs, tableRestoreNames } from "./args";

/**
 * Brings the tables of a backup into a database: of the same or another server, of the same or another version.
 *
 * Where none of the tables exists, they are made under their names. Otherwise they are loaded beside the existing ones, and
 * take their place in one transaction. They are compared with what was backed up: all of them are restored, or nothing
 * changes. The first `pulumi up` restores, and so does each one that changes the backup, the tables, the database or one of the
 * `triggers`. The database remembers it, so that a stack that is destroyed and set up again overwrites nothing in a volume that
 * was kept. Deleting this resource removes nothing from the database.
 *
 * @example
 * new TableRestore("copy", {
 *   connection: staging.connection,
 *   location: backup.location,
 * });
 */
export class TableRestore extends pulumi.ComponentResource {
  static readonly argumentNames = tableRestoreNames;

  /** The command that restored the tables. */
  public readonly command!: command.local.Command;
  /** Id of the backup that was restored. */
  public readonly backupId!: pulumi.Output<string>;
  /** Where the tables are now, as many as fit into 2 KB. */
  public readonly tables!: pulumi.Output<string[]>;
  /** Rows that were restored. */
  public readonly rows!: pulumi.Output<number>;
  /** False where all tables existed and `ifExists` is `skip`. */
  public readonly restored!: pulumi.Output<boolean>;
  /** Schemas that hold the old tables after a `swap`. */
  public readonly swappedInto!: pulumi.Output<string[]>;
  /** What could not be compared, or differs from the source. */
  public readonly notes!: pulumi.Output<string[]>;

  constructor(name: string, args: TableRestoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:TableRestore", name, stored, opts);
    refuseUnknownArguments(args, tableRestoreNames, this);
    const { tables, excludeTables, schemas, content } = args;
    const selection = { all: false, tables, excludeTables, schemas, content };
    Object.assign(this, restoreBackup(name, stored, selection, this, opts));
    this.registerOutputs(outputsOf(this));
  }
}
