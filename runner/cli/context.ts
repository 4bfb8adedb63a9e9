import type { Progress } from "../lib/progress";

/** What every verb gets from its process. */
export interface Context {
  readonly progress: Progress;
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal;
}
