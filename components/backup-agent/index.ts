import type * as command from "@pulumi/command";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { AgentReadyRequest } from "../../runner/request";
import { refuseUnknownArguments } from "../shared/argument-names";
import { checkValue, derived, wrongArgument } from "../shared/check";
import { childOptions, hashOf, outputsOf } from "../shared/component";
import { runnerCommand } from "../shared/runner-command";
import { AgentMode, type BackupAgentArgs, backupAgentNames } from "./args";
import { configurationOf, internalPort } from "./configuration";
import { credentialsName, secretFiles, secretFolder } from "./secret-files";

const configurationFile = "/etc/postgis-backup/agent.yaml";
const socketInContainer = "/var/run/docker.sock";

/** Seconds that the agent gets to end: it takes up to 20 to interrupt a backup and to remove what that left. */
const stopSeconds = 60;

/** What of the arguments is not part of the configuration. */
const PlainArguments = z.object({
  mode: z.enum(AgentMode).optional(),
  image: z.string().min(1, "must name an image"),
  agentName: z
    .string()
    .regex(
      /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,62}$/,
      "must be 2 to 63 letters, digits, '_', '.', '-', and start with a letter or digit",
    )
    .optional(),
  port: z.int().min(1).max(65_535).optional(),
  hostAddress: z.union([z.ipv4(), z.ipv6()], "must be an IP address").optional(),
  network: z.string().min(1).optional(),
  user: z
    .string()
    .regex(/^[^\s:]+(:[^\s:]+)?$/, 'must be a user, or a user and a group, such as "1000:999"')
    .optional(),
  dockerSocket: z.string().startsWith("/", "must be an absolute path").optional(),
  environment: z.record(z.string(), z.string()).optional(),
  labels: z.record(z.string(), z.string()).optional(),
  constraints: z.array(z.string().min(1)).optional(),
  startTimeout: AgentReadyRequest.shape.timeout.optional(),
  dockerHost: AgentReadyRequest.shape.dockerHost,
});

/** Arguments that have a meaning in one of the modes only. */
const onlyIn: readonly (readonly [keyof BackupAgentArgs, AgentMode])[] = [
  ["hostAddress", AgentMode.Container],
  ["constraints", AgentMode.Swarm],
];

/**
 * The agent, which takes backups by schedule: in a container on one host, or on every node of a Docker Swarm. `TableBackup` takes
 * a backup when `pulumi up` runs; this component takes them whether it runs or not.
 *
 * The arguments are the agent's configuration, checked in the preview. If the agent does not work with it, such as because it cannot write to
 * the repository, `pulumi up` fails, and says why. A swarm changes its agents one by one, and stops at the first that does not become healthy:
 * the others stay as they were. The next `pulumi up` goes on.
 *
 * **Caution**: the agent uses the Docker socket of its host. Whoever may change its jobs, its image or the program that declares it,
 * or takes over its container, is root on that host, and on a swarm on every node that has an agent.
 *
 * @example
 * new BackupAgent("agent", {
 *   image: "postgis-backup-agent:0.1.0",
 *   repository: "/srv/backups",
 *   secrets: { pg: new pulumi.Config().requireSecret("password") },
 *   jobs: [
 *     {
 *       name: "cbm",
 *       source: { container: "pg_spat", passwordFile: "/run/secrets/pg" },
 *       tables: ["dias_catalogue", "roi*_signatures"],
 *       schedule: "30 2 * * *",
 *       timeZone: "Europe/Rome",
 *       retention: { keepDaily: 7 },
 *     },
 *   ],
 * });
 */
export class BackupAgent extends pulumi.ComponentResource {
  static readonly argumentNames = backupAgentNames;

  /** The agent's container; undefined on a swarm. */
  public readonly container?: docker.Container;
  /** The service that runs an agent on each node; undefined in mode `container`. */
  public readonly service?: docker.Service;
  /** The Docker config with the agent's configuration; undefined in mode `container`. */
  public readonly configuration?: docker.ServiceConfig;
  /** The Docker secrets, by the names of their files; undefined in mode `container`. */
  public readonly secrets?: Record<string, docker.Secret>;
  /** The command that waited until the agent worked. */
  public readonly ready: command.local.Command;
  /** Name of the container or service. */
  public readonly agentName: pulumi.Output<string>;

  constructor(name: string, args: BackupAgentArgs, opts?: pulumi.ComponentResourceOptions) {
    super("postgis-backup:index:BackupAgent", name, withSecrets(args), opts);
    refuseUnknownArguments(args, backupAgentNames, this);
    const { mode = AgentMode.Container } = args;
    checkOwn(args, mode, this);
    const files = secretFiles(args, this);
    const { text, folders } = configurationOf(args, { mode, secrets: Object.keys(files) }, this);
    const agentName = args.agentName ?? name;
    const options = childOptions(this, opts);
    const environment = pulumi.output(args.environment ?? {}).apply((given): Record<string, string> => ({
      ...given,
      ...(credentialsName in files
        ? { AWS_SHARED_CREDENTIALS_FILE: `${secretFolder}/${credentialsName}` }
        : {}),
    }));
    const labels = pulumi
      .output(args.labels ?? {})
      .apply((given) => Object.entries(given).map(([label, value]) => ({ label, value })));
    const socket = {
      type: "bind",
      source: args.dockerSocket ?? socketInContainer,
      target: socketInContainer,
    };
    let started: pulumi.Output<string>;
    if (mode === AgentMode.Container) {
      const { port, network, user } = args;
      this.container = new docker.Container(
        `${name}-container`,
        {
          name: agentName,
          image: args.image,
          envs: environment.apply((given) =>
            Object.entries(given).map(([variable, value]) => `${variable}=${value}`),
          ),
          uploads: [
            { file: configurationFile, content: text, permissions: "0444" },
            // Readable by the user that the agent runs as; nobody else is in the container.
            ...Object.entries(files).map(([file, content]) => ({
              file: `${secretFolder}/${file}`,
              content,
              permissions: "0444",
            })),
          ],
          mounts: [socket],
          // Unlike mounts, the daemon makes folders that do not exist yet.
          volumes: folders.apply((all) => all.map((folder) => ({ hostPath: folder, containerPath: folder }))),
          labels,
          // The provider takes an unset user for no change.
          user: user ?? "root",
          ...(network === undefined ? {} : { networksAdvanced: [{ name: network }] }),
          ...(port === undefined
            ? {}
            : { ports: [{ internal: internalPort, external: port, ip: args.hostAddress ?? "127.0.0.1" }] }),
          init: true,
          restart: "unless-stopped",
          // The command below watches the start, and shows the last log lines if it fails.
          mustRun: false,
          stopTimeout: stopSeconds,
          destroyGraceSeconds: stopSeconds,
        },
        { ...options, deleteBeforeReplace: true },
      );
      this.agentName = this.container.name;
      started = this.container.id;
    } else {
      // Without names of their own: the next ones are made before these go, and Docker cannot change them.
      this.configuration = new docker.ServiceConfig(
        `${name}-configuration`,
        { data: text.apply(base64), labels },
        options,
      );
      this.secrets = Object.fromEntries(
        Object.entries(files).map(([file, content]) => [
          file,
          new docker.Secret(`${name}-secret-${file}`, { data: content.apply(base64), labels }, options),
        ]),
      );
      const service = serviceArgs(args, {
        ...{ name: agentName, configuration: this.configuration, secrets: this.secrets },
        ...{ environment, labels, folders, socket },
      });
      this.service = new docker.Service(`${name}-service`, service, options);
      this.agentName = this.service.name;
      // Whatever changes a service leaves its id as it is.
      started = pulumi.all([this.service.id, pulumi.jsonStringify(service)]).apply(hashOf);
    }
    this.ready = runnerCommand(
      `${name}-ready`,
      {
        verb: "agent-ready",
        request: { name: this.agentName, mode, dockerHost: args.dockerHost, timeout: args.startTimeout },
        triggers: [started],
        onUpdate: "run",
      },
      options,
    );
    this.registerOutputs(outputsOf(this));
  }
}

function checkOwn(args: BackupAgentArgs, mode: AgentMode, resource: pulumi.Resource): void {
  for (const [argument, schema] of Object.entries(PlainArguments.shape))
    void derived(args[argument as keyof BackupAgentArgs] as pulumi.Input<unknown>, (known) => {
      checkValue(schema, known, [argument], resource);
    });
  const wrong = onlyIn.find(([argument, only]) => args[argument] !== undefined && only !== mode);
  if (wrong !== undefined)
    throw wrongArgument(`${wrong[0]}: has a meaning in mode "${wrong[1]}" only`, resource);
}

/** An agent on each node. */
function serviceArgs(
  { image, user, network, constraints, port }: BackupAgentArgs,
  parts: {
    readonly name: pulumi.Input<string>;
    readonly configuration: docker.ServiceConfig;
    readonly secrets: Readonly<Record<string, docker.Secret>>;
    readonly environment: pulumi.Input<Record<string, string>>;
    readonly labels: pulumi.Output<{ label: string; value: string }[]>;
    readonly folders: pulumi.Output<string[]>;
    readonly socket: {
      readonly type: string;
      readonly source: pulumi.Input<string>;
      readonly target: string;
    };
  },
): docker.ServiceArgs {
  return {
    name: parts.name,
    labels: parts.labels,
    mode: { global: true },
    taskSpec: {
      containerSpec: {
        image,
        ...(user === undefined ? {} : { user }),
        env: parts.environment,
        init: true,
        configs: [
          {
            configId: parts.configuration.id,
            configName: parts.configuration.name,
            fileName: configurationFile,
          },
        ],
        secrets: Object.entries(parts.secrets).map(([file, secret]) => ({
          secretId: secret.id,
          secretName: secret.name,
          fileName: file,
        })),
        mounts: parts.folders.apply((all) => [
          parts.socket,
          ...all.map((folder) => ({ type: "bind", source: folder, target: folder })),
        ]),
        // As the provider reads it back: "60s" would show as a change.
        stopGracePeriod: `${stopSeconds / 60}m`,
      },
      ...(constraints === undefined ? {} : { placement: { constraints } }),
      ...(network === undefined ? {} : { networksAdvanceds: [{ id: network }] }),
    },
    // Never two agents on one node. If one does not become healthy, the others stay as they are; to go back would need the
    // configuration that this update removes.
    updateConfig: { parallelism: 1, order: "stop-first", failureAction: "pause", monitor: "15s" },
    ...(port === undefined
      ? {}
      : {
          endpointSpec: { ports: [{ targetPort: internalPort, publishedPort: port, publishMode: "host" }] },
        }),
  };
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** The arguments as the state keeps them. */
function withSecrets(args: BackupAgentArgs): pulumi.Inputs {
  return {
    ...args,
    ...(args.secrets === undefined ? {} : { secrets: pulumi.secret(args.secrets) }),
    ...(args.s3Credentials === undefined ? {} : { s3Credentials: pulumi.secret(args.s3Credentials) }),
  };
}
