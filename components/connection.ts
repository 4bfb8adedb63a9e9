import type * as command from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

/** A PostGIS server in a container, as `TableBackup` takes it. */
export interface PostgisConnectionArgs {
  /** Name of the container; it must run. */
  container: pulumi.Input<string>;
  /**
   * Role that connects; it must be able to read the tables.
   * @default "postgres"
   */
  user?: pulumi.Input<string>;
  /**
   * Database that holds the tables.
   * @default "postgres"
   */
  database?: pulumi.Input<string>;
  /**
   * Docker daemon, as in DOCKER_HOST, such as `ssh://host`.
   * @default the daemon that the docker command line finds
   */
  dockerHost?: pulumi.Input<string>;
}

/** A connection whose values are known. */
export interface PostgisConnection {
  container: string;
  user: string;
  database: string;
  dockerHost?: string;
}

const Connection = z.object({
  container: z.string(),
  user: z.string(),
  database: z.string(),
  dockerHost: z.string().optional(),
});

/**
 * The server that a command of the runner talks to. Read from the command's input: known in a preview, and whoever uses it
 * waits until the command has run.
 */
export function connectionOf(runner: command.local.Command): pulumi.Output<PostgisConnection> {
  return runner.stdin.apply((stdin) => {
    const { dockerHost, ...known } = Connection.parse(JSON.parse(stdin ?? "{}"));
    return { ...known, ...(dockerHost === undefined ? {} : { dockerHost }) };
  });
}
