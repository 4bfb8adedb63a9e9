import { createInterface } from "node:readline";
import { escapeLiteral } from "./escape";
import type { z } from "zod";
import { type ExecTarget, streamTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { endedWith, errorLines, psql } from "./server";
import { type Session, SqlError } from "./session";
import { rowTooLarge } from "../archive/dump";

/** Bytes of queries for each psql process: they are its arguments, to which Linux gives a quarter of the stack, 2 MiB. */
const batchBytes = 1 << 20;

/** What a query takes there besides its text: an option, two pointers, and the query around it. */
const argumentBytes = 80;

/**
 * Seconds to wait for a locked table. Usually the session that blocks this one waits itself, for the session that holds the
 * snapshot; this gives it time to give up.
 */
const patience = 5;

/** A query that returns one row. */
export interface RowQuery {
  readonly text: string;
  /** Statements that the session runs before. They return no rows. */
  readonly before?: readonly string[];
  /** For this query alone. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Called with each row as soon as it is there, and the index of its query. */
type OnRow<T> = (row: T, index: number) => void;

/** Runs queries, and gives the row of each as the JSON that the server makes of it. */
export type RowReader = <T>(
  queries: readonly RowQuery[],
  row: z.ZodType<T>,
  settings?: readonly string[],
  onRow?: OnRow<T>,
) => Promise<T[]>;

/** What the queries need besides their transaction. */
const always = [
  "SET row_security = off",
  `SET lock_timeout = '${patience}s'`,
  // A geometry that is not valid makes a notice.
  "SET client_min_messages = error",
];

const begun = ({ before = [], settings = {} }: RowQuery) => [
  ...before,
  ...Object.entries(settings).map(([name, value]) => `SET ${name} = ${escapeLiteral(value)}`),
];

const changedBack = ({ settings = {} }: RowQuery) => Object.keys(settings).map((name) => `RESET ${name}`);

/** Reads in a session whose transaction has begun. The settings end with the transaction if that is rolled back. */
export const inTransaction =
  (session: Session): RowReader =>
  async (queries, row, settings = [], onRow = () => undefined) => {
    // The session may have turned it off for queries of the catalog.
    for (const setting of [...always, "RESET jit", ...settings]) await session.run(setting);
    const found = [];
    for (const [index, query] of queries.entries()) {
      for (const setting of begun(query)) await session.run(setting);
      try {
        const one = await session.row(query.text, row);
        found.push(one);
        onRow(one, index);
      } catch (error) {
        throw error instanceof SqlError && error.code === "server-error"
          ? readingFailure(error.message, query.text)
          : error;
      }
      for (const setting of changedBack(query)) await session.run(setting);
    }
    return found;
  };

/** Reads within a snapshot, in sessions of its own. */
export const inSnapshot =
  (target: ExecTarget, snapshotId: string, signal: AbortSignal): RowReader =>
  (queries, row, settings = [], onRow = () => undefined) =>
    readInSnapshot(target, snapshotId, queries, row, settings, onRow, signal);

async function readInSnapshot<T>(
  target: ExecTarget,
  snapshotId: string,
  queries: readonly RowQuery[],
  row: z.ZodType<T>,
  settings: readonly string[],
  onRow: OnRow<T>,
  signal: AbortSignal,
): Promise<T[]> {
  const found: T[] = [];
  for (const batch of batches(queries)) {
    const statements = [
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
      `SET TRANSACTION SNAPSHOT ${escapeLiteral(snapshotId)}`,
      ...always,
      ...settings,
      ...batch.flatMap((query) => [
        ...begun(query),
        `SELECT to_jsonb(q) FROM (${query.text}) q`,
        ...changedBack(query),
      ]),
    ];
    const command = [...psql, ...statements.flatMap((sql) => ["--command", sql])];
    const { chunks, ended } = streamTied(target, command, signal);
    let answered = 0;
    for await (const line of createInterface({ input: chunks })) {
      if (line === "") continue;
      const one = row.parse(JSON.parse(line));
      onRow(one, found.push(one) - 1);
      answered += 1;
    }
    const { failed, stderr, exitCode } = await ended;
    if (failed) throw readingFailure(errorLines(stderr) || endedWith(exitCode), batch[answered]?.text ?? "");
  }
  return found;
}

/** The query that failed is the first without an answer, as each query returns one row. */
function readingFailure(said: string, query: string): Failure {
  if (!said.includes("lock timeout")) {
    return (
      rowTooLarge(`${said}\n${query}`) ?? new Failure("server-error", `Counting the rows failed: ${said}`)
    );
  }
  return new Failure(
    "lock-timeout",
    `Counting the rows failed: somebody asked for ACCESS EXCLUSIVE on a table that was not counted yet: ${said}\n` +
      "Run it when no migration runs.",
  );
}

/** The queries in their order, as many together as one process takes. */
export function* batches(queries: readonly RowQuery[]): Generator<RowQuery[], void> {
  let batch: RowQuery[] = [];
  let bytes = 0;
  for (const query of queries) {
    const settings = [...begun(query), ...changedBack(query)];
    const more =
      Buffer.byteLength([query.text, ...settings].join("")) + argumentBytes * (1 + settings.length);
    if (batch.length > 0 && bytes + more > batchBytes) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(query);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}
