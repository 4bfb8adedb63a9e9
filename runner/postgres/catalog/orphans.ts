import { escapeIdentifier } from "../session/escape";
import { z } from "zod";
import type { ExecTarget } from "../../docker/exec";
import { Attempts, Failure } from "../../lib/failure";
import type { LogicalForeignKey } from "./logical-foreign-keys";
import { readInSnapshot } from "../session/snapshot-reader";

export interface CountedForeignKey extends LogicalForeignKey {
  /** Rows of the child that refer to no row of the parent. */
  readonly orphans: number;
}

/** Counts the orphans of each logical foreign key within the snapshot; more than `maxOrphans` in any of them is a failure. */
export async function countOrphans(
  target: ExecTarget,
  snapshotId: string,
  keys: readonly LogicalForeignKey[],
  maxOrphans: number | undefined,
  signal: AbortSignal,
): Promise<CountedForeignKey[]> {
  const counts = await readInSnapshot(
    target,
    snapshotId,
    keys.map(orphansQuery),
    z.object({ orphans: z.int() }),
    signal,
  );
  const counted = keys.map((key, i) => ({
    ...key,
    orphans: counts[i]?.orphans ?? Number.NaN,
  }));
  const attempts = new Attempts();
  counted
    .filter(({ orphans }) => orphans > (maxOrphans ?? Number.POSITIVE_INFINITY))
    .forEach((key) => {
      attempts.add(tooManyOrphans(key, maxOrphans ?? 0));
    });
  attempts.end();
  return counted;
}

/** A null refers to nothing, so it is no orphan. */
function orphansQuery({ child, childColumn, parent, parentColumn }: LogicalForeignKey): string {
  const [c, p] = [escapeIdentifier(childColumn), escapeIdentifier(parentColumn)];
  return (
    `SELECT count(*) AS orphans FROM ${child.sqlName} c WHERE c.${c} IS NOT NULL ` +
    `AND NOT EXISTS (SELECT FROM ${parent.sqlName} p WHERE p.${p} = c.${c})`
  );
}

function tooManyOrphans(
  { child, childColumn, parent, parentColumn, orphans }: CountedForeignKey,
  limit: number,
) {
  return new Failure(
    "orphans-over-limit",
    `${orphans} rows of ${child.sqlName} have a ${childColumn} that no ${parentColumn} of ${parent.sqlName} has; at most ${limit} are allowed. ` +
      "Repair the tables, or raise --max-orphans. Nothing was kept of this backup.",
  );
}
