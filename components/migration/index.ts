import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { MigrateRequest, MigrateResult, RemoveOldRequest } from "../../runner/request";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkPassword, checkValue } from "../shared/check";
import { outputsOf, withSecretPassword } from "../shared/component";
import { connectionArguments, knownConnection, type PostgisConnection } from "../shared/connection";
import { serverIdentity, valuesAlone } from "../shared/identity";
import { refuseUnusedS3 } from "../shared/s3-settings";
import { runVerb } from "../shared/verb";
import { type MigrationArgs, migrationNames, OldServer } from "./args";

/**
 * Moves all tables of a database, or the whole database, to a new server, of the same or another version, and then the published port by which clients
 * reach it.
 *
 * Writers of the old server wait while they are backed up, restored and compared; readers go on. Then the old container is
 * stopped, and the new one has its port. If anything fails, the old server keeps its port, its data and its writers, and the
 * next `pulumi up` begins anew. `oldServer` says what becomes of the old container. Deleting this resource changes nothing.
 *
 * @example
 * new Migration("cbm", {
 *   from: { container: "pg_spat" },
 *   to: new PostgisContainer("pg_17", { password, standby: true }).connection,
 *   repository: "./backups",
 * });
 */
export class Migration extends pulumi.ComponentResource {
  static readonly argumentNames = migrationNames;

  /** The command that migrated. */
  public readonly command: command.local.Command;
  /** The command that removed the old server's container, if `oldServer` asks for that. */
  public readonly removal?: command.local.Command;
  /** Where the tables are now: the new server, once it has the port. */
  public readonly connection: pulumi.Output<PostgisConnection>;
  /** Where the backup is that moved the tables; it is kept. */
  public readonly location: pulumi.Output<string>;
  /** Tables that were migrated, as many as fit into 2 KB. */
  public readonly tables: pulumi.Output<string[]>;
  /** Rows that were migrated. */
  public readonly rows: pulumi.Output<number>;
  /** What could not be compared, or differs from the old server. */
  public readonly notes: pulumi.Output<string[]>;
  /** Container and volume of the old server that were removed. */
  public readonly removed: pulumi.Output<string[]>;

  constructor(name: string, args: MigrationArgs, opts?: pulumi.ComponentResourceOptions) {
    const stored = withSecretPassword(args);
    super("postgis-backup:index:Migration", name, stored, opts);
    refuseUnknownArguments(args, migrationNames, this);
    checkPassword(args.password, this);
    checkValue(z.enum(OldServer).optional(), args.oldServer, ["oldServer"], this);
    refuseUnusedS3(args, this);
    const { from, to, password, backupName, oldServer = OldServer.Keep, triggers = [], ...asked } = stored;
    const old = pulumi.output(from);
    const other = pulumi.output(to);
    const newServer = { toContainer: other.container, toUser: other.user, toDatabase: other.database };

    const { dockerHost, database } = old;
    const oldIdentity = { container: old.apply(serverIdentity), dockerHost, database };
    const servers = { container: old.container, dockerHost, ...newServer };
    const argumentOf = {
      ...connectionArguments("from"),
      ...{ toContainer: "to.container", toUser: "to.user", toDatabase: "to.database" },
      name: "backupName",
    };
    const { command, result } = runVerb(
      `${name}-migrate`,
      {
        verb: "migrate",
        requestSchema: MigrateRequest,
        request: { ...asked, ...servers, name: backupName ?? name, user: old.user, database },
        argumentOf,
        resultSchema: MigrateResult,
        password,
        // When the new server's container is replaced, the migration runs again: all is migrated then, and the new container
        // gets the port. Therefore its part depends on that resource, and the old server's does not.
        triggers: pulumi
          .all([valuesAlone(oldIdentity), other.apply(serverIdentity), newServer, triggers])
          .apply(([left, toContainer, entered, more]) => [{ ...left, ...entered, toContainer }, ...more]),
      },
      this,
      opts,
    );
    this.command = command;
    this.connection = pulumi.all([other, result]).apply(([server]) => knownConnection(server));
    this.location = result.location;
    this.tables = result.tables;
    this.rows = result.rows;
    this.notes = result.notes;
    this.removed = result.removed;
    if (oldServer !== OldServer.Keep) {
      const request = { ...servers, removeData: oldServer === OldServer.RemoveData };
      const removal = runVerb(
        `${name}-remove-old`,
        {
          verb: "remove-old",
          requestSchema: RemoveOldRequest,
          request,
          argumentOf,
          resultSchema: MigrateResult,
          password,
          triggers: valuesAlone([request]),
        },
        this,
        opts,
        command,
      );
      this.removal = removal.command;
      this.removed = removal.result.removed;
    }
    this.registerOutputs(outputsOf(this));
  }
}
