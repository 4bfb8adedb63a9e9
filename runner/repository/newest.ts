import { isGood, type StoredBackup } from "./repository";

/**
 * The newest good backup. That is the one with the greatest id, unless a clock was ahead: `newerThan` of a backup lists older
 * ones with greater ids, and a backup that was stored before the time in its id is as old as the time of storing.
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

/** The existing backups that have a greater id than a new one, although they are older. */
export function greaterThan(id: string, ids: readonly string[]): string[] {
  return ids.filter((other) => other > id);
}
