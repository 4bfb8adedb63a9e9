/** The agent: takes backups by schedule until it is told to stop. */
import { setTimeout as wait } from "node:timers/promises";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { ListedBackup } from "../prune";
import { openRepository } from "../repository/open";
import { type AgentConfig, type AgentJob, BackupResult, completeJob, milliseconds } from "../request";
import { statusOf, type Status } from "../status";
import { runVerb } from "./child";
import { checkAgentConfig, readAgentConfig } from "./config";
import { type Routes, serve } from "./http";
import { backupsOf, isYetToBeMade, tasksOf, type Told } from "./job";
import { createMetrics } from "./metrics";
import { hostName, notifier, type RunEvent } from "./notify";
import { jitterOf, schedule } from "./schedule";
import { type Clock, Scheduler, type Task } from "./scheduler";

interface Options {
  readonly file: string;
  /** The program that runs a verb. */
  readonly program: string;
  readonly progress: Pick<Progress, "note">;
  /** Ends the agent, and the runs that are at work. */
  readonly signal: AbortSignal;
  /** Calls back when the configuration is to be read again. */
  readonly onReload: (reload: () => void) => void;
  /** The page about the backups of one repository. */
  readonly page: (repository: string, backups: readonly ListedBackup[]) => string;
}

/** How often the repositories are looked at for what others did there; milliseconds. Each run looks at its own at once. */
const refreshEvery = 10 * 60_000;

export async function agent({ file, program, progress, signal, onReload, page }: Options): Promise<void> {
  let config = await readAgentConfig(file);
  await checkAgentConfig(config, signal);
  const metrics = createMetrics();
  const log = (job: string, line: string) => {
    progress.note(`${job}: ${line}`);
  };
  const notify = notifier({
    smtp: () => config.smtp,
    failed(channel, event, reason) {
      log(event.job, `warning: The ${channel} about this ${event.event} was not delivered: ${reason}.`);
      metrics.notificationFailed(event.job, channel);
    },
  });
  const tell = (name: string, event: Omit<RunEvent, "version" | "host" | "at" | "job">) => {
    const job = config.jobs.find((one) => one.name === name);
    if (job === undefined) return;
    const about = { version: 1 as const, job: name, host: hostName(), at: new Date().toISOString() };
    notify.tell(completeJob(config, job).notify, { ...about, ...event });
  };
  const refresh = async (name: string) => {
    const job = config.jobs.find((one) => one.name === name);
    if (job === undefined) return;
    try {
      metrics.setStatus(name, await statusesOf(config, name, signal));
    } catch (error) {
      if (signal.aborted) return;
      log(
        name,
        `warning: Its backups cannot be listed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const ended = (task: Pick<Task, "job" | "kind">, result: "success" | "failure") => {
    metrics.ranOne(task, result, new Date());
    void refresh(task.job);
  };
  const told: Told = {
    log,
    started: ({ kind, job, backupName, due }) => {
      log(job.name, `${words[kind]} of ${backupName}, due ${due.toISOString()}.`);
      tell(job.name, { event: "start", kind, name: backupName, due: due.toISOString() });
    },
    succeeded: ({ kind, job, backupName, due }, result) => {
      const backup = summaryOf(result);
      log(
        job.name,
        backup === undefined
          ? `${words[kind]} of ${backupName}: nothing is wrong.`
          : `${backup.location} is complete.`,
      );
      if (backup?.alarm !== undefined) log(job.name, `warning: ${backup.alarm}`);
      tell(job.name, {
        event: "success",
        kind,
        name: backupName,
        due: due.toISOString(),
        ...(backup && { backup }),
      });
      ended({ job: job.name, kind }, "success");
    },
  };
  const scheduler = new Scheduler(
    realClock,
    {
      retrying: (task, error, at) => {
        log(task.job, `${error.describe()}\nIt is tried again at ${at.toISOString()}.`);
      },
      failed: (task, error) => {
        const failure = error instanceof Failure ? error : undefined;
        log(
          task.job,
          failure?.describe() ??
            `error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
        );
        const { code, message } = failure ?? { code: "unexpected", message: String(error) };
        tell(task.job, { event: "failure", kind: task.kind, error: { code, message } });
        ended(task, "failure");
      },
    },
    config.atOnce,
  );
  const use = () => {
    scheduler.use(tasksOf(config, runVerb, program, told), config.atOnce);
    metrics.keepOnly(new Set(config.jobs.map(({ name }) => name)));
    void refreshAll();
  };
  const refreshAll = async () => {
    for (const { name } of config.jobs) await refresh(name);
  };
  const reload = async () => {
    try {
      const next = await readAgentConfig(file);
      await checkAgentConfig(next, signal);
      if (next.http?.address !== config.http?.address)
        progress.note("warning: The address is served from the next start on; all else is in use now.");
      config = next;
      use();
      progress.note(`${file} was read again: ${jobCount(config)}.`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      progress.note(`${error.describe()}\nThe agent goes on with the configuration that it has.`);
    }
  };
  onReload(() => {
    void reload();
  });
  const routes: Routes = {
    "/healthz": () =>
      scheduler.isAlive()
        ? { type: "text/plain", body: "ok\n" }
        : { status: 503, type: "text/plain", body: "The agent has not looked at its jobs for minutes.\n" },
    "/metrics": async () => {
      metrics.setNextDue(
        scheduler.due().map(({ task: { job, kind }, next, period }) => ({ job, kind, next, period })),
      );
      return { type: "text/plain; version=0.0.4; charset=utf-8", body: await metrics.text() };
    },
    "/report": async () => ({ type: "text/html; charset=utf-8", body: await reportOf(config, page, signal) }),
  };
  const served = config.http === undefined ? undefined : await serve(config.http.address, routes);
  try {
    use();
    const where = served === undefined ? "" : `, http://${served.address}`;
    progress.note(`The agent runs ${jobCount(config)}${where}.`);
    const timer = setInterval(() => void refreshAll(), refreshEvery);
    await scheduler.run(signal).finally(() => {
      clearInterval(timer);
    });
  } finally {
    await served?.close();
  }
  // A notification that hangs must not keep the agent from its end.
  await Promise.race([notify.settled(), wait(2000, undefined, { ref: false })]);
  progress.note("The agent has stopped.");
}

const words = { backup: "Backup", verify: "Verification", restoreTest: "Restore test" };

const jobCount = ({ jobs }: AgentConfig): string => (jobs.length === 1 ? "1 job" : `${jobs.length} jobs`);

const realClock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) => wait(milliseconds, undefined, { signal }).catch(() => undefined),
};

function summaryOf(result: Parameters<Told["succeeded"]>[1]): RunEvent["backup"] {
  const { data } = BackupResult.safeParse(result);
  if (data === undefined) return undefined;
  const { backupId: id, location, sizeBytes, alarm } = data;
  return { id, location, sizeBytes, ...(alarm === undefined ? {} : { alarm }) };
}

/** How it is with a job; one that has no backup is told too. */
async function statusesOf(config: AgentConfig, name: string, signal: AbortSignal): Promise<Status[]> {
  const given = config.jobs.find((one) => one.name === name);
  if (given === undefined) return [];
  const found = statusOf(await backupsOfJob(config, given, signal), new Date());
  if (found.length > 0 || given.source.label !== undefined) return found;
  return [noBackups(name, given.source.database)];
}

/** What a job has in its repository: under its own name or, where its source is a label, under names that begin with it. */
async function backupsOfJob(
  config: AgentConfig,
  given: AgentJob,
  signal: AbortSignal,
): Promise<ListedBackup[]> {
  const job = completeJob(config, given);
  const names = given.source.label === undefined ? [job.name] : await labelled(job, config, signal);
  const found: ListedBackup[] = [];
  for (const name of names) found.push(...(await backupsOf(job, name, signal)));
  return found;
}

async function labelled(
  { name, repository, s3 }: ReturnType<typeof completeJob>,
  { jobs }: AgentConfig,
  signal: AbortSignal,
): Promise<string[]> {
  if (isYetToBeMade(repository)) return [];
  const all = await openRepository({ repository, s3 }, signal).names();
  const others = jobs
    .map((job) => job.name)
    .filter((other) => other !== name && other.startsWith(`${name}-`));
  return all.filter(
    (one) =>
      one.startsWith(`${name}-`) && !others.some((other) => one === other || one.startsWith(`${other}-`)),
  );
}

function noBackups(name: string, database: string): Status {
  return {
    ...{ name, database, newest: undefined, backups: 0, bytes: 0, bad: [] },
    ...{ verifiedAt: undefined, restoreTestedAt: undefined, restoreTestFailed: false },
  };
}

/** How it is with each job, and whether its last due time passed long enough ago that all attempts for it have ended. */
export async function overdueJobs(
  file: string,
  now: Date,
  signal: AbortSignal,
): Promise<{ status: Status; next: Date | undefined; overdue: boolean }[]> {
  const config = await readAgentConfig(file);
  const found = [];
  for (const given of config.jobs) {
    const job = completeJob(config, given);
    const { last, next } = schedule(job.schedule, job.timeZone, jitterOf(job.name, job.jitter));
    const due = last(new Date(now.getTime() - milliseconds(job.retry.for)));
    for (const status of await statusesOf(config, job.name, signal)) {
      const isMissing = status.newest === undefined || (due !== undefined && status.newest.startedAt < due);
      found.push({ status, next: next(now), overdue: isMissing });
    }
  }
  return found;
}

/** When the jobs are due next, for people. */
export function nextRuns(
  config: AgentConfig,
  now: Date,
): { job: string; kind: Task["kind"]; next: Date | undefined }[] {
  return config.jobs.flatMap((given) => {
    const job = completeJob(config, given);
    const next = (line: string) => schedule(line, job.timeZone, jitterOf(job.name, job.jitter)).next(now);
    return (["backup", "verify", "restoreTest"] as const).flatMap((kind) => {
      const line = kind === "backup" ? job.schedule : job[kind];
      return line === undefined ? [] : [{ job: job.name, kind, next: next(line) }];
    });
  });
}

async function reportOf(config: AgentConfig, page: Options["page"], signal: AbortSignal): Promise<string> {
  const backups: ListedBackup[] = [];
  for (const job of config.jobs) backups.push(...(await backupsOfJob(config, job, signal)));
  const repositories = config.jobs.map((job) => completeJob(config, job).repository);
  return page([...new Set(repositories)].join(", "), backups);
}

export { checkAgentConfig, readAgentConfig } from "./config";
export { createMetrics } from "./metrics";
export { agentReady } from "./ready";
