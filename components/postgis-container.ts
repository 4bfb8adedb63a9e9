import path from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { ownerLabel, PreflightRequest, ReadyRequest } from "../runner/request";
import { checkedRequest } from "./check";
import type { PostgisConnection } from "./connection";
import { databaseUri } from "./database-uri";
import { runnerCommand } from "./runner-command";
import { dataFolder, serverCommand } from "./server-settings";

export interface PostgisContainerArgs {
  /**
   * Image with PostgreSQL and PostGIS that follows the conventions of the official ones. A change replaces the container
   * and keeps the data; another major version of PostgreSQL does not start on them.
   * @default "postgis/postgis:17-3.5"
   */
  image?: pulumi.Input<string>;
  /**
   * Name of the container. A change replaces it, and, unless `volumeName` is given, wants another volume too.
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
   * Name of the Docker volume that holds the data. A change starts with an empty volume, or one that exists already, and
   * is refused while `keepData` protects the present one.
   * @default the container's name with "-data"
   */
  volumeName?: pulumi.Input<string>;
  /**
   * Keeps the data volume: it is protected in the stack, and deleting it from the stack leaves it in Docker.
   * **Caution**: with `false`, `pulumi destroy` deletes the data.
   * @default true
   */
  keepData?: boolean;
  /**
   * Folder on this machine, mounted at `/backups`, where `TableBackup` can write without a copy; created if it does not
   * exist. A change replaces the container and keeps the data.
   * @default none
   */
  backupDirectory?: pulumi.Input<string>;
  /**
   * Files on this machine, `.sql`, `.sql.gz` or `.sh`, that run once, in order of their names, when an empty volume is
   * initialised. A change replaces the container and keeps the data; the scripts do not run again.
   * @default none
   */
  initScripts?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Further environment variables, which the init scripts see too. Not for secrets: Docker shows them to everyone who
   * may inspect the container. A change replaces the container and keeps the data.
   * @default none
   */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Settings of the server, as in `postgresql.conf`; they add to or replace the defaults of `server-settings.ts`, which
   * suit tens of GB. A change replaces the container and keeps the data.
   * @default shared_buffers 1GB, work_mem 32MB, maintenance_work_mem 512MB, max_wal_size 8GB and a few more
   */
  settings?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Memory limit in MiB; 0 is none.
   * @default 0
   */
  memory?: pulumi.Input<number>;
  /**
   * Size of `/dev/shm` in MiB, which parallel queries need; Docker's own default of 64 is too small for them. A change
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
   * Labels of the container and the volume. A change replaces the container and keeps the data.
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
}

/** Seconds that the server gets for a clean shutdown: Docker's own default kills it during a large checkpoint. */
const stopSeconds = 120;

const passwordFile = "/run/postgis-backup/password";

/**
 * A PostGIS server in a Docker container, with its data in a named volume that outlives it.
 *
 * It is created only when its name and port are free, and ready when the server answers over TCP. If the container dies
 * before, the error shows its last log lines.
 *
 * @example
 * const database = new PostgisContainer("pg_spat", {
 *   password: new pulumi.Config().requireSecret("password"),
 *   backupDirectory: "./backups",
 * });
 */
export class PostgisContainer extends pulumi.ComponentResource {
  /** Name of the container. */
  public readonly containerName: pulumi.Output<string>;
  /** What `TableBackup` takes; it carries no password. */
  public readonly connection: pulumi.Output<PostgisConnection>;
  /** `postgresql://` URI from this machine; secret, because it holds the password. */
  public readonly uri: pulumi.Output<string>;
  /** Name of the Docker volume with the data. */
  public readonly volumeName: pulumi.Output<string>;

  constructor(name: string, args: PostgisContainerArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = pulumi.secret(args.password);
    super("postgis-backup:index:PostgisContainer", name, { ...args, password }, opts);
    const image = pulumi.output(args.image ?? "postgis/postgis:17-3.5");
    const containerName = pulumi.output(args.containerName ?? name);
    const volumeName = pulumi.output(args.volumeName ?? pulumi.interpolate`${containerName}-data`);
    const hostAddress = pulumi.output(args.hostAddress ?? "127.0.0.1");
    const port = pulumi.output(args.port ?? 5433);
    const user = pulumi.output(args.user ?? "postgres");
    const database = pulumi.output(args.database ?? "postgres");
    const keepData = args.keepData ?? true;
    const owner = `${pulumi.getOrganization()}/${pulumi.getProject()}/${pulumi.getStack()}/${name}`;
    const labels = pulumi
      .output(args.labels ?? {})
      .apply((own) =>
        Object.entries({ ...own, [ownerLabel]: owner }).map(([label, value]) => ({ label, value })),
      );

    const place = {
      container: containerName,
      dockerHost: args.dockerHost,
      owner,
      hostAddress: args.hostAddress ?? "127.0.0.1",
      port: args.port ?? 5433,
      backupDirectory: args.backupDirectory,
    };
    const preflightRequest = checkedRequest(PreflightRequest, place, this);
    const preflight = runnerCommand(
      `${name}-preflight`,
      { verb: "preflight", request: preflightRequest, triggers: [preflightRequest], onUpdate: "keep" },
      { parent: this },
    );

    const volume = new docker.Volume(
      `${name}-volume`,
      { name: volumeName, labels },
      { parent: this, dependsOn: preflight, protect: keepData, retainOnDelete: keepData },
    );

    const container = new docker.Container(
      `${name}-container`,
      {
        name: containerName,
        image,
        command: pulumi.output(args.settings ?? {}).apply(serverCommand),
        envs: pulumi
          .all([args.environment ?? {}, user, database])
          .apply(([environment, userName, databaseName]) => [
            ...Object.entries(environment).map(([variable, value]) => `${variable}=${value}`),
            `POSTGRES_USER=${userName}`,
            `POSTGRES_DB=${databaseName}`,
            `POSTGRES_PASSWORD_FILE=${passwordFile}`,
          ]),
        uploads: [{ file: passwordFile, content: password, permissions: "0444" }],
        ports: [{ internal: 5432, external: port, ip: hostAddress }],
        mounts: pulumi
          .all([volume.name, image, args.backupDirectory, args.initScripts ?? []])
          .apply(([source, imageName, backups, scripts]) => [
            { type: "volume", source, target: dataFolder(imageName) },
            ...(backups === undefined
              ? []
              : [{ type: "bind", source: path.resolve(backups), target: "/backups" }]),
            ...scripts.map((script) => ({
              type: "bind",
              source: path.resolve(script),
              target: `/docker-entrypoint-initdb.d/${path.basename(script)}`,
              readOnly: true,
            })),
          ]),
        healthcheck: {
          // Without a shell: Docker kills a check that takes too long, and an orphan of it would be taken for a crashed
          // backend by a postmaster that is the container's first process.
          tests: pulumi
            .all([user, database])
            .apply(([u, d]) => ["CMD", "pg_isready", "--host=127.0.0.1", `--username=${u}`, `--dbname=${d}`]),
          interval: "10s",
          timeout: "5s",
          retries: 6,
          startPeriod: "10m0s",
        },
        labels,
        ...(args.memory === undefined ? {} : { memory: args.memory }),
        shmSize: args.shmSize ?? 1024,
        ...(args.network === undefined ? {} : { networksAdvanced: [{ name: args.network }] }),
        restart: "unless-stopped",
        // The ready command watches the start, and shows the last log lines if it fails.
        mustRun: false,
        stopSignal: "SIGINT",
        stopTimeout: stopSeconds,
        destroyGraceSeconds: stopSeconds,
      },
      // The password file acts only when a volume is initialised; afterwards the ready command sets the password.
      { parent: this, dependsOn: preflight, deleteBeforeReplace: true, ignoreChanges: ["uploads"] },
    );

    const readyRequest = checkedRequest(
      ReadyRequest,
      { container: container.name, user, database, timeout: args.startTimeout, dockerHost: args.dockerHost },
      this,
    );
    const ready = runnerCommand(
      `${name}-ready`,
      { verb: "ready", request: readyRequest, password, triggers: [container.id], onUpdate: "run" },
      { parent: this },
    );

    this.containerName = container.name;
    this.volumeName = volume.name;
    this.uri = pulumi.secret(databaseUri({ user, password, hostAddress, port, database }));
    // Read from the ready command's input: known in a preview, and whoever uses it waits until the server is ready.
    this.connection = ready.stdin.apply((stdin): PostgisConnection => {
      const { container, user, database, dockerHost } = ReadyRequest.parse(JSON.parse(stdin ?? "{}"));
      return { container, user, database, ...(dockerHost === undefined ? {} : { dockerHost }) };
    });
    this.registerOutputs({
      containerName: this.containerName,
      connection: this.connection,
      uri: this.uri,
      volumeName: this.volumeName,
    });
  }
}
