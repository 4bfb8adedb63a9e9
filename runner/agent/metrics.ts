/** What Prometheus reads: how it is with the backups, from the repository, and with the runs of this agent. */
import { Counter, Gauge, Registry } from "prom-client";
import type { Status } from "../status";
import type { Channel } from "./notify";
import type { Task } from "./scheduler";

export interface Metrics {
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  /** Replaces what is known about the backups of a job. */
  setStatus(job: string, statuses: readonly Status[]): void;
  /** Adds backups that no job is known of. */
  addStatus(status: Status): void;
  setNextDue(tasks: readonly DueTask[]): void;
  ranOne(task: Pick<Task, "job" | "kind">, result: "success" | "failure", at: Date): void;
  notificationFailed(job: string, channel: Channel): void;
  /** Forgets jobs that are no more. */
  keepOnly(jobs: ReadonlySet<string>): void;
}

interface DueTask {
  readonly job: string;
  readonly kind: Task["kind"];
  readonly next: Date | undefined;
  /** Milliseconds between the last and the next due time. */
  readonly period: number | undefined;
}

/** Prometheus gives a label `job` of its own to all that it reads. */
const ofBackups = ["backup_job", "name", "database"] as const;
const ofTasks = ["backup_job", "kind"] as const;
const seconds = (time: Date) => time.getTime() / 1000;

type Value = (status: Status) => number | undefined;

/** One gauge each; a value that is not known is left out. */
const gauges: Readonly<Record<string, { readonly help: string; readonly value: Value }>> = {
  newest_timestamp_seconds: {
    help: "When the newest good backup began. 0 if there is none.",
    value: ({ newest }) => (newest === undefined ? 0 : seconds(newest.startedAt)),
  },
  newest_size_bytes: { help: "Size of the newest good backup.", value: ({ newest }) => newest?.bytes },
  newest_growth_bytes: {
    help: "How much larger the newest good backup is than the one before it.",
    value: ({ newest }) => newest?.growthBytes,
  },
  newest_rows: { help: "Rows in the newest good backup.", value: ({ newest }) => newest?.rows },
  newest_tables: { help: "Tables in the newest good backup.", value: ({ newest }) => newest?.tables },
  newest_orphans: {
    help: "Rows without a parent in the newest good backup, over its logical foreign keys.",
    value: ({ newest }) => newest?.orphans,
  },
  verified_timestamp_seconds: {
    help: "When a backup last passed a verification, that of its own run included.",
    value: ({ verifiedAt }) => verifiedAt && seconds(verifiedAt),
  },
  restore_test_timestamp_seconds: {
    help: "When a backup last passed a restore test.",
    value: ({ restoreTestedAt }) => restoreTestedAt && seconds(restoreTestedAt),
  },
  restore_test_failed: {
    help: "1 if the last restore test failed.",
    value: ({ restoreTestFailed }) => Number(restoreTestFailed),
  },
  bad_backups: {
    help: "Backups that are damaged, or failed their last verification.",
    value: ({ bad }) => bad.length,
  },
  repository_backups: { help: "Backups in the repository.", value: ({ backups }) => backups },
  repository_bytes: { help: "Bytes of all backups in the repository.", value: ({ bytes }) => bytes },
};

export function createMetrics(): Metrics {
  const registry = new Registry();
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `postgis_backup_${name}`, help, labelNames: [...labelNames], registers: [registry] });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `postgis_backup_${name}`, help, labelNames: [...labelNames], registers: [registry] });

  const ofStatus = Object.entries(gauges).map(([name, { help, value }]) => ({
    value,
    gauge: gauge(name, help, ofBackups),
  }));
  const duration = gauge("newest_duration_seconds", "Duration of the newest good backup.", [
    ...ofBackups,
    "phase",
  ]);
  const nextDue = gauge("next_due_timestamp_seconds", "When a task of a job is due next.", ofTasks);
  const period = gauge("period_seconds", "Time between the last and the next due time.", ofTasks);
  const lastResult = gauge("last_run_success", "1 if the last run of this agent succeeded, else 0.", ofTasks);
  const lastRun = gauge("last_run_timestamp_seconds", "When the last run of this agent ended.", ofTasks);
  const runs = counter("runs_total", "Runs of this agent.", [...ofTasks, "result"]);
  const unsent = counter("notifications_failed_total", "Notifications that nobody got.", [
    "backup_job",
    "channel",
  ]);

  const known = new Map<string, readonly Status[]>();
  const showStatus = () => {
    for (const one of ofStatus) one.gauge.reset();
    duration.reset();
    for (const [job, statuses] of known)
      for (const status of statuses) {
        const labels = { backup_job: job, name: status.name, database: status.database ?? "" };
        for (const one of ofStatus) {
          const value = one.value(status);
          if (value !== undefined) one.gauge.set(labels, value);
        }
        if (status.newest === undefined) continue;
        const { total, verification } = status.newest.seconds;
        duration.set({ ...labels, phase: "verification" }, verification);
        duration.set({ ...labels, phase: "dump" }, Math.max(0, total - verification));
      }
  };
  return {
    text: () => registry.metrics(),
    setStatus(job, statuses) {
      known.set(job, statuses);
      showStatus();
    },
    addStatus(status) {
      known.set(status.name, [...(known.get(status.name) ?? []), status]);
      showStatus();
    },
    setNextDue(tasks) {
      nextDue.reset();
      period.reset();
      for (const { job, kind, next, period: milliseconds } of tasks) {
        if (next !== undefined) nextDue.set({ backup_job: job, kind }, seconds(next));
        if (milliseconds !== undefined) period.set({ backup_job: job, kind }, milliseconds / 1000);
      }
    },
    ranOne({ job, kind }, result, at) {
      lastResult.set({ backup_job: job, kind }, Number(result === "success"));
      lastRun.set({ backup_job: job, kind }, seconds(at));
      runs.inc({ backup_job: job, kind, result });
    },
    notificationFailed(job, channel) {
      unsent.inc({ backup_job: job, channel });
    },
    keepOnly(jobs) {
      for (const job of known.keys()) if (!jobs.has(job)) known.delete(job);
      showStatus();
    },
  };
}
