import type { OutsideContent } from "../postgres/catalog/outside-content";
import type { LogicalForeignKey } from "../postgres/catalog/logical-foreign-keys";
import type { Snapshot } from "../postgres/session/snapshot";
import type { Progress } from "../lib/progress";
import type { Draft } from "./destination";
import type { Plan } from "./plan";

/** A backup that is being taken. */
export interface Run extends Plan {
  readonly snapshot: Snapshot;
  readonly logicalForeignKeys: readonly LogicalForeignKey[];
  /** What was accepted to be left out. */
  readonly outside: readonly OutsideContent[];
  readonly draft: Draft;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}
