import type { TableRelation } from "../postgres/relations";
import type { Snapshot } from "../postgres/snapshot";
import type { Progress } from "../progress";
import type { PendingBackup } from "../store/folder";
import type { Plan } from "./plan";

/** A backup that is being taken. */
export interface Run extends Plan {
  readonly snapshot: Snapshot;
  readonly relations: readonly TableRelation[];
  readonly pending: PendingBackup;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
