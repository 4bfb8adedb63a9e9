import type { Properties, Value } from "../provider/value";

export interface Label {
  label: string;
  value: string;
}

export interface Port {
  internal: number;
  external?: number;
  ip: string;
  protocol: string;
}

interface Mount {
  target: string;
  source?: string;
  type: "bind" | "volume" | "tmpfs";
  readOnly?: boolean;
}

export interface VolumeMount {
  containerPath?: string;
  hostPath?: string;
  volumeName?: string;
  readOnly?: boolean;
}

export interface Upload {
  content?: string;
  contentBase64?: string;
  source?: string;
  file: string;
  executable: boolean;
  permissions?: string;
}

export interface Healthcheck {
  tests?: string[];
  interval: string;
  timeout: string;
  startPeriod: string;
  startInterval: string;
  retries: number;
}

export interface NetworkConnection {
  name: string;
  aliases?: string[];
  ipv4Address?: string;
  ipv6Address?: string;
}

/** The inputs of docker:index/container:Container after the check, with defaults. */
export interface ContainerInputs {
  name: string;
  image: string;
  hostname?: string;
  envs?: string[];
  command?: string[];
  entrypoints?: string[];
  user?: string;
  workingDir?: string;
  restart: string;
  maxRetryCount?: number;
  ports?: Port[];
  mounts?: Mount[];
  volumes?: VolumeMount[];
  uploads?: Upload[];
  labels?: Label[];
  healthcheck?: Healthcheck;
  memory?: number;
  memoryReservation: number;
  memorySwap?: number;
  shmSize?: number;
  cpus?: string;
  cpuShares?: number;
  cpuSet?: string;
  networksAdvanced?: NetworkConnection[];
  networkMode: string;
  logDriver?: string;
  logOpts?: Record<string, string>;
  stopSignal?: string;
  stopTimeout?: number;
  destroyGraceSeconds?: number;
  mustRun: boolean;
  rm: boolean;
  start: boolean;
  wait: boolean;
  waitTimeout: number;
  removeVolumes: boolean;
  tmpfs?: Record<string, string>;
  securityOpts?: string[];
  capabilities?: { adds?: string[]; drops?: string[] };
  init?: boolean;
  privileged?: boolean;
  readOnly: boolean;
  tty: boolean;
  stdinOpen: boolean;
}

function isBlank(value: Value): boolean {
  if (value === "" || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

/**
 * Reads stored properties. They passed the check before they were stored. As in the official provider, an empty text or
 * list counts as absent: `entrypoints: []` keeps the image's own.
 */
export function asContainerInputs(properties: Properties): ContainerInputs {
  const given = Object.entries(properties).filter(([, value]) => !isBlank(value));
  return Object.fromEntries(given) as unknown as ContainerInputs;
}
