/** Which backups of a name are kept, and why. The rules mean what they mean in restic. */
import type { Manifest } from "../repository/manifest";
import { milliseconds, type Retention } from "../request";
import { isGood, type StoredBackup } from "../repository/repository";
import { standingFailure } from "../repository/verification";

export interface Decision {
  readonly backup: StoredBackup;
  /** Why the backup is kept. It is removed if there is no reason. */
  readonly reasons: readonly string[];
}

interface Rule {
  readonly count: number | undefined;
  /** Backups of one period have the same label, which is part of the reason. */
  readonly period: (time: Date) => string;
}

const day = 24 * 60 * 60 * 1000;

export function hasRules(rules: Retention): boolean {
  return rules.keepWithin !== undefined || periods(rules).some(({ count }) => count !== undefined);
}

/** The database of a backup, as it was named: several databases may share one backup name. */
export function sourceOf({ source }: Pick<Manifest, "source">): string {
  return JSON.stringify([source.container, source.database]);
}

/**
 * Decides about backups, which are given oldest first. The rules apply to each database by itself: a newer backup of another database
 * is no reason to remove the only backup of this one. Some are always kept: the newest good backup of a database, the latest, marked
 * backups, and those that are damaged or failed their last verification, because only a person can decide about these. A backup that
 * is dated in the future is kept too: a clock is wrong, and the backup must not push out good ones because it looks newer. Damaged,
 * failed and future backups count for no rule.
 */
export function decide(backups: readonly StoredBackup[], rules: Retention, now: Date): Decision[] {
  const reasons = new Map<StoredBackup, string[]>(backups.map((backup) => [backup, always(backup, now)]));
  const keep = (backup: StoredBackup | undefined, reason: string) =>
    backup && reasons.get(backup)?.push(reason);
  const good = notAfter(now, backups)
    .filter(isGood)
    .filter((backup) => !hasFailed(backup))
    .reverse();
  for (const source of new Set(good.map(({ manifest }) => sourceOf(manifest)))) {
    const newestFirst = good.filter(({ manifest }) => sourceOf(manifest) === source);
    keep(newestFirst[0], "newest");
    for (const { count = 0, period } of periods(rules)) {
      for (const [label, backup] of newestOfEach(newestFirst, period).slice(0, count)) keep(backup, label);
    }
    for (const backup of within(newestFirst, rules.keepWithin))
      keep(backup, `within ${rules.keepWithin ?? ""}`);
  }
  return [...reasons].map(([backup, found]) => ({ backup, reasons: found }));
}

function hasFailed({ verifications }: StoredBackup): boolean {
  return standingFailure(verifications) !== undefined;
}

/** Leaves out backups that a wrong clock dated in the future. */
export function notAfter<T extends StoredBackup>(now: Date, backups: readonly T[]): T[] {
  return backups.filter(({ startedAt }) => startedAt.getTime() <= now.getTime());
}

function always(backup: StoredBackup, now: Date): string[] {
  return [
    ...(isGood(backup) ? [] : ["damaged"]),
    ...(hasFailed(backup) ? ["its verification failed"] : []),
    ...(backup.latest ? ["latest"] : []),
    ...(backup.kept ? ["keep"] : []),
    ...(notAfter(now, [backup]).length === 0 ? ["dated in the future"] : []),
  ];
}

function periods(rules: Retention): Rule[] {
  return [
    { count: rules.keepLast, period: (time) => `last ${time.toISOString()}` },
    { count: rules.keepDaily, period: (time) => `daily ${time.toISOString().slice(0, 10)}` },
    { count: rules.keepWeekly, period: (time) => `weekly ${isoWeek(time)}` },
    { count: rules.keepMonthly, period: (time) => `monthly ${time.toISOString().slice(0, 7)}` },
    { count: rules.keepYearly, period: (time) => `yearly ${time.toISOString().slice(0, 4)}` },
  ];
}

/** Counted from the newest backup, not from now: if no new ones come, the old ones must not go. */
function within(newestFirst: readonly StoredBackup[], duration: string | undefined): StoredBackup[] {
  const [newest] = newestFirst;
  if (newest === undefined || duration === undefined) return [];
  const oldest = newest.startedAt.getTime() - milliseconds(duration);
  return newestFirst.filter(({ startedAt }) => startedAt.getTime() >= oldest);
}

/** The first backup with each label, in the order given. */
function newestOfEach(
  newestFirst: readonly StoredBackup[],
  period: Rule["period"],
): [string, StoredBackup][] {
  const first = new Map<string, StoredBackup>();
  for (const backup of newestFirst) {
    const label = period(backup.startedAt);
    if (!first.has(label)) first.set(label, backup);
  }
  return [...first].map(([label, backup]) => [label.replace(/^last .*/, "last"), backup]);
}

/** `2026-W53`. A week belongs to the year that its Thursday is in (ISO 8601); all in UTC. */
export function isoWeek(time: Date): string {
  const weekday = (time.getUTCDay() + 6) % 7;
  const thursday = new Date(time.getTime() + (3 - weekday) * day);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / (7 * day));
  return `${year}-W${String(week).padStart(2, "0")}`;
}
