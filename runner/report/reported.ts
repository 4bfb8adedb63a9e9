/** What a report says of a history, besides its numbers. */
import { Failure } from "../lib/failure";
import { hasRules, planPrune } from "../prune";
import type { StoredBackup } from "../repository/repository";
import type { Retention } from "../request";
import { type Finding, findingsOf } from "./findings";
import type { History } from "./history";

export interface Reported {
  readonly history: History;
  readonly findings: readonly Finding[];
  /** Absent where no rules were given. */
  readonly nextPrune?: NextPrune;
}

/** What the next prune with the given rules would do. */
export interface NextPrune {
  /** By backup id, why it stays; it goes if there is no reason. */
  readonly reasons: ReadonlyMap<string, readonly string[]>;
  /** Why nothing would be removed at all. */
  readonly refusal?: string;
}

export function describe(history: History, retention: Retention, now: Date): Reported {
  const findings = findingsOf(history, now);
  if (!hasRules(retention)) return { history, findings };
  return { history, findings, nextPrune: nextPrune(history.backups, retention, now) };
}

function nextPrune(backups: readonly StoredBackup[], retention: Retention, now: Date): NextPrune {
  try {
    const decisions = planPrune(backups, retention, now);
    return { reasons: new Map(decisions.map(({ backup, reasons }) => [backup.id, reasons])) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { reasons: new Map(), refusal: error.message };
  }
}

/** Whether the next prune would remove a backup. */
export function goes({ id }: StoredBackup, next: NextPrune | undefined): boolean {
  return next?.reasons.get(id)?.length === 0;
}
