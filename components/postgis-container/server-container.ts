import path from "node:path";
import type * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import type { PostgisContainerArgs } from "./args";
import { dataFolder, serverCommand } from "./server-settings";

/** Seconds that the server gets for a clean shutdown: Docker's own default kills it during a large checkpoint. */
const stopSeconds = 120;

const passwordFile = "/run/postgis-backup/password";

interface ServerContainer {
  readonly image: pulumi.Input<string>;
  readonly user: pulumi.Input<string>;
  readonly database: pulumi.Input<string>;
  readonly password: pulumi.Output<string>;
  readonly dataVolume: pulumi.Input<string>;
  /** Docker's default bridge, if there is none. */
  readonly network: pulumi.Input<string> | undefined;
  readonly args: PostgisContainerArgs;
}

/** What makes a container a PostGIS server, apart from its name and where it is reached. */
export function serverContainer(
  server: ServerContainer,
): Omit<docker.ContainerArgs, "name" | "ports" | "labels"> {
  const { image, user, database, password, dataVolume, network, args } = server;
  return {
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
    mounts: pulumi
      .all([dataVolume, image, args.backupDirectory, args.initScripts ?? []])
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
    // Twice the memory is what Docker makes of an unset swap limit; unset here, it would show as a change ever after.
    ...(args.memory === undefined
      ? {}
      : { memory: args.memory, memorySwap: pulumi.output(args.memory).apply((memory) => 2 * memory) }),
    shmSize: args.shmSize ?? 1024,
    ...(network === undefined ? {} : { networksAdvanced: [{ name: network }] }),
    restart: "unless-stopped",
    // The ready command watches the start, and shows the last log lines if it fails.
    mustRun: false,
    stopSignal: "SIGINT",
    stopTimeout: stopSeconds,
    destroyGraceSeconds: stopSeconds,
  };
}
