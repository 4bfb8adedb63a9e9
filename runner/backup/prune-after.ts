import { Failure } from "../failure";
import type { Progress } from "../progress";
import { prune } from "../prune";
import type { BackupRequest, BackupResult } from "../request";
import { hasRules, notAfter } from "../retention";
import { checkNewestSize } from "../size-check";
import { openStore } from "../store/open-store";

/** A result must stay short: see {@link BackupResult}. */
const namedIds = 20;
const alarmLength = 600;

/** Retention, once a new backup is complete. Whatever goes wrong here is an alarm: the backup stays, and is a success. */
export async function pruneAfterBackup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<BackupResult, "pruned" | "alarm">> {
  const store = openStore(request);
  const raise = (alarm: string) => {
    progress.note(`warning: ${shorten(alarm)}`);
    return { pruned: [], alarm: shorten(alarm) };
  };
  try {
    const { directory, name, keepLast, keepDaily, keepWeekly, keepMonthly, keepYearly, minSizeRatio } =
      request;
    if (!hasRules(request) || request.verify === "none") {
      if (minSizeRatio !== undefined)
        checkNewestSize(notAfter(new Date(), await store.backups(name)), minSizeRatio);
      return hasRules(request) ? raise(notVerified) : { pruned: [] };
    }
    const rules = { keepLast, keepDaily, keepWeekly, keepMonthly, keepYearly, minSizeRatio };
    const result = await prune(store, { directory, name, ...rules, dryRun: false }, progress, signal);
    const left = result.left.map(({ id, reason }) => `Backup ${id} was not removed: ${reason}.`).join(" ");
    return { pruned: summarize(result.removed), ...(left === "" ? {} : { alarm: shorten(left) }) };
  } catch (error) {
    return raise(describe(error, signal));
  }
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
