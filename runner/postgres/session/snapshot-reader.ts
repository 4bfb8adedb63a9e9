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

/** Runs queries that return one row each, and gives each row as the JSON that the server makes of it. */
export type RowReader = <T>(
  queries: readonly string[],
  row: z.ZodType<T>,
  settings?: readonly string[],
) => Promise<T[]>;

/** What the queries need besides their transaction. */
const always = [
  "SET row_security = off",
  `SET lock_timeout = '${patience}s'`,
  // A geometry that is not valid makes a notice.
  "SET client_min_messages = error",
];

/** Reads in a session whose transaction has begun. The settings end with the transaction if that is rolled back. */
export const inTransaction =
  (session: Session): RowReader =>
  async (queries, row, settings = []) => {
    // The session may have turned it off for queries of the catalog.
    for (const setting of [...always, "RESET jit", ...settings]) await session.run(setting);
    const found = [];
    for (const query of queries) {
      try {
        found.push(await session.row(query, row));
      } catch (error) {
        throw error instanceof SqlError && error.code === "server-error"
          ? readingFailure(error.message, query)
          : error;
      }
    }
    return found;
  };

/** Reads within a snapshot, in sessions of its own. */
export const inSnapshot =
  (target: ExecTarget, snapshotId: string, signal: AbortSignal): RowReader =>
  (queries, row, settings) =>
    readInSnapshot(target, snapshotId, queries, row, signal, settings);

async function readInSnapshot<T>(
  target: ExecTarget,
  snapshotId: string,
  queries: readonly string[],
  row: z.ZodType<T>,
  signal: AbortSignal,
  settings: readonly string[] = [],
): Promise<T[]> {
  const found: T[] = [];
  for (const batch of batches(queries)) {
    const statements = [
      "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
      `SET TRANSACTION SNAPSHOT ${escapeLiteral(snapshotId)}`,
      ...always,
      ...settings,
      ...batch.map((query) => `SELECT to_jsonb(q) FROM (${query}) q`),
    ];
    const command = [...psql, ...statements.flatMap((sql) => ["--command", sql])];
    const { chunks, ended } = streamTied(target, command, signal);
    let answered = 0;
    for await (const line of createInterface({ input: chunks })) {
      if (line === "") continue;
      found.push(row.parse(JSON.parse(line)));
      answered += 1;
    }
    const { failed, stderr, exitCode } = await ended;
    if (failed) throw readingFailure(errorLines(stderr) || endedWith(exitCode), batch[answered] ?? "");
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
export function* batches(queries: readonly string[]): Generator<string[], void> {
  let batch: string[] = [];
  let bytes = 0;
  for (const query of queries) {
    const more = Buffer.byteLength(query) + argumentBytes;
    if (batch.length > 0 && bytes + more > batchBytes) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(query);
    bytes += more;
  }
  if (batch.length > 0) yield batch;
}
