/** How it is with the backups of each name and database: what the agent, its metrics and the verb `status` tell. */
import { type ListedBackup, notAfter } from "../prune";
import { isGood } from "../repository/repository";
import { hasPassed, type Verification } from "../repository/verification";
import { milliseconds } from "../request";

export interface Status {
  readonly name: string;
  /** Undefined where no manifest can be read. */
  readonly database: string | undefined;
  /** The newest backup that is good, as far as anybody knows; undefined if there is none. */
  readonly newest: NewestBackup | undefined;
  /** Backups of all ages, damaged ones too. */
  readonly backups: number;
  readonly bytes: number;
  /** Ids of backups that are damaged, or failed their last verification. */
  readonly bad: readonly string[];
  /** When a good backup was last verified at each level, by its own run or later. */
  readonly verifiedAt: Date | undefined;
  readonly restoreTestedAt: Date | undefined;
  /** The last restore test found a fault. */
  readonly restoreTestFailed: boolean;
}

interface NewestBackup {
  readonly id: string;
  readonly location: string;
  readonly startedAt: Date;
  readonly bytes: number;
  /** The difference to the good backup before it; undefined for the first. */
  readonly growthBytes: number | undefined;
  readonly tables: number;
  readonly rows: number;
  /** Rows without a parent, over all logical foreign keys. */
  readonly orphans: number;
  readonly seconds: { readonly total: number; readonly verification: number };
}

/** One for each backup name and database. Backups are given as `list` has them; those dated in the future do not count as newest. */
export function statusOf(backups: readonly ListedBackup[], now: Date): Status[] {
  const groups = new Map<string, ListedBackup[]>();
  for (const backup of backups) {
    const key = JSON.stringify([backup.name, backup.manifest?.source.database]);
    groups.set(key, [...(groups.get(key) ?? []), backup]);
  }
  return [...groups.values()].map((group) => summarize(group, now));
}

function summarize(group: readonly ListedBackup[], now: Date): Status {
  const [first] = group;
  if (first === undefined) throw new Error("a group without a backup");
  const newest = notAfter(now, group).findLast(isUsable);
  const times = (level: Verification["level"]) =>
    group.flatMap((backup) => timesOf(backup, level)).sort((one, other) => one.getTime() - other.getTime());
  const lastTest = group
    .flatMap(({ verifications }) => verifications.filter(({ level }) => level === "restore"))
    .sort((one, other) => Date.parse(one.finishedAt) - Date.parse(other.finishedAt))
    .at(-1);
  return {
    name: first.name,
    database: first.manifest?.source.database,
    newest: newest && describeNewest(newest),
    backups: group.length,
    bytes: group.reduce((sum, { bytes }) => sum + bytes, 0),
    bad: group.filter((backup) => !isUsable(backup)).map(({ id }) => id),
    verifiedAt: times("archive").at(-1),
    restoreTestedAt: times("restore").at(-1),
    restoreTestFailed: lastTest?.error !== undefined,
  };
}

/** Nobody has found a fault in it. */
export function isUsable(backup: ListedBackup): boolean {
  return isGood(backup) && backup.failure === undefined;
}

/** When a backup passed a verification of a level, or a higher one. */
function timesOf({ manifest, verifications }: ListedBackup, level: Verification["level"]): Date[] {
  const own =
    manifest !== undefined && hasPassed(manifest.verification.level, level) ? [manifest.finishedAt] : [];
  const later = verifications.filter((one) => one.error === undefined && hasPassed(one.level, level));
  return [...own, ...later.map(({ finishedAt }) => finishedAt)].map((time) => new Date(time));
}

function describeNewest({ id, location, startedAt, manifest, contents, bytes }: ListedBackup): NewestBackup {
  const finishedAt = manifest === undefined ? startedAt.getTime() : Date.parse(manifest.finishedAt);
  return {
    ...{ id, location, startedAt, bytes },
    growthBytes: contents?.growthBytes,
    tables: contents?.tables ?? 0,
    rows: contents?.rows ?? 0,
    orphans: (manifest?.logicalForeignKeys ?? []).reduce((sum, { orphans }) => sum + orphans, 0),
    seconds: {
      total: Math.max(0, (finishedAt - startedAt.getTime()) / 1000),
      verification: manifest?.verification.seconds ?? 0,
    },
  };
}

/** Whether the newest good backup is older than that. */
export function isOlder({ newest }: Pick<Status, "newest">, maxAge: string, now: Date): boolean {
  return newest === undefined || now.getTime() - newest.startedAt.getTime() > milliseconds(maxAge);
}
