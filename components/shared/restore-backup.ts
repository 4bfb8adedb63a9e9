/** Restores a backup, of tables or of a whole database. */
import type * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { RestoreRequest, RestoreResult } from "../../runner/request";
import { checkPassword } from "./check";
import { hashOf } from "./component";
import { connectionArguments, type PostgisConnectionArgs } from "./connection";
import { serverIdentity, valuesAlone } from "./identity";
import { runVerb } from "./verb";

interface RestoreArgs {
  readonly connection: pulumi.Input<PostgisConnectionArgs>;
  readonly password?: pulumi.Input<string>;
  readonly location: pulumi.Input<string>;
  readonly createDatabase?: pulumi.Input<boolean> | undefined;
  readonly triggers?: pulumi.Input<pulumi.Input<string>[]>;
}

/** The outputs of a restore that the components describe. */
interface RestoredBackup {
  readonly command: command.local.Command;
  readonly backupId: pulumi.Output<string>;
  readonly tables: pulumi.Output<string[]>;
  readonly rows: pulumi.Output<number>;
  readonly restored: pulumi.Output<boolean>;
  readonly swappedInto: pulumi.Output<string[]>;
  readonly notes: pulumi.Output<string[]>;
}

/** A child that restores. The selection is what is restored, `all` being a whole database; a change of it is a new restore. */
export function restoreBackup(
  name: string,
  args: RestoreArgs,
  selection: pulumi.Inputs & { readonly all: boolean },
  component: pulumi.ComponentResource,
  opts: pulumi.ComponentResourceOptions | undefined,
): RestoredBackup {
  checkPassword(args.password, component);
  const { connection, password, triggers = [], ...asked } = args;
  const { all, ...parts } = selection;
  const selected = { location: args.location, ...parts };
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
      request: {
        ...asked,
        all,
        createDatabase: all || args.createDatabase,
        container,
        user,
        database,
        dockerHost,
        once,
      },
      argumentOf: connectionArguments("connection"),
      resultSchema: RestoreResult,
      password,
      triggers: valuesAlone(pulumi.all([subject, triggers]).apply(([known, more]) => [known, ...more])),
    },
    component,
    opts,
  );
  const { backupId, tables, rows, restored, swappedInto, notes } = result;
  return { command, backupId, tables, rows, restored, swappedInto, notes };
}
