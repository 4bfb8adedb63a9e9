import path from "node:path";
import { root } from "../setup/paths";

const parts = ["nightly", "single"] as const;
export type Part = (typeof parts)[number];

export interface BenchOptions {
  /** Number of signature rows. */
  readonly scale: number;
  /** Number of measurements of each contender. */
  readonly rounds: number;
  /** Number of tables in the case with many small tables. */
  readonly smallTables: number;
  /** Number of rows of each table in the case with nightly backups. They are taken from the signature rows. */
  readonly nightlyRows: number;
  /** Measures nightly backups alone, or all but them, and leaves the rest of the report as it was. */
  readonly only: Part | undefined;
  /** Folder for the report. */
  readonly output: string;
}

/** Reads the variables that `make bench SCALE=… ROUNDS=…` sets. */
export function readOptions(env: NodeJS.ProcessEnv): BenchOptions {
  const scale = wholeNumber("SCALE", env["SCALE"], 12_000_000);
  const nightlyRows = wholeNumber("NIGHTLY_ROWS", env["NIGHTLY_ROWS"], Math.min(scale, 2_000_000));
  if (nightlyRows > scale) throw new Error("NIGHTLY_ROWS must be at most SCALE");
  return {
    scale,
    rounds: wholeNumber("ROUNDS", env["ROUNDS"], 3),
    smallTables: wholeNumber("SMALL_TABLES", env["SMALL_TABLES"], 1_000),
    nightlyRows,
    only: onlyPart(env["ONLY"]),
    output: path.resolve(env["OUTPUT"] ?? path.join(root, "docs")),
  };
}

function onlyPart(text: string | undefined): Part | undefined {
  if (text === undefined || text === "") return undefined;
  const part = parts.find((one) => one === text);
  if (part === undefined) throw new Error(`ONLY must be ${parts.join(" or ")}, not "${text}"`);
  return part;
}

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined || text === "") return otherwise;
  if (!/^[1-9]\d{0,9}$/.test(text)) throw new Error(`${name} must be a whole number above 0, not "${text}"`);
  return Number(text);
}
