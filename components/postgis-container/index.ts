import type * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { PreflightRequest, ReadyRequest, RestoreRequest, RestoreResult } from "../../runner/request";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkPassword, checkedRequest, checkValue, derived, Switch } from "../shared/check";
import { childOptions, outputsOf } from "../shared/component";
import { connectionAfter, dataVolume, type PostgisConnection } from "../shared/connection";
import { valuesAlone } from "../shared/identity";
import { runnerCommand } from "../shared/runner-command";
import { runVerb } from "../shared/verb";
import { type PostgisContainerArgs, postgisContainerNames } from "./args";
import { databaseUri } from "./database-uri";
import { labelsOf, ownerOf } from "./owner";
import { containerPlan, plannedArguments } from "./plan";
import { warnInPreview } from "./preview";
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
  static readonly argumentNames = postgisContainerNames;

  /** The command that checked that the container can be created. */
  public readonly preflight: command.local.Command;
  /** The volume with the data. */
  public readonly volume: docker.Volume;
  /** The internal network of a `standby`. */
  public readonly network?: docker.Network;
  /** The container. */
  public readonly container: docker.Container;
  /** The command that waited for the server and set the password. */
  public readonly ready: command.local.Command;
  /** The command that restored `restoreFrom`. */
  public readonly restore?: command.local.Command;
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
    // Checked now, because it is used only after the container was created.
    void derived(args.startTimeout, (timeout) => {
      checkValue(ReadyRequest.shape.timeout, timeout, ["startTimeout"], this);
    });
    checkValue(Switch, args.keepData, ["keepData"], this);
    checkValue(Switch, args.standby, ["standby"], this);
    checkValue(Switch, args.checkInPreview, ["checkInPreview"], this);
    const { standby = false, keepData = true, dockerHost } = args;
    const image = args.image ?? "postgis/postgis:17-3.5";
    const containerName = args.containerName ?? name;
    const volumeName = args.volumeName ?? derived(containerName, dataVolume);
    const hostAddress = args.hostAddress ?? "127.0.0.1";
    const port = args.port ?? 5433;
    const user = args.user ?? "postgres";
    const database = args.database ?? "postgres";
    const plan = containerPlan({
      args: { ...args, keepData },
      containerName,
      image,
      volumeName,
      hostAddress,
      port: standby ? undefined : port,
      user,
      database,
    });
    const planned = checkedRequest(PreflightRequest, plan, this, plannedArguments);
    if (args.checkInPreview ?? true) warnInPreview(planned, plan, `${name}-preflight`, this);
    this.preflight = runnerCommand(
      `${name}-preflight`,
      {
        verb: "preflight",
        request: planned,
        triggers: [],
        onUpdate: "runAgain",
      },
      // It is updated and never replaced, because it keeps the owner's id; earlier versions gave it triggers.
      { ...childOptions(this, opts), ignoreChanges: ["triggers"] },
    );
    const checked = childOptions(this, opts, this.preflight);
    const labels = labelsOf(args.labels, ownerOf(this.preflight, name));

    this.volume = new docker.Volume(
      `${name}-volume`,
      { name: volumeName, labels },
      {
        ...checked,
        // Not `protect`: that breaks off "pulumi destroy" when the container is gone already.
        ...(keepData ? { retainOnDelete: true } : {}),
        // Docker cannot change a volume's labels: other labels would replace the volume, and lose the data.
        ignoreChanges: ["labels"],
      },
    );

    if (standby) {
      this.network = new docker.Network(
        `${name}-standby`,
        { name: pulumi.interpolate`${containerName}-standby`, internal: true, labels },
        { ...checked, ignoreChanges: ["labels"] },
      );
    }
    const network = this.network?.name ?? args.network;

    this.container = new docker.Container(
      `${name}-container`,
      {
        ...serverContainer({ image, user, database, password, dataVolume: this.volume.name, network, args }),
        name: containerName,
        ports: [{ internal: 5432, external: port, ip: hostAddress }],
        labels,
      },
      {
        ...checked,
        deleteBeforeReplace: true,
        // The password file acts only when a volume is initialised; afterwards the ready command sets the password. The
        // provider sees that a standby publishes no port, and would replace it in every update.
        ignoreChanges: ["uploads", ...(standby ? ["ports"] : [])],
        // Docker changes the limit of a running container, and cannot take it away: it reads 0 as no change.
        replaceOnChanges: (args.memory ?? 0) === 0 ? ["memory", "memorySwap"] : [],
      },
    );

    this.ready = runnerCommand(
      `${name}-ready`,
      {
        verb: "ready",
        request: checkedRequest(
          ReadyRequest,
          { container: this.container.name, user, database, dockerHost, timeout: args.startTimeout },
          this,
          { container: "containerName", timeout: "startTimeout" },
        ),
        password,
        triggers: [this.container.id],
        onUpdate: "run",
      },
      childOptions(this, opts),
    );

    this.containerName = this.container.name;
    this.containerId = this.container.id;
    this.volumeName = this.volume.name;
    this.uri = pulumi.secret(databaseUri({ user, password, hostAddress, port, database }));
    const server = { container: containerName, user, database, dockerHost, volume: volumeName };
    this.connection = connectionAfter(this.ready, server);
    if (args.restoreFrom !== undefined) {
      const request = {
        ...{ location: args.restoreFrom, s3: args.s3, ifExists: "skip", missingRoles: "create" },
        container: this.connection.container,
        user: this.connection.user,
        database: this.connection.database,
        dockerHost: this.connection.dockerHost,
      };
      this.restore = runVerb(
        `${name}-restore`,
        {
          verb: "restore",
          requestSchema: RestoreRequest,
          request,
          argumentOf: { location: "restoreFrom" },
          resultSchema: RestoreResult,
          // Restores once for each volume: if the tables exist, as in every later run, nothing happens.
          triggers: valuesAlone([volumeName]),
        },
        this,
        opts,
      ).command;
      this.connection = connectionAfter(this.restore, server);
    }
    this.registerOutputs(outputsOf(this));
  }
}
