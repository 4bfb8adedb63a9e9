import type { Inspection } from "../docker/container";
import type { ExecTarget } from "../docker/exec";
import type { Manifest } from "../repository/manifest";
import type { DumpFacts, ServerFacts } from "../postgres/session/server-info";
import type { Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { RestoreRequest } from "../request";
import type { BackupFiles } from "../repository/files";
import type { RestoreNames } from "./names";

/** A restore that has its lock. */
export interface RestoreRun {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
  readonly files: BackupFiles;
  readonly container: Inspection;
  readonly target: ExecTarget;
  /** In the target database; holds the lock until it is closed. */
  readonly session: Session;
  readonly facts: ServerFacts;
  readonly tools: DumpFacts;
  readonly names: RestoreNames;
  readonly jobs: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** For the result. */
  readonly notes: string[];
}

export function inDatabase(target: ExecTarget, database: string): ExecTarget {
  return { ...target, env: { ...target.env, PGDATABASE: database } };
}
