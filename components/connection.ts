import type * as pulumi from "@pulumi/pulumi";

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
