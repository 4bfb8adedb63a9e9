import { Failure } from "../lib/failure";
import { sourceOf } from "./retention";
import { type GoodBackup, isGood, type StoredBackup } from "../repository/repository";
import { totalBytes, formatBytes } from "../lib/format";
import { setting } from "../lib/setting";

interface Shrinkage {
  readonly before: GoodBackup;
  readonly after: GoodBackup;
}

/**
 * The good backups after which a much smaller one was taken. They are kept, because the alarm is raised only once: tomorrow's
 * backup is compared with today's small one.
 */
export function beforeShrinkage(backups: readonly StoredBackup[], ratio: number): Set<StoredBackup> {
  return new Set(findShrinkages(backups.filter(isGood), ratio).map(({ before }) => before));
}

/** Fails if the newest good backup is too small. */
export function checkNewestSize(backups: readonly StoredBackup[], ratio: number): void {
  const good = backups.filter(isGood);
  const newest = good.at(-1);
  const found = findShrinkages(good, ratio).find(({ after }) => after === newest);
  if (found !== undefined) throw new Failure("backup-too-small", describeShrinkage(found, ratio));
}

/** Each good backup that is smaller than this share of the one before it, unless the one before is marked. */
function findShrinkages(good: readonly GoodBackup[], ratio: number): Shrinkage[] {
  return good.flatMap((after, index) => {
    const before = good
      .slice(0, index)
      .findLast(
        (earlier) =>
          sourceOf(earlier.manifest) === sourceOf(after.manifest) &&
          earlier.manifest.compression === after.manifest.compression,
      );
    const shrank = before !== undefined && !before.kept && archiveBytes(after) < ratio * archiveBytes(before);
    return shrank ? [{ before, after }] : [];
  });
}

function describeShrinkage({ before, after }: Shrinkage, ratio: number): string {
  const tables = (backup: GoodBackup) =>
    backup.manifest.tables.map(({ schema, name }) => `${schema}.${name}`);
  const present = new Set(tables(after));
  const gone = tables(before).filter((name) => !present.has(name));
  const shown = gone.slice(0, 5).join(", ") + (gone.length > 5 ? ` and ${gone.length - 5} more` : "");
  return (
    `Backup ${after.id} of "${after.name}" has ${formatBytes(archiveBytes(after))}, less than ${ratio} times the ` +
    `${formatBytes(archiveBytes(before))} of ${before.id} before it${gone.length > 0 ? `, and lacks ${shown}` : ""}. ` +
    `No backup was removed. Check whether rows are lost. If they are, restore them from ${before.id}; ` +
    `if not, mark ${before.id} with "postgis-backup keep", or prune without ${setting("--min-size-ratio", "minSizeRatio")}.`
  );
}

function archiveBytes({ manifest }: GoodBackup): number {
  return totalBytes(manifest.files);
}
