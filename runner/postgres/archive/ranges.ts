/** Divides the rows of a large table into ranges that several sessions copy at once. */
import { oidList } from "../session/names";
import { z } from "zod";
import type { Relation } from "../catalog/catalog";
import type { Session } from "../session/session";

export interface RangedTable extends Relation {
  /** Together, the queries give every row once, in the order of the table's file. */
  readonly queries: readonly string[];
}

interface SplitOptions {
  readonly jobs: number;
  /** Tables of at least so many bytes are split. */
  readonly from: number;
}

/**
 * The size of a range with its TOAST: half a second of work. There are many more ranges than workers, because a few pages can
 * have most of the large geometries.
 */
const rangeBytes = 64 * 2 ** 20;
const rangesPerJob = 4;

const Heap = z.object({ oid: z.string(), columns: z.string().nullable(), pages: z.int() });

/** Ranges are of ctid, the place of a row, which only a heap has; columns are those that pg_dump writes, in its order. */
const heapQuery = (oids: readonly string[]) => `
SELECT c.oid::text, pg_relation_size(c.oid) / current_setting('block_size')::int8 AS pages,
       (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
        WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns
FROM pg_class c JOIN pg_am a ON a.oid = c.relam
WHERE c.oid IN (${oidList(oids)}) AND c.relkind = 'r' AND a.amname = 'heap'`;

/** Splits the tables that are large enough. They must be locked already. */
export async function splitTables(
  session: Session,
  tables: readonly Relation[],
  { jobs, from }: SplitOptions,
): Promise<RangedTable[]> {
  const large = new Map(tables.filter(({ bytes }) => bytes >= from).map((table) => [table.oid, table]));
  if (large.size === 0) return [];
  const heaps = await session.rows(heapQuery([...large.keys()]), Heap);
  return heaps.flatMap(({ oid, columns, pages }) => {
    const table = large.get(oid);
    if (table === undefined) return [];
    const wanted = Math.max(jobs * rangesPerJob, Math.ceil(table.bytes / rangeBytes));
    const rows = `SELECT ${columns ?? ""} FROM ONLY ${table.sqlName}`;
    const queries = pageRanges(pages, wanted).map((condition) => `${rows}${condition}`);
    // psql's \copy is one line.
    return queries.some((query) => /[\r\n]/.test(query)) ? [] : [{ ...table, queries }];
  });
}

/**
 * Conditions on the ctid. The first range has no lower bound and the last one no upper bound, so that no row is missed if the
 * table has grown by the time it is read.
 */
export function pageRanges(pages: number, wanted: number): string[] {
  const count = Math.max(1, Math.min(pages, wanted));
  const bound = (index: number) => `'(${Math.floor((index * pages) / count)},0)'`;
  return Array.from({ length: count }, (_, index) => {
    const bounds = [
      ...(index === 0 ? [] : [`ctid >= ${bound(index)}`]),
      ...(index === count - 1 ? [] : [`ctid < ${bound(index + 1)}`]),
    ];
    return bounds.length === 0 ? "" : ` WHERE ${bounds.join(" AND ")}`;
  });
}
