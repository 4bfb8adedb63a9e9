import type * as pulumi from "@pulumi/pulumi";
import type {
  ArchiveFormat,
  Globals,
  MissingReferences,
  NotCarried,
  VerifyLevel,
} from "../../runner/request/choices";
import type { ArgumentNames } from "../shared/argument-names";
import { s3Names, type S3SettingsArgs } from "../shared/s3-settings";
import { retentionNames, type RetentionArgs } from "../shared/backup/args";

/** Where the agent runs. */
export const AgentMode = {
  /** In one container, on the host of the Docker provider. */
  Container: "container",
  /** On every node of a Docker Swarm, each for the containers of its own node. */
  Swarm: "swarm",
} as const;
export type AgentMode = (typeof AgentMode)[keyof typeof AgentMode];

/** What a job backs up. One of `container`, `service` and `label` is given. */
export interface AgentSourceArgs {
  /**
   * Name of a container. In mode `swarm` it is refused: the containers of services have generated names.
   * @default none
   */
  container?: pulumi.Input<string>;
  /**
   * Name of a Swarm service. The agent of the node where its container runs backs it up.
   * @default none
   */
  service?: pulumi.Input<string>;
  /**
   * Label of containers, such as `postgis-backup.job=cbm`. Each that carries it is backed up, also one that comes later, under
   * the job's name, a hyphen, and its own name or that of its service.
   * @default none
   */
  label?: pulumi.Input<string>;
  /**
   * Database that holds the tables.
   * @default "postgres"
   */
  database?: pulumi.Input<string>;
  /**
   * Role that connects; it must be able to read the tables.
   * @default "postgres"
   */
  user?: pulumi.Input<string>;
  /**
   * File with the role's password: `/run/secrets/pg` for the secret `pg` of `secrets`.
   * @default none
   */
  passwordFile?: pulumi.Input<string>;
  /**
   * Docker daemon, as in DOCKER_HOST, where it is another than the agent's. In mode `swarm` it is refused: all agents would back up
   * the same.
   * @default the daemon of the agent's own host
   */
  dockerHost?: pulumi.Input<string>;
}

/** How often a run is tried again. Only failures that can pass are. */
export interface AgentRetryArgs {
  /**
   * Time from the first failure to the next attempt, such as `10s`. It doubles after each.
   * @default "10s"
   */
  first?: pulumi.Input<string>;
  /**
   * The longest time between two attempts.
   * @default "10m"
   */
  most?: pulumi.Input<string>;
  /**
   * A run has failed when attempts have failed for so long.
   * @default "1h"
   */
  for?: pulumi.Input<string>;
}

/** Who is told of runs. */
export interface AgentNotifyArgs {
  /**
   * URL that gets each event as JSON, by POST.
   * @default none
   */
  webhook?: pulumi.Input<string>;
  /**
   * File with that URL, such as `/run/secrets/webhook`, where the URL is a secret.
   * @default none
   */
  webhookFile?: pulumi.Input<string>;
  /**
   * URL of a dead man's switch: called with `/start` behind it, without anything on success, and with `/fail` on failure.
   * @default none
   */
  ping?: pulumi.Input<string>;
  /**
   * File with that URL, where the URL is a secret.
   * @default none
   */
  pingFile?: pulumi.Input<string>;
  /**
   * Addresses that get a mail about a failure; it needs `smtp`.
   * @default none
   */
  email?: pulumi.Input<pulumi.Input<string>[]>;
}

/** How mails are sent. */
export interface AgentSmtpArgs {
  /** Mail server, without a password, such as `smtps://mail.example.com`. */
  url: pulumi.Input<string>;
  /**
   * User at the mail server.
   * @default none
   */
  user?: pulumi.Input<string>;
  /**
   * File with the user's password, such as `/run/secrets/smtp`.
   * @default none
   */
  passwordFile?: pulumi.Input<string>;
  /** Sender of the mails. */
  from: pulumi.Input<string>;
}

/** A command before or after a backup. */
export interface AgentHookArgs {
  /** Program and arguments. No shell reads them. */
  command: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * `container`: in the database's container; `host`: in the agent's own container.
   * @default "container"
   */
  on?: pulumi.Input<string>;
  /**
   * User in the container.
   * @default that of the image
   */
  user?: pulumi.Input<string>;
  /**
   * When it is ended, and has failed, such as `10m`.
   * @default "10m"
   */
  timeout?: pulumi.Input<string>;
}

/** One series of backups, with its schedule. */
export interface AgentJobArgs {
  /** Name of the backups, a folder in the repository. Each job has its own. Another name is a new series. */
  name: pulumi.Input<string>;
  /** What is backed up. */
  source: pulumi.Input<AgentSourceArgs>;
  /**
   * Tables, backed up together from one snapshot: `table`, `schema.table`, or patterns with `*` and `?`. A job needs these or `all`.
   * @default none
   */
  tables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Whether the whole database is backed up instead of tables: with views, functions, large objects and all else that `pg_dump` dumps of it.
   * @default false
   */
  all?: pulumi.Input<boolean>;
  /**
   * With `all`: tables or patterns that are backed up without their rows.
   * @default none
   */
  excludeTableData?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * With `all`: schemas to leave out.
   * @default none
   */
  excludeSchemas?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * With `all`: the roles of the server too, `without-passwords` or `with-passwords`, which are hashes. Keep others from the
   * repository then.
   * @default none
   */
  globals?: pulumi.Input<Globals>;
  /**
   * When backups are taken, as a cron line such as `30 2 * * *`, in `timeZone`. With six fields, the first is seconds.
   */
  schedule: pulumi.Input<string>;
  /**
   * Tables or patterns to leave out.
   * @default none
   */
  excludeTables?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Where the backups of this job are kept.
   * @default the agent's `repository`
   */
  repository?: pulumi.Input<string>;
  /**
   * Further repositories that a complete and verified backup is copied to.
   * @default none
   */
  copies?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Folder in which a backup for S3 is written and verified before it is uploaded.
   * @default none; a backup for S3 is streamed
   */
  workDirectory?: pulumi.Input<string>;
  /**
   * How the S3 server is reached.
   * @default the agent's `s3`
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Archive format: `directory`, `custom` or `plain`. A `directory` that is streamed to S3 must be compressed with zstd, or not at
   * all.
   * @default "directory", or "custom" where the backup is streamed to S3
   */
  format?: pulumi.Input<ArchiveFormat>;
  /**
   * Parallel `pg_dump` workers, 1 to 64. Only the format `directory` in a folder uses more than one.
   * @default the number of CPUs of the agent's host, at most 4
   */
  jobs?: pulumi.Input<number>;
  /**
   * Tables of at least this many bytes are dumped by all workers at once; 0 turns that off.
   * @default 536870912 (512 MiB)
   */
  splitTablesFrom?: pulumi.Input<number>;
  /**
   * Compression: `zstd`, `gzip` or `lz4`, with an optional level such as `zstd:1`; or `none`.
   * @default "zstd:1", or "gzip:1" below PostgreSQL 16
   */
  compression?: pulumi.Input<string>;
  /**
   * How long rows that did not change are shared with earlier backups before they are dumped anew, such as `7d`. It needs the
   * format `directory`, which must be named for a job whose repository is in S3.
   * @default none; all rows are dumped each time
   */
  fullEvery?: pulumi.Input<string>;
  /**
   * What happens when a foreign key refers to a table that is not selected: `fail`, `include` that table, or `ignore` the key.
   * @default "fail"
   */
  missingReferences?: pulumi.Input<MissingReferences>;
  /**
   * Content that the backup may lack, as for `TableBackup`.
   * @default none
   */
  accept?: pulumi.Input<pulumi.Input<NotCarried>[]>;
  /**
   * Foreign keys that the database does not declare, such as `roi2020_S2_signatures.pid -> parcel_set.ogc_fid`.
   * @default none
   */
  logicalForeignKeys?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The backup fails if any of the `logicalForeignKeys` has more orphans than this.
   * @default no limit
   */
  maxOrphans?: pulumi.Input<number>;
  /**
   * Seconds to wait for a table that somebody else has locked.
   * @default 60
   */
  lockTimeout?: pulumi.Input<number>;
  /**
   * Permissions of the backup's files in a folder, in octal.
   * @default "0600"
   */
  fileMode?: pulumi.Input<string>;
  /**
   * What each backup must prove before it counts: `none`, `archive` or `restore`, as `verify` of `TableBackup`.
   * @default "archive"
   */
  verifyLevel?: pulumi.Input<VerifyLevel>;
  /**
   * When the latest backup is read once more, to its end, as a cron line.
   * @default never
   */
  verify?: pulumi.Input<string>;
  /**
   * When the latest backup is restored in a throwaway container, as a cron line.
   * @default never
   */
  restoreTest?: pulumi.Input<string>;
  /**
   * Which backups of this job are kept.
   * @default the agent's `retention`
   */
  retention?: pulumi.Input<RetentionArgs>;
  /**
   * Time zone of this job's schedules.
   * @default the agent's `timeZone`
   */
  timeZone?: pulumi.Input<string>;
  /**
   * The job starts later than its schedule says, by its own share of this time.
   * @default the agent's `jitter`
   */
  jitter?: pulumi.Input<string>;
  /**
   * How often a run of this job is tried again.
   * @default the agent's `retry`
   */
  retry?: pulumi.Input<AgentRetryArgs>;
  /**
   * Who is told of this job's runs.
   * @default the agent's `notify`
   */
  notify?: pulumi.Input<AgentNotifyArgs>;
  /**
   * Commands before each backup. If one fails, there is no backup.
   * @default none
   */
  before?: pulumi.Input<pulumi.Input<AgentHookArgs>[]>;
  /**
   * Commands after each attempt, also a failed one.
   * @default none
   */
  after?: pulumi.Input<pulumi.Input<AgentHookArgs>[]>;
}

/** Credentials of an S3 server. They reach the agent as a file, and are in no environment and no configuration. */
export interface S3CredentialsArgs {
  /** Id of the access key. */
  accessKeyId: pulumi.Input<string>;
  /** The secret of the access key. */
  secretAccessKey: pulumi.Input<string>;
  /**
   * Token of temporary credentials.
   * @default none
   */
  sessionToken?: pulumi.Input<string>;
}

export interface BackupAgentArgs {
  /**
   * Where the agent runs: `container`, on one host, or `swarm`, on every node of a Docker Swarm that `constraints` do not
   * leave out. A change removes the one and makes the other; a run that is due is caught up.
   * @default "container"
   */
  mode?: AgentMode;
  /**
   * Image of the agent, as `agent/Dockerfile` builds it. Every node must have it, or be able to pull it. On a swarm, name one
   * that comes from a registry with its digest (`…@sha256:…`): Swarm adds it, and every update would show that as a difference. A change
   * replaces the agent; a backup that runs is interrupted, and taken again.
   */
  image: pulumi.Input<string>;
  /**
   * Name of the container or service. A change replaces the agent; a backup that runs is interrupted, and taken again.
   * @default the name of the component
   */
  agentName?: pulumi.Input<string>;
  /**
   * What is backed up, when, and how. A change replaces the agent; a backup that runs is interrupted, and taken again. A run
   * that became due meanwhile is caught up.
   */
  jobs: pulumi.Input<pulumi.Input<AgentJobArgs>[]>;
  /**
   * Where the backups are kept: a folder of the agent's host, or `s3://bucket/prefix`. A folder is mounted in the agent's
   * container under the path that it has on the host. In mode `container` it is relative to the program, and created if it does
   * not exist; in mode `swarm` it is an absolute path that exists on every node, and the same storage on all of them if
   * a backup is to be found wherever the database runs next. A change is as one of `jobs`; earlier backups stay where they are.
   * @default none; each job has its own
   */
  repository?: pulumi.Input<string>;
  /**
   * How the S3 server is reached. A change is as one of `jobs`.
   * @default AWS
   */
  s3?: pulumi.Input<S3SettingsArgs>;
  /**
   * Credentials for S3. A change is as one of `jobs`.
   * @default as the AWS SDK finds them, such as the role of the machine
   */
  s3Credentials?: pulumi.Input<S3CredentialsArgs>;
  /**
   * Secrets by their names. The agent sees each as the file `/run/secrets/<name>`, which `passwordFile`, `webhookFile`
   * and `pingFile` name; on a swarm they are Docker secrets. A change is as one of `jobs`.
   * @default none
   */
  secrets?: Record<string, pulumi.Input<string>>;
  /**
   * Which backups are kept. A change is as one of `jobs`.
   * @default all
   */
  retention?: pulumi.Input<RetentionArgs>;
  /**
   * Time zone of the schedules, such as `Europe/Rome`. A change is as one of `jobs`.
   * @default "UTC"
   */
  timeZone?: pulumi.Input<string>;
  /**
   * Each job starts later than its schedule says, by its own share of this time, such as `5m`. A change is as one of `jobs`.
   * @default none
   */
  jitter?: pulumi.Input<string>;
  /**
   * How often a run is tried again. A change is as one of `jobs`.
   * @default for an hour
   */
  retry?: pulumi.Input<AgentRetryArgs>;
  /**
   * Who is told of runs. A change is as one of `jobs`.
   * @default nobody
   */
  notify?: pulumi.Input<AgentNotifyArgs>;
  /**
   * How mails are sent. A change is as one of `jobs`.
   * @default no mails
   */
  smtp?: pulumi.Input<AgentSmtpArgs>;
  /**
   * Jobs that run at once on a host, 1 to 64. A change is as one of `jobs`.
   * @default 2
   */
  atOnce?: pulumi.Input<number>;
  /**
   * Port of the host on which `/metrics`, `/report` and `/healthz` are published. Anyone who reaches it can read them. A
   * change is as one of `jobs`.
   * @default none; only the health check of the container asks for them
   */
  port?: pulumi.Input<number>;
  /**
   * Address of the host that the port is published on. In mode `swarm` it is refused: Swarm publishes on all addresses. A
   * change is as one of `jobs`.
   * @default "127.0.0.1"
   */
  hostAddress?: pulumi.Input<string>;
  /**
   * Docker network that exists already, such as one of an S3 server. A change is as one of `jobs`.
   * @default Docker's default bridge
   */
  network?: pulumi.Input<string>;
  /**
   * User and group that the agent runs as, such as `1000:999`, where 999 is the group of the Docker socket. Its backups belong
   * to that user, who must be able to write to the repository. A change is as one of `jobs`.
   * @default root
   */
  user?: pulumi.Input<string>;
  /**
   * The host's Docker socket, which is mounted in the agent's container. **Caution**: whoever controls the agent controls the
   * host. A change is as one of `jobs`.
   * @default "/var/run/docker.sock"
   */
  dockerSocket?: pulumi.Input<string>;
  /**
   * Further environment variables, such as `HTTPS_PROXY`. Not for secrets: Docker shows them to everyone who may inspect the
   * container. A change is as one of `jobs`.
   * @default none
   */
  environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Labels of the container or service. A change is as one of `jobs`.
   * @default none
   */
  labels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Nodes of the swarm that get an agent, such as `node.labels.database == true`. Each node where a database may run needs one. In
   * mode `container` it is refused. A change starts and ends agents.
   * @default every node
   */
  constraints?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Seconds that `pulumi up` waits until the agent works; on a swarm, until those of all nodes do, which takes some 12 seconds for each. A
   * change asks again.
   * @default 600
   */
  startTimeout?: pulumi.Input<number>;
  /**
   * Docker daemon that is asked whether the agent works, as in DOCKER_HOST. Give it if the provider has a `host` of its own. A
   * change asks again.
   * @default the daemon that the docker command line finds
   */
  dockerHost?: pulumi.Input<string>;
}

export const backupAgentNames: ArgumentNames<BackupAgentArgs> = {
  mode: "string",
  image: "string",
  agentName: "string",
  jobs: "object",
  repository: "string",
  s3: s3Names,
  s3Credentials: "secretObject",
  secrets: "secretObject",
  retention: retentionNames,
  timeZone: "string",
  jitter: "string",
  retry: { first: "string", most: "string", for: "string" } satisfies ArgumentNames<AgentRetryArgs>,
  notify: {
    webhook: "string",
    webhookFile: "string",
    ping: "string",
    pingFile: "string",
    email: "object",
  } satisfies ArgumentNames<AgentNotifyArgs>,
  smtp: {
    url: "string",
    user: "string",
    passwordFile: "string",
    from: "string",
  } satisfies ArgumentNames<AgentSmtpArgs>,
  atOnce: "number",
  port: "number",
  hostAddress: "string",
  network: "string",
  user: "string",
  dockerSocket: "string",
  environment: "object",
  labels: "object",
  constraints: "object",
  startTimeout: "number",
  dockerHost: "string",
};
