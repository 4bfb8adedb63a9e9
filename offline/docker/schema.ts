import type { Input, Schema } from "../provider/input";

const replaces = true;
const computed = true;
const set = true;
const required = true;

/** A Go duration, not negative. */
const DURATION: Input = { default: "0s", pattern: /^(0|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)$/ };

export const LABEL: Schema = { label: { required }, value: { required } };

export const CONTAINER: Schema = {
  name: { replaces, required },
  image: { replaces, required },
  hostname: { replaces, computed },
  envs: { replaces, computed, set },
  command: { replaces, computed },
  entrypoints: { replaces, computed },
  // If absent, the image's own user or folder stays.
  user: { replaces, computed },
  workingDir: { replaces, computed },
  restart: { default: "no", pattern: /^(no|on-failure|always|unless-stopped)$/ },
  maxRetryCount: {},
  ports: {
    replaces,
    set,
    fields: {
      internal: { required },
      external: { computed },
      ip: { default: "0.0.0.0" },
      protocol: { default: "tcp" },
    },
  },
  mounts: {
    replaces,
    set,
    fields: {
      target: { required },
      source: {},
      type: { required, pattern: /^(bind|volume|tmpfs)$/ },
      readOnly: {},
    },
  },
  volumes: {
    replaces,
    set,
    fields: { containerPath: {}, hostPath: { pattern: /^\// }, volumeName: {}, readOnly: {} },
  },
  uploads: {
    replaces,
    set,
    fields: {
      content: {},
      contentBase64: {},
      source: {},
      sourceHash: {},
      file: { required },
      executable: { default: false },
      permissions: { pattern: /^0[0-7]{3}$/ },
    },
  },
  labels: { replaces, computed, set, fields: LABEL },
  healthcheck: {
    computed,
    fields: {
      tests: {},
      interval: DURATION,
      timeout: DURATION,
      startPeriod: DURATION,
      startInterval: DURATION,
      retries: { default: 0 },
    },
  },
  memory: {},
  memoryReservation: { default: 0 },
  memorySwap: {},
  shmSize: { replaces, computed },
  cpus: { replaces },
  cpuShares: {},
  cpuSet: {},
  networksAdvanced: {
    replaces,
    set,
    fields: { name: { required }, aliases: { set }, ipv4Address: {}, ipv6Address: {} },
  },
  networkMode: { replaces, default: "bridge" },
  logDriver: { replaces, computed },
  logOpts: { replaces },
  stopSignal: { replaces, computed },
  stopTimeout: { replaces, computed },
  destroyGraceSeconds: {},
  mustRun: { default: true },
  rm: { default: false },
  start: { default: true },
  wait: { default: false },
  waitTimeout: { default: 60 },
  attach: { default: false, fixed: true },
  logs: { default: false, fixed: true },
  removeVolumes: { default: true },
  containerReadRefreshTimeoutMilliseconds: { default: 15000 },
  tmpfs: {},
  securityOpts: { replaces, computed, set },
  capabilities: { replaces, fields: { adds: { set }, drops: { set } } },
  init: { computed },
  privileged: { replaces },
  readOnly: { replaces, default: false },
  tty: { replaces, default: false },
  stdinOpen: { replaces, default: false },
};

export const VOLUME: Schema = {
  name: { replaces, computed },
  driver: { replaces, computed },
  driverOpts: { replaces },
  labels: { replaces, set, fields: LABEL },
};

export const NETWORK: Schema = {
  name: { replaces, required },
  driver: { replaces, computed },
  internal: { replaces, computed },
  options: { replaces, computed },
  labels: { replaces, set, fields: LABEL },
};
