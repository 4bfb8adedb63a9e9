import type * as pulumi from "@pulumi/pulumi";
import type { ArgumentNames } from "../shared/argument-names";
import { s3Names, type S3SettingsArgs } from "../shared/s3-settings";

export interface PostgisContainerArgs {
  /**
   * Image with PostgreSQL and PostGIS that follows the conventions of the official ones. A change replaces the container
   * and keeps the data; another major version of PostgreSQL does not start on them.
   * @default "postgis/postgis:17-3.5"
   */
  image?: pulumi.Input<string>;
  /**
   * Name of the container. A change replaces it, and keeps the data where `volumeName` names their volume; else it is refused.
   * @default the name of the component
   */
  containerName?: pulumi.Input<string>;
  /**
   * Address of the host that the port is published on. `0.0.0.0` opens the database to the network. A change replaces
   * the container and keeps the data.
   * @default "127.0.0.1"
   */
  hostAddress?: pulumi.Input<string>;
  /**
   * Port on the host. A change replaces the container and keeps the data.
   * @default 5433
   */
  port?: pulumi.Input<number>;
  /**
   * Creates the container without its port, beside another one that has it, until a `Migration` moves the port. Until then it
   * is on an internal network of its own. Give it the `port` and `hostAddress` of the other one from the beginning: they have
   * no effect before the migration. A change replaces the container and keeps the data.
   * @default false
   */
  standby?: boolean;
  /**
   * Database that is created with the volume. On a volume that has data it must exist.
   * @default "postgres"
   */
  database?: pulumi.Input<string>;
  /**
   * Superuser that is created with the volume. On a volume that has data it must exist.
   * @default "postgres"
   */
  user?: pulumi.Input<string>;
  /** The user's password, always kept secret. A change is applied to the running server. */
  password: pulumi.Input<string>;
  /**
   * Name of the Docker volume that holds the data. A volume that exists already must be this stack's own; see `adopt`. A change is
   * refused: the data is in the present one.
   * @default the container's name with "-data"
   */
  volumeName?: pulumi.Input<string>;
  /**
   * Keeps the data volume: deleting it from the stack, as `pulumi destroy` does, leaves it in Docker. A later stack takes it over
   * with `adopt`.
   * **Caution**: with `false`, `pulumi destroy` deletes the data.
   * @default true
   */
  keepData?: boolean;
  /**
   * Owner of an existing volume that is taken over with its data. It is of use where the state of a stack is lost, for example.
   * The error that refuses such a volume names the owner. A volume that was taken over stays the stack's own when this is
   * removed.
   * @default none; only a volume of this stack is taken
   */
  adopt?: pulumi.Input<string>;
  /**
   * Folder on this machine, mounted at `/backups`, where `TableBackup` can write without a copy. It is created if it does not
   * exist. A change replaces the container and keeps the data.
   * @default none
   */
  backupDirectory?: pulumi.Input<string>;
  /**
   * Files on this machine, `.sql`, `.sql.gz` or `.sh`, that run when an empty volume is initialised. They run once, in order of
   * their names. A change replaces the container and keeps the data; the scripts do not run again.
   * @default none
   */
  initScripts?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Backup that is restored into a new volume, such as `./backups/cbm/latest` or `s3://bucket/prefix/cbm/latest`. Roles that own
   * its tables are created. Where the volume has all of these tables, nothing happens. A change acts on a new volume.
   * @default none
   */
  restoreFrom?: pulumi.Input<string>;
  /**
   * How the S3 server is reached that has the backup. A change acts on a new volume.
   * @default AWS, or what the environment says
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Further environment variables, which the init scripts see too. Not for secrets: Docker shows them to everyone who
   * may inspect the container. A change replaces the container and keeps the data.
   * @default none
   */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Settings of the server, as in `postgresql.conf`. They add to or replace the defaults of `server-settings.ts`, which
   * suit tens of GB. A change replaces the container and keeps the data.
   * @default shared_buffers 1GB, work_mem 32MB, maintenance_work_mem 512MB, max_wal_size 8GB and a few more
   */
  settings?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Memory limit in MiB; 0 is none. A change is applied to the running container; to take the limit away replaces the container
   * and keeps the data.
   * @default 0
   */
  memory?: pulumi.Input<number>;
  /**
   * Size of `/dev/shm` in MiB. Parallel queries need it, and Docker's own default of 64 is too small for them. A change
   * replaces the container and keeps the data.
   * @default 1024
   */
  shmSize?: pulumi.Input<number>;
  /**
   * Docker network that exists already. A change replaces the container and keeps the data.
   * @default Docker's default bridge
   */
  network?: pulumi.Input<string>;
  /**
   * Labels of the container, and of the volume when it is created. A change replaces the container and keeps the data.
   * @default none
   */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Seconds to wait for the server. The init scripts of a new volume run before it answers.
   * @default 600
   */
  startTimeout?: pulumi.Input<number>;
  /**
   * Docker daemon for the commands that wait for and back up the server, as in DOCKER_HOST; give the same to the Docker
   * provider as `host`.
   * @default the daemon that the docker command line finds
   */
  dockerHost?: pulumi.Input<string>;
  /**
   * Lets `pulumi preview` look at the Docker daemon and this machine, and warn of what would keep the container from being created, such as a
   * taken port. Set it to `false` where previews cannot reach the daemon.
   * @default true
   */
  checkInPreview?: boolean;
}

export const postgisContainerNames: ArgumentNames<PostgisContainerArgs> = {
  image: "string",
  containerName: "string",
  hostAddress: "string",
  port: "number",
  standby: "boolean",
  database: "string",
  user: "string",
  password: "secret",
  volumeName: "string",
  keepData: "boolean",
  adopt: "string",
  backupDirectory: "string",
  initScripts: "object",
  restoreFrom: "string",
  s3: s3Names,
  environment: "object",
  settings: "object",
  memory: "number",
  shmSize: "number",
  network: "string",
  labels: "object",
  startTimeout: "number",
  dockerHost: "string",
  checkInPreview: "boolean",
};
