import * as pulumi from "@pulumi/pulumi";
import type { ArgumentNames } from "./argument-names";

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
  /**
   * Docker volume that holds the data. By it a database is the same one when its container gets another name.
   * @default the container's name with "-data", as `PostgisContainer` names it
   */
  volume?: pulumi.Input<string>;
}

export const connectionNames: ArgumentNames<PostgisConnectionArgs> = {
  container: "string",
  user: "string",
  database: "string",
  dockerHost: "string",
  volume: "string",
};

/** A connection whose values are known. */
export interface PostgisConnection {
  /** Name of the container. */
  container: string;
  /** Role that connects. */
  user: string;
  /** Database that holds the tables. */
  database: string;
  /** Docker daemon, as in DOCKER_HOST; absent where the docker command line finds it. */
  dockerHost?: string;
  /** Set where it has another name than the container's with "-data". */
  volume?: string;
}

/** The name of the volume that a `PostgisContainer` makes where none is given. */
export const dataVolume = (container: string) => `${container}-data`;

/** The argument that each part of a connection comes from. */
export const connectionArguments = (argument: string) => ({
  container: `${argument}.container`,
  user: `${argument}.user`,
  database: `${argument}.database`,
  dockerHost: `${argument}.dockerHost`,
  volume: `${argument}.volume`,
});

/** A connection with its defaults. */
export function knownConnection(args: pulumi.Unwrap<PostgisConnectionArgs>): PostgisConnection {
  const { container, user = "postgres", database = "postgres", dockerHost, volume } = args;
  return {
    container,
    user,
    database,
    ...(dockerHost === undefined ? {} : { dockerHost }),
    ...(volume === undefined || volume === dataVolume(container) ? {} : { volume }),
  };
}

/**
 * A connection for components that must wait for a resource. Its values come from the program, so that a preview knows them even if
 * that resource is replaced.
 */
export function connectionAfter(
  resource: pulumi.Resource,
  args: pulumi.Input<PostgisConnectionArgs>,
): pulumi.Output<PostgisConnection> {
  return pulumi.all([args, resource.urn]).apply(([known]) => knownConnection(known));
}
