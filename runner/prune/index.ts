import { Failure } from "../lib/failure";
import { totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import type { PruneRequest, Retention } from "../request";
import { decide, type Decision, hasRules, notAfter, sourceOf } from "./retention";
import { beforeShrinkage, checkNewestSize } from "./size-check";
import { existingBackups, type Removal, type Repository, type StoredBackup } from "../repository/repository";
import { standingFailure } from "../repository/verification";

export interface PruneResult {
  readonly location: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** What was removed or, in a dry run, would be removed, with the size of its files. */
  readonly removed: { readonly id: string; readonly bytes: number }[];
  /** The sum of their sizes. */
  readonly freedBytes: number;
  readonly kept: { readonly id: string; readonly reasons: readonly string[]; readonly problem?: string }[];
  /** Ids that no rule keeps, but that could not be removed. */
  readonly left: { readonly id: string; readonly reason: string }[];
  /** What somebody should look at. */
  readonly alarms: string[];
}

/** Removes the backups of a name that no rule keeps. If `like` is the id of a backup, only backups of its database are removed. */
export async function prune(
  repository: Repository,
  request: PruneRequest,
  progress: Progress,
  signal: AbortSignal,
  like?: string,
): Promise<PruneResult> {
  if (!hasRules(request.retention)) {
    throw new Failure(
      "usage",
      "Name at least one rule, such as --keep-last 7, --keep-daily 7 or --keep-within 30d: without one, nothing is removed.",
    );
  }
  const { name, retention, dryRun } = request;
  const all = await existingBackups(repository, name);
  const decisions = planPrune(like === undefined ? all : ofSameSource(all, like), retention, new Date());
  const kept = decisions.filter(({ reasons }) => reasons.length > 0);
  const removals = dryRun ? [] : await repository.finishRemovals(name);
  for (const { backup, reasons } of decisions) {
    signal.throwIfAborted();
    if (reasons.length > 0) continue;
    removals.push(dryRun ? { id: backup.id, bytes: backup.bytes } : await repository.remove(name, backup.id));
  }
  const alarms = alarmsAbout(kept, removals);
  for (const alarm of alarms) progress.note(`warning: ${alarm}`);
  const removed = removals.flatMap((one) =>
    one.left === undefined ? [{ id: one.id, bytes: one.bytes }] : [],
  );
  return {
    location: repository.location,
    name,
    dryRun,
    removed,
    freedBytes: totalBytes(removed),
    kept: kept.map(({ backup: { id, problem }, reasons }) => ({ id, reasons, problem })),
    left: removals.flatMap(({ id, left }) => (left === undefined ? [] : [{ id, reason: left }])),
    alarms,
  };
}

/** Includes damaged backups, whose database may be unknown; they are never removed. */
function ofSameSource(all: readonly StoredBackup[], like: string): StoredBackup[] {
  const source = all.find(({ id }) => id === like)?.manifest;
  return all.filter(
    ({ manifest }) =>
      manifest === undefined || (source !== undefined && sourceOf(manifest) === sourceOf(source)),
  );
}

/** Which backups of a name are kept, given oldest first. Fails instead of planning if the newest backup is suspiciously small. */
export function planPrune(backups: readonly StoredBackup[], retention: Retention, now: Date): Decision[] {
  const { minSizeRatio } = retention;
  const decisions = decide(backups, retention, now);
  if (minSizeRatio === undefined) return decisions;
  const past = notAfter(now, backups);
  checkNewestSize(past, minSizeRatio);
  const larger = beforeShrinkage(past, minSizeRatio);
  return decisions.map(({ backup, reasons }) => ({
    backup,
    reasons: larger.has(backup) ? [...reasons, "the next one is much smaller"] : reasons,
  }));
}

function alarmsAbout(kept: readonly Decision[], removals: readonly Removal[]): string[] {
  const why = ({ problem, verifications }: StoredBackup) =>
    problem === undefined
      ? standingFailure(verifications) && "failed its last verification"
      : `is damaged: ${problem}`;
  return [
    ...kept.flatMap(({ backup }) => {
      const wrong = why(backup);
      if (wrong === undefined) return [];
      return [`Backup ${backup.location} ${wrong}. It was left alone; remove it by hand if it is of no use.`];
    }),
    ...removals.flatMap(({ id, left }) =>
      left === undefined ? [] : [`Backup ${id} was not removed: ${left}.`],
    ),
  ];
}

export { hasRules, notAfter, sourceOf } from "./retention";
export { checkNewestSize } from "./size-check";
export { keep } from "./keep";
export { alarmsOf, list, type ListedBackup } from "./list";
