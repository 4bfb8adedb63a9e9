import type { OutsideContent } from "../postgres/catalog/outside-content";
import type { TableRelation } from "../postgres/catalog/relations";
import type { Snapshot } from "../postgres/session/snapshot";
import type { Progress } from "../lib/progress";
import type { BegunBackup } from "./repositories";
import type { Plan } from "./plan";

/** A backup that is being taken. */
export interface Run extends Plan {
  readonly snapshot: Snapshot;
  readonly relations: readonly TableRelation[];
  /** What was accepted to be left out. */
  readonly outside: readonly OutsideContent[];
  readonly writer: BegunBackup;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
