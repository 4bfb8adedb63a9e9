import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { migrationNames } from "../shared/argument-names";
import { refuseUnknownArguments } from "../shared/known-names";
import { MigrateRequest, MigrateResult, RemoveOldRequest } from "../../runner/request";
import { checkPassword, checkedRequest, checkValue } from "../shared/check";
import { connectionArguments, knownConnection, type PostgisConnection } from "../shared/connection";
import { serverIdentity, valuesAlone } from "../shared/identity";
import { type MigrationArgs, OldServer } from "./args";
import { runnerCommand } from "../shared/runner-command";

/**
 * Moves all tables of a database to a new server, of the same or another version, and then the published port by which clients
 * reach it.
 *
 * Writers of the old server wait while its tables are backed up, restored and compared; readers go on. Then the old container is
 * stopped, and the new one has its port. Whatever fails, the old server keeps its port, its data and its writers, and the next
 * `pulumi up` begins anew. The old container goes in a second step, by `oldServer`. Deleting this resource changes nothing.
 *
 * @example
 * new Migration("cbm", {
 *   from: { container: "pg_spat" },
 *   to: new PostgisContainer("pg_17", { password, standby: true }).connection,
 *   directory: "./backups",
 * });
 */
export class Migration extends pulumi.ComponentResource {
  /** Where the tables are now: the new server, once it has the port. */
  public readonly connection: pulumi.Output<PostgisConnection>;
  /** Folder of the backup that the tables were moved by; it is kept. */
  public readonly location: pulumi.Output<string>;
  /** Tables that were migrated, as many as fit into 2 KB. */
  public readonly tables: pulumi.Output<string[]>;
  /** Rows that were migrated. */
  public readonly rows: pulumi.Output<number>;
  /** What could not be compared, or is otherwise than in the old server. */
  public readonly notes: pulumi.Output<string[]>;
  /** Container and volumes of the old side that were removed. */
  public readonly removed: pulumi.Output<string[]>;

  constructor(name: string, args: MigrationArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = args.password === undefined ? undefined : pulumi.secret(args.password);
    super("postgis-backup:index:Migration", name, { ...args, password }, opts);
    refuseUnknownArguments(args, migrationNames, this);
    checkPassword(args.password, this);
    const from = pulumi.output(args.from);
    const to = pulumi.output(args.to);
    const fresh = { toContainer: to.container, toUser: to.user, toDatabase: to.database };
    const old = { container: from.container, dockerHost: from.dockerHost };
    checkValue(z.enum(OldServer).optional(), args.oldServer, ["oldServer"], this);
    const oldServer = args.oldServer ?? OldServer.Keep;
    const subject = { ...old, database: from.database, ...fresh };
    const oldIdentity = { ...old, container: from.apply(serverIdentity), database: from.database };
    const freshIdentity = { ...fresh, toContainer: to.apply(serverIdentity) };
    const sides = {
      ...connectionArguments("from"),
      ...{ toContainer: "to.container", toUser: "to.user", toDatabase: "to.database" },
    };
    const migrate = () =>
      runnerCommand(
        `${name}-migrate`,
        {
          verb: "migrate",
          request: checkedRequest(
            MigrateRequest,
            {
              ...subject,
              user: from.user,
              directory: args.directory,
              name: args.backupName ?? name,
              format: args.format,
              excludeTables: args.excludeTables,
              excludeDatabases: args.excludeDatabases,
              leaveBehind: args.leaveBehind,
              logicalForeignKeys: args.logicalForeignKeys,
              missingRoles: args.missingRoles,
              jobs: args.jobs,
              lockTimeout: args.lockTimeout,
            },
            this,
            { ...sides, name: "backupName" },
          ),
          password,
          // When the new server's container is replaced, the migration runs again: all is migrated then, and the new container
          // gets the port. Therefore its part depends on that resource, and the old server's does not.
          triggers: pulumi
            .all([valuesAlone(oldIdentity), freshIdentity, args.triggers ?? []])
            .apply(([left, entered, triggers]) => [{ ...left, ...entered }, ...triggers]),
          onUpdate: "keep",
        },
        { parent: this },
      );
    const retire = () => {
      const removal = { ...old, ...fresh, removeData: oldServer === OldServer.RemoveData };
      const request = checkedRequest(RemoveOldRequest, removal, this, sides);
      return runnerCommand(
        `${name}-remove-old`,
        { verb: "remove-old", request, password, triggers: valuesAlone([request]), onUpdate: "keep" },
        { parent: this },
      );
    };
    const done = oldServer === OldServer.Keep ? migrate() : retire();
    const result = done.stdout.apply((stdout) => MigrateResult.parse(JSON.parse(stdout)));
    this.connection = pulumi.all([to, result]).apply(([server]) => knownConnection(server));
    this.location = result.location;
    this.tables = result.tables;
    this.rows = result.rows;
    this.notes = result.notes;
    this.removed = result.removed;
    this.registerOutputs({
      connection: this.connection,
      location: this.location,
      tables: this.tables,
      rows: this.rows,
      notes: this.notes,
      removed: this.removed,
    });
  }
}
