/** The configuration of the agent, which takes backups by schedule. `schema/agent.schema.json` is made from this file. */
import type * as croner from "croner";
import * as z from "zod";
import { BackupRequest } from "./backup";
import { VerifyLevel } from "./choices";
import { Duration } from "./duration";
import { BackupName, FolderPath, Repository, S3Settings, withoutControls } from "./repository";
import { Retention } from "./retention";

const describe = <T extends z.ZodType>(schema: T, description: string) => schema.meta({ description });

/** Five fields, or six with seconds in front, or a word such as `@daily`. */
const Schedule = z.string().superRefine((line, context) => {
  // Loaded here, because a program without an agent does not need it.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { Cron } = require("croner") as typeof croner;
  try {
    if (new Cron(line, { mode: "5-or-6-parts", timezone: "UTC", paused: true }).nextRun() !== null) return;
    context.addIssue(`${JSON.stringify(line)} never comes`);
  } catch (error) {
    const reason = (error as Error).message.replace(/^Cron\w*: /, "").replace(/[.,]? *$/, "");
    context.addIssue(
      `must be a cron line such as "30 2 * * *", not ${JSON.stringify(line)}: ${reason.charAt(0).toLowerCase()}${reason.slice(1)}`,
    );
  }
});

const TimeZone = z.string().refine((zone) => {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}, 'must be a time zone such as "Europe/Rome" or "UTC"');

const Source = z
  .strictObject({
    container: describe(withoutControls.min(1).optional(), "Name of a container."),
    service: describe(
      withoutControls.min(1).optional(),
      "Name of a Swarm service. Its container on this host is backed up; a node without one leaves it to the others.",
    ),
    label: describe(
      z
        .string()
        .regex(/^[^=\s]+(=.*)?$/, 'must be a label such as "postgis-backup.job=cbm"')
        .optional(),
      "Label of containers. Each that carries it is backed up, under the job's name, a hyphen, and its own name or that of its service.",
    ),
    database: describe(z.string().min(1).default("postgres"), "Database."),
    user: describe(z.string().min(1).default("postgres"), "Database role."),
    passwordFile: describe(FolderPath.optional(), "File with the role's password, such as a Docker secret."),
    dockerHost: describe(z.string().min(1).optional(), "Docker daemon, as in DOCKER_HOST."),
  })
  .superRefine((source, context) => {
    const given = (["container", "service", "label"] as const).filter((one) => source[one] !== undefined);
    if (given.length !== 1)
      context.addIssue(
        `must have one of container, service and label, not ${given.length === 0 ? "none" : given.join(" and ")}`,
      );
  });
export type AgentSource = z.infer<typeof Source>;

const Retry = z.strictObject({
  first: describe(
    Duration.default("10s"),
    "Time from the first failure to the next attempt. It doubles after each.",
  ),
  most: describe(Duration.default("10m"), "The longest time between two attempts."),
  for: describe(
    Duration.default("1h"),
    "A run has failed when attempts have failed for so long. Only failures that can pass are tried again.",
  ),
});

const Hook = z.strictObject({
  command: describe(
    z.array(z.string()).min(1, "must have a program"),
    "Program and arguments. No shell reads them.",
  ),
  on: describe(
    z.enum(["container", "host"]).default("container"),
    "container: in the database's container; host: where the agent runs.",
  ),
  user: describe(z.string().min(1).optional(), "User in the container. Unset: that of the image."),
  timeout: describe(Duration.default("10m"), "When it is ended, and has failed."),
});
export type AgentHook = z.infer<typeof Hook>;

const WebAddress = z.url({ protocol: /^https?$/, error: "must be a URL, such as https://example.com/hook" });

const Notify = z
  .strictObject({
    webhook: describe(WebAddress.optional(), "URL that gets each event as JSON, by POST."),
    webhookFile: describe(FolderPath.optional(), "File with that URL, where the URL is a secret."),
    ping: describe(
      WebAddress.optional(),
      "URL of a dead man's switch: called with /start behind it, without anything on success, and with /fail on failure.",
    ),
    pingFile: describe(FolderPath.optional(), "File with that URL, where the URL is a secret."),
    email: describe(
      z.array(z.email("must be an address")).min(1).optional(),
      "Who gets a mail about a failure.",
    ),
  })
  .superRefine((notify, context) => {
    for (const one of ["webhook", "ping"] as const)
      if (notify[one] !== undefined && notify[`${one}File`] !== undefined)
        context.addIssue({ code: "custom", path: [one], message: `cannot be given beside ${one}File` });
  });
export type AgentNotify = z.infer<typeof Notify>;

/** They have other names in a job, or come from elsewhere in the configuration. */
const ofBackup = z.strictObject(BackupRequest.shape).omit({
  container: true,
  user: true,
  database: true,
  dockerHost: true,
  name: true,
  verify: true,
  full: true,
  dryRun: true,
}).shape;

/** Those that no component has. */
const ofWholeDatabase = {
  all: describe(
    ofBackup.all,
    "Back up the whole database instead of tables: views, functions, large objects and all else that pg_dump dumps of it.",
  ),
  excludeTableData: describe(ofBackup.excludeTableData, "With all: tables or patterns without their rows."),
  excludeSchemas: describe(ofBackup.excludeSchemas, "With all: schemas to leave out."),
  globals: describe(
    ofBackup.globals,
    "With all: the roles of the server too, with the hashes of their passwords or without.",
  ),
};

/** What the whole configuration may set for its jobs. */
const defaults = {
  repository: describe(Repository.optional(), "Where backups are kept: a folder, or s3://bucket/prefix."),
  s3: S3Settings.optional(),
  retention: describe(Retention.optional(), "Which backups are kept. Unset: all."),
  timeZone: describe(TimeZone.optional(), "Time zone of the schedules. Unset: UTC."),
  jitter: describe(
    Duration.optional(),
    "Each job starts later than its schedule says, by its own share of this time, so that not all start at once.",
  ),
  retry: describe(Retry.optional(), "How often a run is tried again."),
  notify: describe(Notify.optional(), "Who is told."),
};

const Job = z.strictObject({
  name: describe(BackupName, "Backup name, a folder in the repository. Each job has its own."),
  source: describe(Source, "What is backed up."),
  ...ofBackup,
  ...ofWholeDatabase,
  ...defaults,
  schedule: describe(
    Schedule,
    "When backups are taken, as a cron line; with six fields, the first is seconds.",
  ),
  verifyLevel: describe(
    z.enum(VerifyLevel).default("archive"),
    "What each backup must prove before it counts.",
  ),
  verify: describe(
    Schedule.optional(),
    "When the latest backup is read once more, to its end. (What each backup proves is verifyLevel.)",
  ),
  restoreTest: describe(Schedule.optional(), "When the latest backup is restored in a throwaway container."),
  before: describe(
    z.array(Hook).default([]),
    "Commands before each backup. If one fails, there is no backup.",
  ),
  after: describe(
    z.array(Hook).default([]),
    "Commands after each attempt, also a failed one; on the host, POSTGIS_BACKUP_RESULT is success or failure.",
  ),
});
export type AgentJob = z.infer<typeof Job>;

const Address = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[^:[\]]+):\d{1,5}$/, 'must be an address and a port, such as "127.0.0.1:9187"')
  .refine((address) => Number(/\d+$/.exec(address)?.[0]) <= 65_535, "must have a port of at most 65535");

export const AgentConfig = z
  .strictObject({
    ...defaults,
    http: describe(
      z
        .strictObject({
          address: describe(Address, "Address and port, such as 127.0.0.1:9187. Port 0: any that is free."),
        })
        .optional(),
      "Where /healthz, /metrics and a report are served. Unset: nowhere.",
    ),
    atOnce: describe(z.int().min(1).max(64).default(2), "Jobs that run at once. Others wait."),
    smtp: describe(
      z
        .strictObject({
          url: describe(
            z.url({ protocol: /^smtps?$/, error: "must be a URL, such as smtps://mail.example.com" }),
            "Mail server, without a password.",
          ),
          user: describe(z.string().min(1).optional(), "User of the mail server. Unset: it wants none."),
          passwordFile: describe(FolderPath.optional(), "File with the user's password."),
          from: describe(z.string().min(1), "Sender of the mails."),
        })
        .optional(),
      "How mails are sent.",
    ),
    jobs: describe(
      z.array(Job).min(1, "must have at least one job"),
      "What is backed up, each with a schedule of its own.",
    ),
  })
  .refine((config) => namesTwice(config).length === 0, {
    // Even if something else is wrong: all that is wrong is said at once.
    when: ({ value }) => Array.isArray((value as { jobs?: unknown } | undefined)?.jobs),
    path: ["jobs"],
    error: ({ input }) =>
      `must each have a name of their own, but two are called ${namesTwice(input).join(" and ")}`,
  })
  .superRefine((config, context) => {
    for (const [index, job] of config.jobs.entries()) {
      const problem = (message: string, ...path: PropertyKey[]) => {
        context.addIssue({ code: "custom", path: ["jobs", index, ...path], message });
      };
      const given = { ...config, ...definedOf(job) };
      if (given.repository === undefined) {
        problem("is missing, here and for all jobs", "repository");
        continue;
      }
      if (given.notify?.email !== undefined && config.smtp === undefined)
        problem("needs smtp", "notify", "email");
      const { error } = BackupRequest.safeParse(backupOf(config, job, "any"));
      for (const issue of error?.issues ?? []) problem(issue.message, ...issue.path);
    }
  })
  .meta({ title: "Configuration of the agent of postgis-backup" });
export type AgentConfig = z.infer<typeof AgentConfig>;

function namesTwice(config: unknown): string[] {
  const { jobs } = config as { jobs: readonly ({ name?: unknown } | undefined)[] };
  const names = jobs.flatMap((job) => (typeof job?.name === "string" ? [job.name] : []));
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function definedOf<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** A job with what the whole configuration sets. */
export function completeJob(config: AgentConfig, job: AgentJob) {
  const {
    repository,
    s3,
    retention,
    timeZone = "UTC",
    jitter,
    retry,
    notify,
  } = { ...config, ...definedOf(job) };
  if (repository === undefined) throw new Error("a job without a repository");
  return {
    ...job,
    ...{ repository, s3, jitter, timeZone },
    retention: retention ?? {},
    retry: retry ?? Retry.parse({}),
    notify: notify ?? {},
  };
}
export type CompleteJob = ReturnType<typeof completeJob>;

/** The request of a job's backup of one container. */
export function backupOf(config: AgentConfig, job: AgentJob, containerName: string, backupName = job.name) {
  const { repository, s3, retention, ...own } = { ...completeJob(config, job) };
  const options = Object.fromEntries(
    Object.keys(ofBackup).flatMap((key) => {
      const value = (own as Readonly<Record<string, unknown>>)[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  const { user: role, database: from, dockerHost: daemon } = job.source;
  return {
    ...options,
    ...definedOf({ repository, s3, retention, dockerHost: daemon }),
    container: containerName,
    user: role,
    database: from,
    name: backupName,
    verify: job.verifyLevel,
  };
}
