import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { RestoreRequest, RestoreResult } from "../../runner/request";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkPassword } from "../shared/check";
import { hashOf, outputsOf, withSecretPassword } from "../shared/component";
import { connectionArguments } from "../shared/connection";
import { serverIdentity, valuesAlone } from "../shared/identity";
import { runVerb } from "../shared/verb";
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
  public readonly command: command.local.Command;
  /** Id of the backup that was restored. */
  public readonly backupId: pulumi.Output<string>;
  /** Where the tables are now, as many as fit into 2 KB. */
  public readonly tables: pulumi.Output<string[]>;
  /** Rows that were restored. */
  public readonly rows: pulumi.Output<number>;
  /** False where all tables existed and `ifExists` is `skip`. */
  public readonly restored: pulumi.Output<boolean>;
  /** Schemas that hold the old tables after a `swap`. */
  public readonly swappedInto: pulumi.Output<string[]>;
  /** What could not be compared, or differs from the source. */
  public readonly notes: pulumi.Output<string[]>;

  constructor(name: string, args: TableRestoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:TableRestore", name, stored, opts);
    refuseUnknownArguments(args, tableRestoreNames, this);
    checkPassword(args.password, this);
    const { connection, password, triggers = [], ...asked } = stored;
    const { location, tables, excludeTables, schemas, content } = args;
    const selected = { location, tables, excludeTables, schemas, content };
    const server = pulumi.output(connection);
    const { container, user, database, dockerHost } = server;
    const subject = { ...selected, container: server.apply(serverIdentity), database };
    const once = valuesAlone({ ...selected, triggers }).apply((what) => ({
      by: hashOf([pulumi.getProject(), name]),
      what: hashOf(what),
    }));
    const { command, result } = runVerb(
      `${name}-restore`,
      {
        verb: "restore",
        requestSchema: RestoreRequest,
        request: { ...asked, container, user, database, dockerHost, once },
        argumentOf: connectionArguments("connection"),
        resultSchema: RestoreResult,
        password,
        triggers: valuesAlone(pulumi.all([subject, triggers]).apply(([known, more]) => [known, ...more])),
      },
      this,
      opts,
    );
    this.command = command;
    this.backupId = result.backupId;
    this.tables = result.tables;
    this.rows = result.rows;
    this.restored = result.restored;
    this.swappedInto = result.swappedInto;
    this.notes = result.notes;
    this.registerOutputs(outputsOf(this));
  }
}
