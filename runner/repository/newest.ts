import { isGood, type StoredBackup } from "./repository";

/**
 * The newest good backup. That is the one with the greatest id, but for clocks that were ahead: a backup says which ones it
 * is newer than though their ids are greater, and what was stored before the time that its id says is as old as that.
 */
export function newestOf(
  backups: readonly StoredBackup[],
  storedAt: (backup: StoredBackup) => Date | undefined = () => undefined,
): StoredBackup | undefined {
  const good = backups.filter(isGood);
  const older = new Set(good.flatMap(({ manifest }) => manifest.newerThan ?? []));
  const candidates = good.filter(({ id }) => !older.has(id));
  const time = (backup: StoredBackup) =>
    Math.min(backup.startedAt.getTime(), storedAt(backup)?.getTime() ?? Number.POSITIVE_INFINITY);
  const oldestFirst = (candidates.length > 0 ? candidates : good).toSorted(
    (one, other) => time(one) - time(other) || (one.id < other.id ? -1 : 1),
  );
  return oldestFirst.at(-1);
}

/** What a new backup with this id is newer than in spite of it. */
export function greaterThan(id: string, ids: readonly string[]): string[] {
  return ids.filter((other) => other > id);
}
