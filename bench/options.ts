import path from "node:path";
import { root } from "../setup/paths";

export interface BenchOptions {
  /** Number of signature rows. */
  readonly scale: number;
  /** Number of measurements of each contender. */
  readonly rounds: number;
  /** Number of tables in the case with many small tables. */
  readonly smallTables: number;
  /** Folder for the report. */
  readonly output: string;
}

/** Reads the variables that `make bench SCALE=… ROUNDS=…` sets. */
export function readOptions(env: NodeJS.ProcessEnv): BenchOptions {
  return {
    scale: wholeNumber("SCALE", env["SCALE"], 12_000_000),
    rounds: wholeNumber("ROUNDS", env["ROUNDS"], 3),
    smallTables: wholeNumber("SMALL_TABLES", env["SMALL_TABLES"], 1_000),
    output: path.resolve(env["OUTPUT"] ?? path.join(root, "docs")),
  };
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined || text === "") return otherwise;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`${name} must be a whole number above 0, not "${text}"`);
  return Number(text);
}
