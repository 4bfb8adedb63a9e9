/** A service as inputs, as the request of the official provider, and as what that reads back. */
import type { Properties, Value } from "../provider/value";
import { labelMap } from "./container-body";
import type { Healthcheck, Label } from "./container-inputs";
import { parseDuration, shortDuration } from "./duration";
import { labelList } from "./volume";

interface ServiceFile {
  fileName: string;
  fileUid: string;
  fileGid: string;
  fileMode: number;
}

interface ServiceMount {
  target: string;
  source?: string;
  type: string;
  readOnly?: boolean;
}

interface ContainerSpec {
  image: string;
  labels?: Label[];
  commands?: string[];
  args?: string[];
  hostname?: string;
  env?: Record<string, string>;
  dir?: string;
  user?: string;
  groups?: string[];
  readOnly?: boolean;
  mounts?: ServiceMount[];
  stopSignal?: string;
  stopGracePeriod?: string;
  healthcheck?: Omit<Healthcheck, "startInterval">;
  secrets?: (ServiceFile & { secretId: string; secretName?: string })[];
  configs?: (ServiceFile & { configId: string; configName?: string })[];
  isolation: string;
  init?: boolean;
}

interface UpdateConfig {
  parallelism: number;
  delay: string;
  failureAction: string;
  monitor: string;
  maxFailureRatio: string;
  order: string;
}

interface ServicePort {
  name?: string;
  protocol: string;
  targetPort: number;
  publishedPort?: number;
  publishMode: string;
}

/** The inputs of docker:index/service:Service after the check, with defaults. */
export interface ServiceInputs {
  name: string;
  labels?: Label[];
  mode?: { global: boolean; replicated?: { replicas: number } };
  taskSpec: {
    containerSpec: ContainerSpec;
    placement?: { constraints?: string[]; maxReplicas?: number };
    restartPolicy?: { condition?: string; delay?: string; maxAttempts?: number; window?: string };
    networksAdvanceds?: { id?: string; name?: string; aliases?: string[] }[];
    forceUpdate?: number;
    runtime?: string;
  };
  updateConfig?: UpdateConfig;
  rollbackConfig?: UpdateConfig;
  endpointSpec?: { mode?: string; ports?: ServicePort[] };
}

function file({ fileName, fileUid, fileGid, fileMode }: ServiceFile) {
  return { Name: fileName, UID: fileUid, GID: fileGid, Mode: fileMode };
}

function containerSpec(spec: ContainerSpec) {
  const { healthcheck } = spec;
  return {
    Image: spec.image,
    Labels: labelMap(spec.labels),
    Command: spec.commands ?? [],
    Args: spec.args ?? [],
    Hostname: spec.hostname ?? "",
    Env: Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`),
    Dir: spec.dir ?? "",
    User: spec.user ?? "",
    Groups: spec.groups ?? [],
    ReadOnly: spec.readOnly ?? false,
    Mounts: (spec.mounts ?? []).map(({ type, target, source, readOnly }) => ({
      Type: type,
      Target: target,
      Source: source ?? "",
      ReadOnly: readOnly ?? false,
    })),
    StopSignal: spec.stopSignal ?? "",
    ...(spec.stopGracePeriod !== undefined && { StopGracePeriod: parseDuration(spec.stopGracePeriod) }),
    ...(healthcheck && {
      Healthcheck: {
        Test: healthcheck.tests ?? [],
        Interval: parseDuration(healthcheck.interval),
        Timeout: parseDuration(healthcheck.timeout),
        StartPeriod: parseDuration(healthcheck.startPeriod),
        Retries: healthcheck.retries,
      },
    }),
    Secrets: (spec.secrets ?? []).map((secret) => ({
      SecretID: secret.secretId,
      SecretName: secret.secretName ?? "",
      File: file(secret),
    })),
    Configs: (spec.configs ?? []).map((config) => ({
      ConfigID: config.configId,
      ConfigName: config.configName ?? "",
      File: file(config),
    })),
    Isolation: spec.isolation,
    Init: spec.init ?? false,
  };
}

function updateBody(config: UpdateConfig) {
  return {
    Parallelism: config.parallelism,
    Delay: parseDuration(config.delay),
    FailureAction: config.failureAction,
    Monitor: parseDuration(config.monitor),
    MaxFailureRatio: Number(config.maxFailureRatio),
    Order: config.order,
  };
}

function modeBody(mode: ServiceInputs["mode"]) {
  if (mode?.global) return { Global: {} };
  return mode?.replicated === undefined ? {} : { Replicated: { Replicas: mode.replicated.replicas } };
}

/** The request that creates or updates a service. */
export function serviceBody(inputs: ServiceInputs) {
  const { taskSpec, updateConfig, rollbackConfig, endpointSpec } = inputs;
  const { placement, restartPolicy } = taskSpec;
  return {
    Name: inputs.name,
    ...(inputs.labels && { Labels: labelMap(inputs.labels) }),
    TaskTemplate: {
      ContainerSpec: containerSpec(taskSpec.containerSpec),
      Resources: {},
      RestartPolicy: restartPolicy
        ? {
            Condition: restartPolicy.condition ?? "",
            Delay: parseDuration(restartPolicy.delay ?? "0s"),
            MaxAttempts: restartPolicy.maxAttempts ?? 0,
            Window: parseDuration(restartPolicy.window ?? "0s"),
          }
        : {},
      Placement: { Constraints: placement?.constraints ?? [], MaxReplicas: placement?.maxReplicas ?? 0 },
      ForceUpdate: taskSpec.forceUpdate ?? 0,
      Runtime: taskSpec.runtime ?? "",
      Networks: (taskSpec.networksAdvanceds ?? []).map(({ id, name, aliases }) => {
        const target = id ?? name;
        if (target === undefined) throw new Error("network 'name' or 'id' must be specified");
        return { Target: target, Aliases: aliases ?? [] };
      }),
    },
    Mode: modeBody(inputs.mode),
    ...(updateConfig && { UpdateConfig: updateBody(updateConfig) }),
    ...(rollbackConfig && { RollbackConfig: updateBody(rollbackConfig) }),
    EndpointSpec: {
      ...(endpointSpec?.mode !== undefined && { Mode: endpointSpec.mode }),
      Ports: (endpointSpec?.ports ?? []).map((port) => ({
        Name: port.name ?? "",
        Protocol: port.protocol,
        TargetPort: port.targetPort,
        PublishedPort: port.publishedPort ?? 0,
        PublishMode: port.publishMode,
      })),
    },
  };
}

type Body = ReturnType<typeof serviceBody>;
type Part<T> = { readonly [Key in keyof T]?: T[Key] extends object ? Part<T[Key]> : T[Key] };

/** What `docker service inspect` gives. Parts that were not asked for can be absent. */
export interface ServiceInspection {
  readonly Version: { readonly Index: number };
  readonly Spec: {
    readonly Name: string;
    readonly Labels?: Record<string, string> | null;
    readonly TaskTemplate: {
      readonly ContainerSpec: InspectedContainerSpec;
      readonly RestartPolicy?: Part<{
        Condition: string;
        Delay: number;
        MaxAttempts: number;
        Window: number;
      }>;
      readonly Placement?: { readonly Constraints?: string[]; readonly MaxReplicas?: number };
      readonly Networks?: readonly { readonly Target: string; readonly Aliases?: string[] | null }[];
      readonly ForceUpdate?: number;
      readonly Runtime?: string;
    };
    readonly Mode: { readonly Global?: object; readonly Replicated?: { readonly Replicas: number } };
    readonly UpdateConfig?: UpdateState;
    readonly RollbackConfig?: UpdateState;
    readonly EndpointSpec?: EndpointState;
  };
  readonly Endpoint: { readonly Spec?: { readonly Mode?: string }; readonly Ports?: readonly PortState[] };
}
interface InspectedContainerSpec extends Partial<
  Omit<Body["TaskTemplate"]["ContainerSpec"], "Image" | "Mounts" | "Healthcheck">
> {
  readonly Image: string;
  readonly Mounts?: readonly {
    readonly Type: string;
    readonly Target: string;
    readonly Source?: string;
    readonly ReadOnly?: boolean;
  }[];
  readonly Healthcheck?: {
    readonly Test?: string[];
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly StartPeriod?: number;
    readonly Retries?: number;
  };
}
type UpdateState = Partial<ReturnType<typeof updateBody>>;
interface PortState {
  readonly Name?: string;
  readonly Protocol: string;
  readonly TargetPort: number;
  readonly PublishedPort?: number;
  readonly PublishMode: string;
}
interface EndpointState {
  readonly Mode?: string;
  readonly Ports?: readonly PortState[];
}

const given = (text: string | undefined): text is string => text !== undefined && text !== "";
const some = <T>(list: readonly T[] | null | undefined): readonly T[] | undefined =>
  list === null || list === undefined || list.length === 0 ? undefined : list;

function fileState({ Name, UID, GID, Mode }: ReturnType<typeof file>) {
  return { fileName: Name, fileUid: UID, fileGid: GID, fileMode: Mode };
}

function containerSpecState(spec: InspectedContainerSpec): Record<string, Value> {
  const { Healthcheck: check, StopGracePeriod: grace } = spec;
  const properties = {
    image: spec.Image,
    labels: some(labelList(spec.Labels ?? null)),
    commands: some(spec.Command),
    args: some(spec.Args),
    hostname: given(spec.Hostname) ? spec.Hostname : undefined,
    env: some(spec.Env) && Object.fromEntries((spec.Env ?? []).map(variable)),
    dir: given(spec.Dir) ? spec.Dir : undefined,
    user: given(spec.User) ? spec.User : undefined,
    groups: some(spec.Groups),
    readOnly: spec.ReadOnly === true ? true : undefined,
    mounts: some(spec.Mounts)?.map(({ Type, Target, Source, ReadOnly }) => ({
      ...{ type: Type, target: Target, source: Source ?? "" },
      readOnly: ReadOnly ?? false,
    })),
    stopSignal: given(spec.StopSignal) ? spec.StopSignal : undefined,
    stopGracePeriod: grace === undefined ? undefined : shortDuration(grace),
    healthcheck: check && {
      tests: check.Test ?? [],
      interval: shortDuration(check.Interval ?? 0),
      timeout: shortDuration(check.Timeout ?? 0),
      startPeriod: shortDuration(check.StartPeriod ?? 0),
      retries: check.Retries ?? 0,
    },
    secrets: some(spec.Secrets)?.map(({ SecretID, SecretName, File }) => ({
      ...{ secretId: SecretID, secretName: SecretName },
      ...fileState(File),
    })),
    configs: some(spec.Configs)?.map(({ ConfigID, ConfigName, File }) => ({
      ...{ configId: ConfigID, configName: ConfigName },
      ...fileState(File),
    })),
    isolation: given(spec.Isolation) ? spec.Isolation : undefined,
    init: spec.Init,
  };
  return known(properties);
}

function variable(text: string): [string, string] {
  const [name = "", ...value] = text.split("=");
  return [name, value.join("=")];
}

/** Leaves out what is not there. */
function known(properties: Readonly<Record<string, unknown>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as Record<
    string,
    Value
  >;
}

function updateState(config: UpdateState): Record<string, Value> {
  return {
    parallelism: config.Parallelism ?? 0,
    delay: shortDuration(config.Delay ?? 0),
    failureAction: config.FailureAction ?? "",
    monitor: shortDuration(config.Monitor ?? 0),
    maxFailureRatio: (config.MaxFailureRatio ?? 0).toFixed(1),
    order: config.Order ?? "",
  };
}

function portStates(ports: readonly PortState[] | undefined): Value[] {
  return (ports ?? []).map((port) => ({
    name: port.Name ?? "",
    protocol: port.Protocol,
    targetPort: port.TargetPort,
    publishedPort: port.PublishedPort ?? 0,
    publishMode: port.PublishMode,
  }));
}

export function serviceState({ Spec: spec, Endpoint: endpoint }: ServiceInspection): Properties {
  const { TaskTemplate: task, Mode: mode, UpdateConfig: update, RollbackConfig: rollback } = spec;
  const { RestartPolicy: restart, Placement: placement } = task;
  return known({
    name: spec.Name,
    labels: labelList(spec.Labels ?? null),
    mode: {
      global: mode.Global !== undefined,
      ...(mode.Replicated && { replicated: { replicas: mode.Replicated.Replicas } }),
    },
    taskSpec: known({
      containerSpec: containerSpecState(task.ContainerSpec),
      placement:
        placement &&
        known({ constraints: some(placement.Constraints), maxReplicas: placement.MaxReplicas ?? 0 }),
      restartPolicy:
        restart &&
        known({
          condition: restart.Condition,
          delay: restart.Delay === undefined ? undefined : shortDuration(restart.Delay),
          maxAttempts: restart.MaxAttempts,
          window: restart.Window === undefined ? undefined : shortDuration(restart.Window),
        }),
      networksAdvanceds: some(task.Networks)?.map(({ Target, Aliases }) =>
        known({ id: Target, aliases: some(Aliases) }),
      ),
      forceUpdate: task.ForceUpdate ?? 0,
      runtime: given(task.Runtime) ? task.Runtime : undefined,
    }),
    updateConfig: update && updateState(update),
    rollbackConfig: rollback && updateState(rollback),
    endpointSpec: {
      mode: endpoint.Spec?.Mode ?? spec.EndpointSpec?.Mode ?? "",
      ports: portStates(endpoint.Spec?.Mode === undefined ? spec.EndpointSpec?.Ports : endpoint.Ports),
    },
  });
}
