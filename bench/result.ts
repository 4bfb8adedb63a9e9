import type { Machine } from "./machine";
import type { Measurement } from "./measure";
import type { GroupResult } from "./rounds";

/** Everything that the report needs. */
export interface BenchResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly sample: Sample;
  readonly smallTables: number;
  /** Size of the file that the disk wrote and read. */
  readonly diskBytes: number;
  /** Number of workers, for contenders that let us choose. */
  readonly jobs: number;
  readonly groups: Readonly<Record<GroupName, GroupResult>>;
}

export type GroupName =
  "backup" | "largeTable" | "restore" | "parts" | "emptyTable" | "manyTables" | "idleUp";

/** Size of the sample tables. */
export interface Sample {
  /** Rows of the large table. */
  readonly rows: number;
  /** Size of the large table without indexes. */
  readonly tableBytes: number;
  /** Size of all tables with indexes. */
  readonly databaseBytes: number;
}

/** Summarizes one quantity of one contender over all rounds. */
export function summaryOf(
  group: GroupResult,
  contender: string,
  quantity: keyof Measurement = "seconds",
): Summary {
  const result = group[contender];
  if (result === undefined) throw new Error(`"${contender}" was not measured`);
  return summarize(result.measurements.map((measurement) => measurement[quantity]));
}

export function medianOf(
  group: GroupResult,
  contender: string,
  quantity: keyof Measurement = "seconds",
): number {
  return summaryOf(group, contender, quantity).median;
}

export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new Error("there is nothing to summarize: no values");
  const sorted = values.toSorted((a, b) => a - b);
  return { median: median(sorted), least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN };
}

function median(sorted: readonly number[]): number {
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
