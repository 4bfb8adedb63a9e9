import type * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { RestoreRequest } from "../../runner/request";
import { checkedRequest } from "../shared/check";
import type { PostgisConnection } from "../shared/connection";
import { valuesAlone } from "../shared/identity";
import { runnerCommand } from "../shared/runner-command";
import type { S3SettingsArgs } from "../shared/s3-settings";

interface RestoreIntoVolume {
  readonly from: pulumi.Input<string>;
  readonly s3: pulumi.Input<S3SettingsArgs> | undefined;
  readonly connection: pulumi.Output<PostgisConnection>;
  readonly volume: pulumi.Input<string>;
}

/** Restores a backup once for each volume; where its tables exist, which is so on every later run, nothing happens. */
export function restoreCommand(
  name: string,
  { from, s3, connection, volume }: RestoreIntoVolume,
  parent: pulumi.ComponentResource,
): command.local.Command {
  const request = checkedRequest(
    RestoreRequest,
    {
      location: from,
      s3,
      container: connection.container,
      user: connection.user,
      database: connection.database,
      dockerHost: connection.dockerHost,
      ifExists: "skip",
      missingRoles: "create",
    },
    parent,
    { location: "restoreFrom" },
  );
  return runnerCommand(
    name,
    { verb: "restore", request, triggers: valuesAlone([volume]), onUpdate: "keep" },
    { parent },
  );
}
