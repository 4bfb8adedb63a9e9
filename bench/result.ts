import { parallelDump } from "./cases/backup";
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
  /** Undefined if it was never measured. */
  readonly nightly?: NightlyResult;
}

/** Nightly backups of several tables. They can be measured alone, later than the rest and in another state of the machine. */
export interface NightlyResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly jobs: number;
  readonly tables: number;
  /** Of one table. */
  readonly rows: number;
  /** Of one table. */
  readonly tableBytes: number;
  /** Rows that were appended to, or updated in, one table. */
  readonly changedRows: number;
  readonly groups: {
    readonly tenTables: GroupResult;
    readonly oneTable: GroupResult;
    /** Undefined if the program is not to be had. */
    readonly pgBackRest?: GroupResult;
  };
  /** Name and version of pgBackRest, or why it was not measured. */
  readonly pgBackRest: string;
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

/**
 * The ratio of two contenders in each round, summarized. A machine that slows down slows both of one round, and changes it less than
 * the ratio of the medians.
 */
export function ratioOf(
  group: GroupResult,
  contender: string,
  against: string,
  quantity: (measurement: Measurement) => number = ({ seconds }) => seconds,
): Summary {
  const [ones, others] = [contender, against].map((name) => group[name]?.measurements ?? []);
  if (ones === undefined || others === undefined || ones.length !== others.length)
    throw new Error(`"${contender}" and "${against}" were not measured in the same rounds`);
  return summarize(
    ones.map((one, round) => {
      const other = others[round];
      return quantity(one) / (other === undefined ? NaN : quantity(other));
    }),
  );
}

/** Bytes in a compressed dump of the rows that were appended or updated. */
export function changedBytes({ groups, jobs, tables, rows, changedRows }: NightlyResult): number {
  return (medianOf(groups.tenTables, parallelDump(jobs), "outputBytes") / (tables * rows)) * changedRows;
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
