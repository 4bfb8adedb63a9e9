/** Divides the rows of a large table into ranges that several sessions copy at once. */
import { oidList } from "../session/names";
import * as z from "zod";
import type { Relation } from "../catalog/catalog";
import type { PageRange } from "../catalog/fingerprint";
import { findPrimers } from "../catalog/primers";
import type { Session } from "../session/session";

export interface RangedTable extends Relation {
  /** A query of all its rows, as `pg_dump` writes them. */
  readonly rows: string;
  readonly pagesPerRange: number;
  /** Together, the ranges have every row once, in the order of the table's file. */
  readonly ranges: readonly PageRange[];
  /** Statements that a session runs before it copies from the table. */
  readonly before: readonly string[];
}

/** How many pages each range of a table has, which need not be a whole number; undefined if the table is not split. */
export type Splitting = (table: Relation, pages: number) => number | undefined;

/**
 * The size of a range with its TOAST: half a second of work. There are many more ranges than workers, because a few pages can
 * have most of the large geometries.
 */
const rangeBytes = 64 * 2 ** 20;
const rangesPerJob = 4;

/** Ranges that several workers dump together. */
export const forWorkers =
  (jobs: number): Splitting =>
  ({ bytes }, pages) =>
    pages / Math.max(jobs * rangesPerJob, Math.ceil(bytes / rangeBytes));

/** A range is a file for some time, and a run of two programs, which takes as long as to dump a few hundred pages. */
const leastPages = 2048;
/** Smaller tables have no lasting ranges: a page has 8 KiB, unless somebody built the server with others. */
export const leastLastingBytes = 2 * leastPages * 8192;
/** Each range takes a hundred bytes in the manifest. */
const mostRanges = 512;

/** Ranges whose bounds stay when the table grows, so that a later backup has the same. Small tables are not worth it. */
export function lastingRange(pages: number): number | undefined {
  if (pages < 2 * leastPages) return undefined;
  return Math.max(leastPages, 2 ** Math.ceil(Math.log2(pages / mostRanges)));
}

const Heap = z.object({ oid: z.string(), columns: z.string().nullable(), pages: z.int() });

/** Ranges are of ctid, the place of a row, which only a heap has; columns are those that pg_dump writes, in its order. */
const heapQuery = (oids: readonly string[]) => `
SELECT c.oid::text, pg_relation_size(c.oid) / current_setting('block_size')::int8 AS pages,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
FROM pg_class c JOIN pg_am a ON a.oid = c.relam
WHERE c.oid IN (${oidList(oids)}) AND c.relkind = 'r' AND a.amname = 'heap'`;

/** Splits those of the tables that can be. They must be locked already. */
export async function splitTables(
  session: Session,
  tables: readonly Relation[],
  splitting: Splitting,
): Promise<RangedTable[]> {
  // Of the tables of an extension, pg_dump dumps some rows only.
  const own = new Map(
    tables.filter(({ extension }) => extension === null).map((table) => [table.oid, table]),
  );
  if (own.size === 0) return [];
  const heaps = await session.rows(heapQuery([...own.keys()]), Heap);
  const primers = await findPrimers(session, [...own.keys()]);
  return heaps.flatMap(({ oid, columns, pages }) => {
    const table = own.get(oid);
    const pagesPerRange = table && splitting(table, pages);
    if (table === undefined || pagesPerRange === undefined) return [];
    const rows = `SELECT ${columns ?? ""} FROM ONLY ${table.sqlName}`;
    // psql's \copy is one line.
    return /[\r\n]/.test(rows)
      ? []
      : [
          {
            ...table,
            rows,
            pagesPerRange,
            ranges: pageRanges(pages, pagesPerRange),
            before: primers.get(oid) ?? [],
          },
        ];
  });
}

/** The last range has no end, so that no row is missed if the table has grown by the time it is read. */
export function pageRanges(pages: number, pagesPerRange: number): PageRange[] {
  const each = Math.max(1, pagesPerRange);
  // The quotient of two rounded numbers can be a little too large.
  const count = Math.max(1, Math.ceil(pages / each - 1e-6));
  const bound = (index: number) => Math.floor(index * each);
  return Array.from({ length: count }, (_, index) => ({
    from: bound(index),
    ...(index === count - 1 ? {} : { end: bound(index + 1) }),
  }));
}

/** The condition on a row that it is in the range. */
export const isIn = ({ from, end }: PageRange): string =>
  [`ctid >= '(${from},0)'`, ...(end === undefined ? [] : [`ctid < '(${end},0)'`])].join(" AND ");
