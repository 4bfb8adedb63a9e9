import type { TableRelation } from "../postgres/relations";
import type { Snapshot } from "../postgres/snapshot";
import type { Progress } from "../progress";
import type { Draft } from "./destination";
import type { Plan } from "./plan";

/** A backup that is being taken. */
export interface Run extends Plan {
  readonly snapshot: Snapshot;
  readonly relations: readonly TableRelation[];
  readonly draft: Draft;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
