/** What the tasks of a job do when they are due. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Failure, Failures } from "../lib/failure";
import { list, type ListedBackup } from "../prune";
import { openRepository } from "../repository/open";
import { hasPassed } from "../repository/verification";
import {
  type AgentConfig,
  type AgentJob,
  backupOf,
  BackupResult,
  type CompleteJob,
  completeJob,
  isS3Url,
  milliseconds,
  VerifyResult,
} from "../request";
import { isUsable } from "../status";
import type { runVerb } from "./child";
import { runHooks } from "./hooks";
import { jitterOf, schedule } from "./schedule";
import type { Task } from "./scheduler";
import { findSources, type FoundSource } from "./source";

/** What is told about a run, once for each container. */
export interface Run {
  readonly kind: Task["kind"];
  readonly job: CompleteJob;
  readonly backupName: string;
  readonly due: Date;
}

export interface Told {
  started(run: Run): void;
  succeeded(run: Run, result: BackupResult | VerifyResult): void;
  log(job: string, line: string): void;
}

/** The tasks of all jobs. */
export function tasksOf(config: AgentConfig, run: typeof runVerb, program: string, told: Told): Task[] {
  return config.jobs.flatMap((given) => {
    const job = completeJob(config, given);
    const { first, most, for: inAll } = job.retry;
    const task = (kind: Task["kind"], line: string, work: Work): Task => ({
      job: job.name,
      kind,
      // Only backups are many at one time; verifications have a schedule of their own.
      schedule: schedule(line, job.timeZone, jitterOf(job.name, job.jitter)),
      retry: { first: milliseconds(first), most: milliseconds(most), for: milliseconds(inAll) },
      async run(due, signal) {
        const sources = await findSources(job);
        if (sources.length === 0) return "absent";
        await forEach(sources, signal, (source) =>
          work({ kind, job, backupName: source.backupName, due }, source, signal),
        );
        return "done";
      },
    });
    const start = async (verb: "backup" | "verify", request: object, signal: AbortSignal) =>
      run(program, {
        ...{ verb, request, signal, env: await passwordOf(given) },
        log: (line) => {
          told.log(job.name, line);
        },
      });
    const takeBackup: Work = async (about, source, signal) => {
      if (await isBackedUp(about, signal)) return;
      told.started(about);
      const request = backupOf(config, given, source.container, source.backupName);
      const { dockerHost } = job.source;
      const around = { container: source.container, dockerHost, signal };
      const env = (result: object) => ({
        POSTGIS_BACKUP_JOB: job.name,
        POSTGIS_BACKUP_NAME: source.backupName,
        ...result,
      });
      await runHooks("before", job.before, { ...around, env: env({}) });
      const after = (result: object) => runHooks("after", job.after, { ...around, env: env(result) });
      let result: BackupResult;
      try {
        result = BackupResult.parse(await start("backup", request, signal));
      } catch (error) {
        // The failure of the backup is what counts.
        await after({ POSTGIS_BACKUP_RESULT: "failure" }).catch((other: unknown) => {
          told.log(job.name, other instanceof Error ? other.message : String(other));
        });
        throw error;
      }
      told.succeeded(about, result);
      await after({ POSTGIS_BACKUP_RESULT: "success", POSTGIS_BACKUP_LOCATION: result.location });
    };
    const verifyLatest =
      (level: "archive" | "restore"): Work =>
      async (about, _source, signal) => {
        if (await isVerified(about, level, signal)) return;
        told.started(about);
        const { repository, s3 } = job;
        const { dockerHost } = job.source;
        const request = { repository, s3, name: about.backupName, backup: "latest", level, dockerHost };
        told.succeeded(about, VerifyResult.parse(await start("verify", request, signal)));
      };
    return [
      task("backup", job.schedule, takeBackup),
      ...(job.verify === undefined ? [] : [task("verify", job.verify, verifyLatest("archive"))]),
      ...(job.restoreTest === undefined
        ? []
        : [task("restoreTest", job.restoreTest, verifyLatest("restore"))]),
    ];
  });
}

type Work = (run: Run, source: FoundSource, signal: AbortSignal) => Promise<void>;

/** One that fails does not keep the others from their turn. */
async function forEach(
  sources: readonly FoundSource[],
  signal: AbortSignal,
  work: (source: FoundSource) => Promise<void>,
): Promise<void> {
  const failures: Failure[] = [];
  for (const source of sources)
    try {
      await work(source);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Failure)) throw error;
      failures.push(...(error instanceof Failures ? error.found : [error]));
    }
  Failures.throwIfAny(failures);
}

/** A folder that the first backup makes. */
export function isYetToBeMade(repository: string): boolean {
  return !isS3Url(repository) && !existsSync(repository);
}

/** The backups of a name; none where the first one has yet to make the folder. */
export async function backupsOf(
  { repository, s3 }: CompleteJob,
  name: string,
  signal: AbortSignal,
): Promise<ListedBackup[]> {
  if (isYetToBeMade(repository)) return [];
  try {
    return await list(openRepository({ repository, s3 }, signal), { name, repository });
  } catch (error) {
    if (error instanceof Failure && error.code === "backup-not-found") return [];
    throw error;
  }
}

/** Whoever took it: another agent, an earlier run of this one, or a person. */
async function isBackedUp({ job, backupName, due }: Run, signal: AbortSignal): Promise<boolean> {
  const backups = await backupsOf(job, backupName, signal);
  // An id has no part of a second.
  const since = Math.floor(due.getTime() / 1000) * 1000;
  return backups.some(
    (backup) =>
      isUsable(backup) &&
      backup.manifest?.source.database === job.source.database &&
      backup.startedAt.getTime() >= since &&
      backup.startedAt.getTime() <= Date.now() + clockSkew,
  );
}

/** Clocks of hosts differ by less. A backup from further in the future is no reason to take none. */
const clockSkew = 60_000;

async function isVerified(
  { job, backupName, due }: Run,
  level: "archive" | "restore",
  signal: AbortSignal,
): Promise<boolean> {
  const backups = await backupsOf(job, backupName, signal);
  const latest = backups.find((backup) => backup.latest);
  return (latest?.verifications ?? []).some(
    (one) => hasPassed(one.level, level) && Date.parse(one.finishedAt) >= due.getTime(),
  );
}

async function passwordOf({
  name,
  source,
}: Pick<AgentJob, "name" | "source">): Promise<Record<string, string>> {
  const { passwordFile } = source;
  if (passwordFile === undefined) return {};
  try {
    return { PGPASSWORD: (await readFile(passwordFile, "utf8")).replace(/\r?\n$/, "") };
  } catch (error) {
    throw new Failure(
      "password-not-set",
      `Job ${name}: ${passwordFile} cannot be read: ${(error as Error).message}.`,
    );
  }
}
