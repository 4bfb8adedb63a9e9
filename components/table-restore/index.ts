import { createHash } from "node:crypto";
import * as pulumi from "@pulumi/pulumi";
import { tableRestoreNames } from "../shared/argument-names";
import { refuseUnknownArguments } from "../shared/known-names";
import { RestoreRequest, RestoreResult } from "../../runner/request";
import { checkPassword, checkedRequest } from "../shared/check";
import { connectionArguments } from "../shared/connection";
import { rememberedIdentity, valuesAlone, volumeOf } from "../shared/identity";
import { runnerCommand } from "../shared/runner-command";
import type { TableRestoreArgs } from "./args";

/**
 * Brings the tables of a backup into a database: of the same or another server, of the same or another version.
 *
 * Where none of them exists, they are made under their names; else they are loaded beside those that are there, and take
 * their place in one transaction. They are compared with what was backed up: all of them are restored, or nothing changes. It
 * is done by the first `pulumi up`, and again when the backup, the tables or the place change, or one of the `triggers`. The
 * database remembers it, so that a stack that is destroyed and set up again overwrites nothing in a volume that was kept.
 * Deleting this resource removes nothing from the database.
 *
 * @example
 * new TableRestore("copy", {
 *   connection: staging.connection,
 *   location: backup.location,
 * });
 */
export class TableRestore extends pulumi.ComponentResource {
  /** Id of the backup that was restored. */
  public readonly backupId: pulumi.Output<string>;
  /** Where the tables are now, as many as fit into 2 KB. */
  public readonly tables: pulumi.Output<string[]>;
  /** Rows that were restored. */
  public readonly rows: pulumi.Output<number>;
  /** False where all tables existed and `ifExists` is `skip`. */
  public readonly restored: pulumi.Output<boolean>;
  /** Schemas that hold the tables that were there before, after a `swap`. */
  public readonly swappedInto: pulumi.Output<string[]>;
  /** What could not be compared, or is otherwise than in the source. */
  public readonly notes: pulumi.Output<string[]>;

  constructor(name: string, args: TableRestoreArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("postgis-backup:index:TableRestore", name, { ...args, password }, opts);
    refuseUnknownArguments(args, tableRestoreNames, this);
    checkPassword(args.password, this);
    const connection = pulumi.output(args.connection);
    const command = pulumi.createUrn(`${name}-restore`, "command:local:Command", this);
    const selected = {
      location: args.location,
      tables: args.tables,
      excludeTables: args.excludeTables,
      schemas: args.schemas,
      content: args.content,
    };
    const subject = {
      ...selected,
      container: pulumi.all([command, connection]).apply(([urn, server]) => rememberedIdentity(urn, server)),
      database: connection.database,
    };
    const request = checkedRequest(
      RestoreRequest,
      {
        ...subject,
        container: connection.container,
        volume: connection.apply(volumeOf),
        once: valuesAlone({ ...selected, triggers: args.triggers ?? [] }).apply((what) => ({
          by: hashOf([pulumi.getProject(), name]),
          what: hashOf(what),
        })),
        s3: args.s3,
        user: connection.user,
        dockerHost: connection.dockerHost,
        ifExists: args.ifExists,
        missingRoles: args.missingRoles,
        jobs: args.jobs,
        splitTablesFrom: args.splitTablesFrom,
        lockTimeout: args.lockTimeout,
      },
      this,
      connectionArguments("connection"),
    );
    const done = runnerCommand(
      `${name}-restore`,
      {
        verb: "restore",
        request,
        password,
        triggers: valuesAlone(
          pulumi.all([subject, args.triggers ?? []]).apply(([known, triggers]) => [known, ...triggers]),
        ),
        onUpdate: "keep",
      },
      { parent: this },
    );
    const result = done.stdout.apply((stdout) => RestoreResult.parse(JSON.parse(stdout)));
    this.backupId = result.backupId;
    this.tables = result.tables;
    this.rows = result.rows;
    this.restored = result.restored;
    this.swappedInto = result.swappedInto;
    this.notes = result.notes;
    this.registerOutputs({
      backupId: this.backupId,
      tables: this.tables,
      rows: this.rows,
      restored: this.restored,
      swappedInto: this.swappedInto,
      notes: this.notes,
    });
  }
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);
}
