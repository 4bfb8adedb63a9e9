import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { postgisContainerNames } from "../shared/argument-names";
import { refuseUnknownArguments } from "../shared/known-names";
import { PreflightRequest, ReadyRequest } from "../../runner/request";
import { checkPassword, checkedRequest, checkValue, derived, Switch } from "../shared/check";
import { connectionAfter, dataVolume, type PostgisConnection } from "../shared/connection";
import { databaseUri } from "../shared/database-uri";
import { labelsOf, ownerOf } from "../shared/owner";
import type { PostgisContainerArgs } from "./args";
import { restoreCommand } from "./restore-into-volume";
import { containerPlan, plannedArguments } from "./plan";
import { runnerCommand } from "../shared/runner-command";
import { serverContainer } from "./server-container";

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
  /** Id of the container; another one whenever it is replaced. */
  public readonly containerId: pulumi.Output<string>;
  /** What `TableBackup` takes; it carries no password. */
  public readonly connection: pulumi.Output<PostgisConnection>;
  /** `postgresql://` URI from this machine; secret, because it holds the password. */
  public readonly uri: pulumi.Output<string>;
  /** Name of the Docker volume with the data. */
  public readonly volumeName: pulumi.Output<string>;

  constructor(name: string, args: PostgisContainerArgs, opts?: pulumi.ComponentResourceOptions) {
    const password = pulumi.secret(args.password);
    super("postgis-backup:index:PostgisContainer", name, { ...args, password }, opts);
    refuseUnknownArguments(args, postgisContainerNames, this);
    checkPassword(args.password, this);
    // It is used after the container was made, and must not be found wrong only then.
    void derived(args.startTimeout, (timeout) => {
      checkValue(ReadyRequest.shape.timeout, timeout, ["startTimeout"], this);
    });
    checkValue(Switch, args.keepData, ["keepData"], this);
    checkValue(Switch, args.standby, ["standby"], this);
    const image = args.image ?? "postgis/postgis:17-3.5";
    const containerName = args.containerName ?? name;
    const volumeName = args.volumeName ?? derived(containerName, dataVolume);
    const hostAddress = args.hostAddress ?? "127.0.0.1";
    const port = args.port ?? 5433;
    const user = args.user ?? "postgres";
    const database = args.database ?? "postgres";
    const keepData = args.keepData ?? true;
    const plan = containerPlan({
      args: { ...args, keepData },
      containerName,
      image,
      volumeName,
      hostAddress,
      port: args.standby === true ? undefined : port,
      user,
      database,
    });
    const preflight = runnerCommand(
      `${name}-preflight`,
      {
        verb: "preflight",
        request: checkedRequest(PreflightRequest, plan, this, plannedArguments),
        triggers: [],
        onUpdate: "runAgain",
      },
      // It is updated and never replaced, because it keeps the owner's id; earlier versions gave it triggers.
      { parent: this, ignoreChanges: ["triggers"] },
    );
    const labels = labelsOf(args.labels, ownerOf(preflight, name));

    const volume = new docker.Volume(
      `${name}-volume`,
      { name: volumeName, labels },
      // Docker cannot change a volume's labels: with others, it would have to be made anew, without the data.
      {
        parent: this,
        dependsOn: preflight,
        protect: keepData,
        retainOnDelete: keepData,
        ignoreChanges: ["labels"],
      },
    );

    const network =
      args.standby === true
        ? new docker.Network(
            `${name}-standby`,
            { name: pulumi.interpolate`${containerName}-standby`, internal: true, labels },
            { parent: this, dependsOn: preflight, ignoreChanges: ["labels"] },
          ).name
        : args.network;

    const container = new docker.Container(
      `${name}-container`,
      {
        ...serverContainer({ image, user, database, password, dataVolume: volume.name, network, args }),
        name: containerName,
        ports: [{ internal: 5432, external: port, ip: hostAddress }],
        labels,
      },
      {
        parent: this,
        dependsOn: preflight,
        deleteBeforeReplace: true,
        // The password file acts only when a volume is initialised; afterwards the ready command sets the password. Of a
        // standby, the provider reads that no port is published, and would make it anew in every update.
        ignoreChanges: ["uploads", ...(args.standby === true ? ["ports"] : [])],
        // Docker changes the limit of a running container, and cannot take it away: it reads 0 as no change.
        replaceOnChanges: (args.memory ?? 0) === 0 ? ["memory", "memorySwap"] : [],
      },
    );

    const readyRequest = checkedRequest(
      ReadyRequest,
      { container: container.name, user, database, timeout: args.startTimeout, dockerHost: args.dockerHost },
      this,
      { container: "containerName", timeout: "startTimeout" },
    );
    const ready = runnerCommand(
      `${name}-ready`,
      { verb: "ready", request: readyRequest, password, triggers: [container.id], onUpdate: "run" },
      { parent: this },
    );

    this.containerName = container.name;
    this.containerId = container.id;
    this.volumeName = volume.name;
    this.uri = pulumi.secret(databaseUri({ user, password, hostAddress, port, database }));
    const server = {
      container: containerName,
      user,
      database,
      dockerHost: args.dockerHost,
      volume: volumeName,
    };
    const serving = connectionAfter(ready, server);
    const from = args.restoreFrom;
    this.connection =
      from === undefined
        ? serving
        : connectionAfter(
            restoreCommand(
              `${name}-restore`,
              { from, s3: args.s3, connection: serving, volume: volumeName },
              this,
            ),
            server,
          );
    this.registerOutputs({
      containerName: this.containerName,
      containerId: this.containerId,
      connection: this.connection,
      uri: this.uri,
      volumeName: this.volumeName,
    });
  }
}
