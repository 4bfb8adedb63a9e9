import { escapeIdentifier } from "../session/escape";
import { z } from "zod";
import type { ExecTarget } from "../../docker/exec";
import { Attempts, Failure } from "../../lib/failure";
import type { TableRelation } from "./relations";
import { readInSnapshot } from "../session/snapshot-reader";

export interface CountedRelation extends TableRelation {
  /** Rows of the child that refer to no row of the parent. */
  readonly orphans: number;
}

/** Counts the orphans of each relation within the snapshot; more than `maxOrphans` in any of them is a failure. */
export async function countOrphans(
  target: ExecTarget,
  snapshotId: string,
  relations: readonly TableRelation[],
  maxOrphans: number | undefined,
  signal: AbortSignal,
): Promise<CountedRelation[]> {
  const counts = await readInSnapshot(
    target,
    snapshotId,
    relations.map(orphansQuery),
    z.object({ orphans: z.int() }),
    signal,
  );
  const counted = relations.map((relation, i) => ({
    ...relation,
    orphans: counts[i]?.orphans ?? Number.NaN,
  }));
  const attempts = new Attempts();
  counted
    .filter(({ orphans }) => orphans > (maxOrphans ?? Number.POSITIVE_INFINITY))
    .forEach((relation) => {
      attempts.add(tooManyOrphans(relation, maxOrphans ?? 0));
    });
  attempts.end();
  return counted;
}

/** A null refers to nothing, so it is no orphan. */
function orphansQuery({ child, childColumn, parent, parentColumn }: TableRelation): string {
  const [c, p] = [escapeIdentifier(childColumn), escapeIdentifier(parentColumn)];
  return (
    `SELECT count(*) AS orphans FROM ${child.sqlName} c WHERE c.${c} IS NOT NULL ` +
    `AND NOT EXISTS (SELECT FROM ${parent.sqlName} p WHERE p.${p} = c.${c})`
  );
}

function tooManyOrphans(
  { child, childColumn, parent, parentColumn, orphans }: CountedRelation,
  limit: number,
) {
  return new Failure(
    "orphans-over-limit",
    `${orphans} rows of ${child.sqlName} have a ${childColumn} that no ${parentColumn} of ${parent.sqlName} has; at most ${limit} are allowed. ` +
      "Repair the tables, or raise --max-orphans. Nothing was kept of this backup.",
  );
}
