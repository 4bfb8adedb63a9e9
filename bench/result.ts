import type { Machine } from "./machine";
import type { Measurement } from "./measure";
import type { GroupResult } from "./rounds";
import { type Summary, summarize } from "./statistics";

/** All that the report is made of. */
export interface BenchResult {
  readonly machine: Machine;
  readonly rounds: number;
  readonly sample: Sample;
  readonly smallTables: number;
  /** What the disk was given to write and read. */
  readonly diskBytes: number;
  /** Workers of the ways that take any number. */
  readonly jobs: number;
  readonly groups: Readonly<Record<GroupName, GroupResult>>;
}

export type GroupName =
  "backup" | "largeTable" | "restore" | "parts" | "emptyTable" | "manyTables" | "idleUp";

/** The tables that were measured. */
export interface Sample {
  /** Of the large table. */
  readonly rows: number;
  /** Of the large table, without indexes. */
  readonly tableBytes: number;
  /** Of all tables, with indexes. */
  readonly databaseBytes: number;
}

/** A quantity of one way, over all rounds. */
export function summaryOf(group: GroupResult, way: string, quantity: keyof Measurement = "seconds"): Summary {
  const result = group[way];
  if (result === undefined) throw new Error(`"${way}" was not measured`);
  return summarize(result.measurements.map((measurement) => measurement[quantity]));
}

export function medianOf(group: GroupResult, way: string, quantity: keyof Measurement = "seconds"): number {
  return summaryOf(group, way, quantity).median;
}
