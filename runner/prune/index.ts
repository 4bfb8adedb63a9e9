import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { PruneRequest, Retention } from "../request";
import { decide, type Decision, hasRules, notAfter, sourceOf } from "./retention";
import { beforeShrinkage, checkNewestSize } from "./size-check";
import { existingBackups, type Removal, type Repository, type StoredBackup } from "../repository/repository";

export interface PruneResult {
  readonly location: string;
  readonly name: string;
  readonly dryRun: boolean;
  /** Ids that were removed or, in a dry run, would be removed. */
  readonly removed: string[];
  readonly kept: { readonly id: string; readonly reasons: readonly string[]; readonly problem?: string }[];
  /** Ids that no rule keeps, but that could not be removed. */
  readonly left: { readonly id: string; readonly reason: string }[];
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
      "Name at least one rule, such as --keep-last 7 or --keep-daily 7: without one, nothing is removed.",
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
    removals.push(dryRun ? { id: backup.id } : await repository.remove(name, backup.id));
  }
  warn(kept, removals, progress);
  return {
    location: repository.location,
    name,
    dryRun,
    removed: removals.filter(({ left }) => left === undefined).map(({ id }) => id),
    kept: kept.map(({ backup: { id, problem }, reasons }) => ({ id, reasons, problem })),
    left: removals.flatMap(({ id, left }) => (left === undefined ? [] : [{ id, reason: left }])),
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

function warn(kept: readonly Decision[], removals: readonly Removal[], progress: Progress): void {
  for (const { backup } of kept) {
    if (backup.problem === undefined) continue;
    progress.note(
      `warning: Backup ${backup.location} is damaged: ${backup.problem}. It was left alone; remove it by hand if it is of no use.`,
    );
  }
  for (const { id, left } of removals) {
    if (left === undefined) continue;
    progress.note(`warning: Backup ${id} was not removed: ${left}.`);
  }
}

export { hasRules, notAfter, sourceOf } from "./retention";
export { checkNewestSize } from "./size-check";
export { keep } from "./keep";
export { list } from "./list";
