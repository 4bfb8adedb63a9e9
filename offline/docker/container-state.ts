import type { ContainerInspectInfo } from "dockerode";
import type { Properties, Value } from "../provider/value";
import type { ContainerInputs } from "./container-inputs";
import { formatDuration } from "./duration";

const MEGABYTE = 1024 * 1024;

type Ports = ContainerInspectInfo["NetworkSettings"]["Ports"];

function megabytes(bytes: number | undefined): number {
  return Math.trunc((bytes ?? 0) / MEGABYTE);
}

/** Formats CPUs like the official provider: whole numbers up to nine as `2.0`. */
export function formatCpus(nanoCpus: number): string {
  const text = (nanoCpus / 1e9).toFixed(9);
  const zeros = text.split("").filter((digit) => digit === "0").length;
  return zeros === 9 ? (nanoCpus / 1e9).toFixed(1) : text.replace(/0+$/, "");
}

function portList(ports: Partial<Ports>): Value[] {
  return Object.entries(ports).flatMap(([key, bindings]) => {
    const [internal, protocol = ""] = key.split("/");
    // An unpublished port has no bindings.
    return ((bindings ?? []) as { HostIp: string; HostPort: string }[]).map(({ HostIp, HostPort }) => ({
      internal: Number(internal),
      external: Number(HostPort),
      ip: HostIp,
      protocol,
    }));
  });
}

function networkDatas({ Networks }: ContainerInspectInfo["NetworkSettings"]): Value[] {
  return Object.entries(Networks).map(([networkName, network]) => ({
    networkName,
    ipAddress: network.IPAddress,
    ipPrefixLength: network.IPPrefixLen,
    gateway: network.Gateway,
    globalIpv6Address: network.GlobalIPv6Address,
    globalIpv6PrefixLength: network.GlobalIPv6PrefixLen,
    ipv6Gateway: network.IPv6Gateway,
    macAddress: network.MacAddress,
  }));
}

function healthcheck({ Healthcheck: check }: ContainerInspectInfo["Config"]): Properties {
  if (check === undefined) return {};
  const { StartInterval } = check as { StartInterval?: number };
  return {
    healthcheck: {
      tests: check.Test ?? [],
      interval: formatDuration(check.Interval ?? 0),
      timeout: formatDuration(check.Timeout ?? 0),
      startPeriod: formatDuration(check.StartPeriod ?? 0),
      startInterval: formatDuration(StartInterval ?? 0),
      retries: check.Retries ?? 0,
    },
  };
}

function list(value: string | string[] | null | undefined): string[] {
  if (value === null || value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function hostState({ HostConfig: host }: ContainerInspectInfo, inputs: ContainerInputs): Properties {
  const swap = host.MemorySwap ?? 0;
  const added = list(host.CapAdd as string[] | null);
  const dropped = list(host.CapDrop as string[] | null);
  return {
    rm: host.AutoRemove ?? false,
    readOnly: host.ReadonlyRootfs ?? false,
    securityOpts: list(host.SecurityOpt as string[] | null),
    restart: host.RestartPolicy?.Name ?? "",
    maxRetryCount: host.RestartPolicy?.MaximumRetryCount ?? 0,
    init: host.Init ?? false,
    runtime: host.Runtime ?? "",
    mounts: (host.Mounts ?? []).map(({ Target, Source, Type, ReadOnly }) => ({
      target: Target,
      source: Source,
      type: Type,
      readOnly: ReadOnly ?? false,
    })),
    tmpfs: host.Tmpfs ?? {},
    privileged: host.Privileged ?? false,
    memory: megabytes(host.Memory),
    memoryReservation: megabytes(host.MemoryReservation),
    memorySwap: swap > 0 ? megabytes(swap) : swap,
    shmSize: megabytes(host.ShmSize),
    cpuShares: host.CpuShares ?? 0,
    cpuSet: host.CpusetCpus ?? "",
    logDriver: host.LogConfig?.Type ?? "",
    logOpts: inputs.logOpts ? ((host.LogConfig?.Config as Record<string, string> | null) ?? {}) : {},
    networkMode: host.NetworkMode ?? "",
    ipcMode: host.IpcMode ?? "",
    ...(host.NanoCpus ? { cpus: formatCpus(host.NanoCpus) } : {}),
    ...(added.length + dropped.length > 0 && { capabilities: { adds: added, drops: dropped } }),
  };
}

/** What the daemon reports about a container. Variables, labels and uploads are never read back. */
export function containerState(info: ContainerInspectInfo, inputs: ContainerInputs): Properties {
  const { Config: config, State: state, NetworkSettings: network } = info;
  const portsKnown = inputs.ports !== undefined && (state.Running || inputs.mustRun);
  return {
    ...hostState(info, inputs),
    ...healthcheck(config),
    bridge: (network as { Bridge?: string }).Bridge ?? "",
    networkDatas: networkDatas(network),
    ...(portsKnown && { ports: portList(network.Ports) }),
    // A stopped container that must run shows up as a change, which starts it again.
    ...(!state.Running && { exitCode: state.ExitCode, mustRun: false }),
    name: info.Name.replace(/^\//, ""),
    image: inputs.image.startsWith("sha256:") ? info.Image : config.Image,
    platform: info.Platform,
    hostname: config.Hostname,
    domainname: config.Domainname,
    command: list(config.Cmd),
    entrypoints: list(config.Entrypoint),
    user: config.User,
    workingDir: config.WorkingDir,
    tty: config.Tty,
    stdinOpen: config.OpenStdin,
    stopSignal: (config as { StopSignal?: string }).StopSignal ?? "",
    stopTimeout: (config as { StopTimeout?: number }).StopTimeout ?? 0,
  };
}
