import type { ContainerCreateOptions, HostConfig, PortMap } from "dockerode";
import type { ContainerInputs, Healthcheck, Label, Port, VolumeMount } from "./container-inputs";
import { parseDuration } from "./duration";

const MEGABYTE = 1024 * 1024;

export function labelMap(labels: Label[] = []): Record<string, string> {
  return Object.fromEntries(labels.map(({ label, value }) => [label, value]));
}

function healthcheckBody(healthcheck: Healthcheck) {
  return {
    Test: healthcheck.tests ?? [],
    Interval: parseDuration(healthcheck.interval),
    Timeout: parseDuration(healthcheck.timeout),
    StartPeriod: parseDuration(healthcheck.startPeriod),
    StartInterval: parseDuration(healthcheck.startInterval),
    Retries: healthcheck.retries,
  };
}

function portKey({ internal, protocol }: Port): string {
  return `${internal}/${protocol}`;
}

function portBindings(ports: Port[]): PortMap {
  const bindings: PortMap = {};
  for (const port of ports) {
    const key = portKey(port);
    bindings[key] = [...(bindings[key] ?? []), { HostPort: String(port.external ?? 0), HostIp: port.ip }];
  }
  return bindings;
}

function bind({ containerPath, hostPath, volumeName, readOnly }: VolumeMount): string[] {
  if (containerPath === undefined || containerPath === "") {
    throw new Error("Unable to parse volumes: volume entry without container path or source container");
  }
  const source = hostPath ?? volumeName;
  return source === undefined || source === ""
    ? []
    : [`${source}:${containerPath}:${readOnly ? "ro" : "rw"}`];
}

/** Converts swap in megabytes to bytes. -1 means no limit. */
function swapBytes(megabytes: number): number {
  return megabytes > 0 ? megabytes * MEGABYTE : megabytes;
}

/** The limits that can be changed while the container runs. */
export function resourceLimits(inputs: ContainerInputs) {
  return {
    CpuShares: inputs.cpuShares ?? 0,
    Memory: (inputs.memory ?? 0) * MEGABYTE,
    MemoryReservation: inputs.memoryReservation * MEGABYTE,
    CpusetCpus: inputs.cpuSet ?? "",
    ...(inputs.memorySwap !== undefined && { MemorySwap: swapBytes(inputs.memorySwap) }),
  };
}

export function restartPolicy(inputs: ContainerInputs) {
  return { Name: inputs.restart, MaximumRetryCount: inputs.maxRetryCount ?? 0 };
}

function nanoCpus(cpus: string): number {
  const number = Number(cpus);
  if (!/^\d*\.?\d+$/.test(cpus)) throw new Error(`Error setting cpus: ${cpus} is not a number`);
  return Math.round(number * 1e9);
}

function hostConfig(inputs: ContainerInputs): HostConfig {
  const { capabilities, cpus, securityOpts } = inputs;
  const unconfinedPaths = securityOpts?.includes("systempaths=unconfined") ?? false;
  return {
    ...resourceLimits(inputs),
    Privileged: inputs.privileged ?? false,
    PublishAllPorts: false,
    RestartPolicy: restartPolicy(inputs),
    Mounts: (inputs.mounts ?? []).map(({ type, target, source, readOnly }) => ({
      Type: type,
      Target: target,
      Source: source ?? "",
      ReadOnly: readOnly ?? false,
    })),
    AutoRemove: inputs.rm,
    ReadonlyRootfs: inputs.readOnly,
    LogConfig: { Type: inputs.logDriver ?? "", Config: inputs.logOpts ?? {} },
    NetworkMode: inputs.networkMode,
    Init: inputs.init ?? false,
    ...(inputs.tmpfs && { Tmpfs: inputs.tmpfs }),
    ...(inputs.ports && { PortBindings: portBindings(inputs.ports) }),
    ...(inputs.volumes && { Binds: inputs.volumes.flatMap(bind) }),
    ...(capabilities && { CapAdd: capabilities.adds ?? [], CapDrop: capabilities.drops ?? [] }),
    ...(securityOpts && {
      SecurityOpt: securityOpts.filter((option) => option !== "systempaths=unconfined"),
    }),
    ...(unconfinedPaths && { MaskedPaths: [], ReadonlyPaths: [] }),
    ...(inputs.shmSize && { ShmSize: inputs.shmSize * MEGABYTE }),
    ...(cpus !== undefined && cpus !== "" && { NanoCpus: nanoCpus(cpus) }),
  };
}

/** The request that creates a container, the same as that of the official provider. */
export function containerBody(inputs: ContainerInputs): ContainerCreateOptions {
  if (inputs.command?.includes("")) throw new Error("values for command may not be empty");
  const { ports, volumes } = inputs;
  return {
    name: inputs.name,
    Image: inputs.image,
    Hostname: inputs.hostname ?? "",
    Tty: inputs.tty,
    OpenStdin: inputs.stdinOpen,
    StopSignal: inputs.stopSignal ?? "",
    ...(inputs.stopTimeout && { StopTimeout: inputs.stopTimeout }),
    ...(inputs.envs && { Env: inputs.envs }),
    ...(inputs.command && { Cmd: inputs.command }),
    ...(inputs.entrypoints && { Entrypoint: inputs.entrypoints }),
    ...(inputs.user !== undefined && { User: inputs.user }),
    ...(inputs.workingDir !== undefined && { WorkingDir: inputs.workingDir }),
    ...(ports && { ExposedPorts: Object.fromEntries(ports.map((port) => [portKey(port), {}])) }),
    ...(volumes && {
      Volumes: Object.fromEntries(volumes.map(({ containerPath }) => [containerPath ?? "", {}])),
    }),
    ...(inputs.labels && { Labels: labelMap(inputs.labels) }),
    ...(inputs.healthcheck && { Healthcheck: healthcheckBody(inputs.healthcheck) }),
    HostConfig: hostConfig(inputs),
  };
}
