import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { prune, type PruneResult, hasRules, notAfter, checkNewestSize } from "../prune";
import type { BackupRequest, BackupResult } from "../request";
import type { Repository } from "../repository/repository";

/** A result must stay short: see {@link BackupResult}. */
const namedIds = 20;
const alarmLength = 600;

/**
 * Retention, once a new backup is complete, wherever the series is kept. Whatever goes wrong here is an alarm: the backup
 * stays, and is a success. Backups of other databases in the series are left to their own runs, which may have other rules.
 */
export async function pruneAfterBackup(
  repositories: readonly Repository[],
  request: BackupRequest,
  backupId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<BackupResult, "pruned" | "alarm">> {
  const removed = new Set<string>();
  const alarms = new Set<string>();
  const raise = (alarm: string) => {
    progress.note(`warning: ${shorten(alarm)}`);
    alarms.add(alarm);
  };
  if (hasRules(request.retention) && request.verify === "none") raise(notVerified);
  for (const repository of repositories) {
    try {
      const { removed: ids, left } = await pruneRepository(repository, request, backupId, progress, signal);
      for (const id of ids) removed.add(id);
      for (const { id, reason } of left) alarms.add(`Backup ${id} was not removed: ${reason}.`);
    } catch (error) {
      raise(describe(error, signal));
    }
  }
  const alarm = shorten([...alarms].join(" "));
  return { pruned: summarize([...removed]), ...(alarm === "" ? {} : { alarm }) };
}

async function pruneRepository(
  repository: Repository,
  request: BackupRequest,
  backupId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<PruneResult, "removed" | "left">> {
  const { name, retention } = request;
  if (hasRules(retention) && request.verify !== "none") {
    const wanted = { repository: repository.location, name, retention, dryRun: false };
    return prune(repository, wanted, progress, signal, backupId);
  }
  if (retention.minSizeRatio !== undefined)
    checkNewestSize(notAfter(new Date(), await repository.backups(name)), retention.minSizeRatio);
  return { removed: [], left: [] };
}

const notVerified =
  "No earlier backup was removed, because this one was not verified. Ask for a verification, or prune by hand.";

function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted)
    return "Interrupted while earlier backups were removed; the next backup or prune does the rest.";
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Failure ? message : `Earlier backups were not all removed: ${message}`;
}

function summarize(ids: readonly string[]): string[] {
  return ids.length <= namedIds ? [...ids] : [...ids.slice(0, namedIds), `and ${ids.length - namedIds} more`];
}

function shorten(text: string): string {
  return text.length <= alarmLength ? text : `${text.slice(0, alarmLength)}…`;
}
