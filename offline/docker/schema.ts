import type { Input, Schema } from "../provider/input";

const replaces = true;
const computed = true;
const set = true;
const required = true;

/** A Go duration, not negative. */
const DURATION = { default: "0s", pattern: /^(0|(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+)$/ } satisfies Input;

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

const BASE64: Input = {
  replaces,
  pattern: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/,
};

export const SERVICE_CONFIG: Schema = {
  name: { replaces, required },
  data: BASE64,
  dataRaw: { replaces },
  labels: { replaces, set, fields: LABEL },
};

export const SECRET: Schema = {
  name: { replaces, required },
  data: { ...BASE64, required },
  labels: { replaces, set, fields: LABEL },
};

/** A file of a service that comes from a config or a secret. */
const FILE: Schema = {
  fileName: { required },
  fileUid: { default: "0" },
  fileGid: { default: "0" },
  fileMode: { default: 0o444 },
};

const UPDATE: Schema = {
  parallelism: { default: 1 },
  delay: DURATION,
  failureAction: { default: "pause", pattern: /^(pause|continue|rollback)$/ },
  monitor: { ...DURATION, default: "5s" },
  maxFailureRatio: { default: "0.0", normalize: (ratio) => Number(ratio) },
  order: { default: "stop-first", pattern: /^(stop-first|start-first)$/ },
};

const CONTAINER_SPEC: Schema = {
  image: { required },
  labels: { set, fields: LABEL },
  commands: {},
  args: {},
  hostname: {},
  env: {},
  dir: {},
  user: {},
  groups: {},
  readOnly: {},
  mounts: {
    set,
    fields: {
      target: { required },
      source: {},
      type: { required, pattern: /^(bind|volume|tmpfs)$/ },
      readOnly: {},
    },
  },
  stopSignal: {},
  stopGracePeriod: { computed, pattern: DURATION.pattern },
  healthcheck: {
    computed,
    fields: {
      tests: {},
      interval: DURATION,
      timeout: DURATION,
      startPeriod: DURATION,
      retries: { default: 0 },
    },
  },
  secrets: { set, fields: { secretId: { required }, secretName: {}, ...FILE } },
  configs: { set, fields: { configId: { required }, configName: {}, ...FILE } },
  isolation: { default: "default", fixed: true },
  init: { computed },
};

export const SERVICE: Schema = {
  name: { replaces, required },
  labels: { computed, set, fields: LABEL },
  mode: {
    replaces,
    computed,
    fields: { global: { default: false }, replicated: { computed, fields: { replicas: { default: 1 } } } },
  },
  taskSpec: {
    required,
    fields: {
      containerSpec: { required, fields: CONTAINER_SPEC },
      placement: { computed, fields: { constraints: { set }, maxReplicas: {} } },
      restartPolicy: {
        computed,
        fields: {
          condition: { pattern: /^(none|on-failure|any)$/ },
          delay: { pattern: DURATION.pattern },
          maxAttempts: {},
          window: { pattern: DURATION.pattern },
        },
      },
      networksAdvanceds: { set, replaces, fields: { id: {}, name: {}, aliases: { set } } },
      forceUpdate: { computed },
      runtime: { computed },
      resources: { computed, fields: {} },
    },
  },
  updateConfig: { fields: UPDATE },
  rollbackConfig: { fields: UPDATE },
  endpointSpec: {
    computed,
    fields: {
      mode: { computed, pattern: /^(vip|dnsrr)$/ },
      ports: {
        fields: {
          name: {},
          protocol: { default: "tcp", pattern: /^(tcp|udp|sctp)$/ },
          targetPort: { required },
          publishedPort: { computed },
          publishMode: { default: "ingress", pattern: /^(host|ingress)$/ },
        },
      },
    },
  },
};
