import * as z from "zod";
import { type ServerInfo, isConvertible } from "../session/server";
import { type Session, setTextSettings } from "../session/session";
import type { RowQuery, RowReader } from "../session/snapshot-reader";
import { FingerprintMethod } from "../../request/contents";
import { findPrimers } from "./primers";

const Measure = z.object({
  oid: z.string(),
  rows: z.int(),
  fingerprint: z.string(),
  /** Absent where they were not counted, or the table has no geometries. */
  invalidGeometries: z.int().optional(),
  /** A digest of the rows with their places, if it was asked for. */
  places: z.string().optional(),
});
type PartMeasure = z.infer<typeof Measure>;
export type Measure = PartMeasure & {
  /** The same of each range, if the table was measured in ranges. */
  readonly ranges?: readonly PartMeasure[];
};

/** The row of a query below: of a whole table, or of each of its ranges. */
const MeasureRow = z.object({ measures: z.array(Measure) });

export interface MeasureOptions {
  readonly method: FingerprintMethod;
  /** Whether invalid geometries are counted, which takes longer than all the rest. */
  readonly validity: boolean;
  /** Whether rows are also hashed with their places; only by a method that hashes values. */
  readonly places?: boolean;
  /** Workers besides the session's own process; unset: as many as the server gives. */
  readonly workers?: number;
}

type Facts = Pick<ServerInfo, "number" | "encoding">;

/** Text that cannot be converted to UTF-8 is hashed as it is. */
export function fingerprintMethod({ number, encoding }: Facts): FingerprintMethod {
  const method = number >= 140000 ? "values" : "text";
  return encoding === "UTF8" || !isConvertible(encoding) ? method : `${method}-utf8`;
}

/** Why this server's fingerprints cannot be compared with those of a server that had that method and encoding; undefined if they can. */
export function whyNotComparable(
  method: FingerprintMethod,
  encoding: string,
  target: Facts,
): string | undefined {
  if (!method.startsWith("text") && target.number < 140000)
    return "those of the backup are of a kind that this server's version does not know";
  const isAlike = method.endsWith("-utf8") ? isConvertible(target.encoding) : target.encoding === encoding;
  if (isAlike) return undefined;
  return `they depend on the encoding, which was ${encoding} in the backed up database and is ${target.encoding} in this one`;
}

/**
 * Types whose hash function can be called directly since PostgreSQL 14; that takes a third of the time of hashing a record. This
 * is a fixed list, because the catalog names other functions in other versions, and fingerprints must not depend on the version.
 */
const numberFunctions = {
  int2: "hashint2extended",
  int4: "hashint4extended",
  int8: "hashint8extended",
  float4: "hashfloat4extended",
  float8: "hashfloat8extended",
  numeric: "hash_numeric_extended",
  uuid: "uuid_hash_extended",
  timestamp: "timestamp_hash_extended",
};
const textFunctions = {
  text: "hashtextextended",
  varchar: "hashtextextended",
  bpchar: "hashbpcharextended",
};

const callable = Object.entries({ ...numberFunctions, ...textFunctions })
  .map(([type, name]) => `('${type}'::regtype, '${name}')`)
  .join(", ");

/**
 * Where values that are equal are not always the same, what tells them apart too: -0 from 0, and 1.00 from 1.0. In `format`'s words,
 * the value is %1$s and the seed %2$s. Texts have expressions of their own.
 */
const exactExpressions = {
  ...Object.fromEntries(Object.entries(numberFunctions).map(([type, name]) => [type, `${name}(%1$s, %2$s)`])),
  float4:
    "CASE WHEN %1$s = 0 THEN hashtextextended(%1$s::text, %2$s) ELSE hashfloat4extended(%1$s, %2$s) END",
  float8:
    "CASE WHEN %1$s = 0 THEN hashtextextended(%1$s::text, %2$s) ELSE hashfloat8extended(%1$s, %2$s) END",
  numeric: "hash_numeric_extended(%1$s, %2$s) # hashint4extended(coalesce(scale(%1$s), -1), %2$s)",
};

const expressions = Object.entries(exactExpressions)
  .map(([type, expression]) => `('${type}'::regtype, '${expression}')`)
  .join(", ");

/** Other types whose hash function tells all values apart; all but these are hashed as bytea or text. */
const exactTypes = ["bool", "date", "time", "timestamptz", "bytea", '"char"', "inet", "cidr", "macaddr"]
  .map((type) => `'${type}'::regtype`)
  .join(", ");

const inUtf8 = (value: string) => `format('encode(convert_to(%s, ''UTF8''), ''hex'')', ${value})`;

/**
 * For each column, an expression that hashes it or, if there is none, the value to be hashed with others as a record. Blanks at the end
 * of a bpchar mean nothing where it has a length, because all values have that; elsewhere they do, and the cast to text drops them. Texts
 * that a collation takes for equal are not the same either.
 */
const valueColumns = (utf8: boolean) => `
), described AS (
  SELECT attrelid, number, name, known.expression, b.oid = 'bpchar'::regtype AND typmod > 0 AS is_padded,
    CASE WHEN b.oid IN (${exactTypes}) THEN name
      WHEN EXISTS (SELECT FROM pg_cast WHERE castsource = b.oid AND casttarget = 'bytea'::regtype) THEN name || '::bytea' END AS value,
    CASE WHEN b.oid IN ('text'::regtype, 'varchar'::regtype) THEN name
      WHEN b.oid <> 'bpchar'::regtype THEN name || '::text'
      WHEN typmod > 0 THEN name || '${utf8 ? "::text" : ""}'
      ELSE format('CASE WHEN %1$s IS NOT NULL THEN format(''%%s'', %1$s) END', name) END
    || CASE WHEN l.collisdeterministic OR b.oid NOT IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype) THEN '' ELSE ' COLLATE "C"' END AS as_text
  FROM attributes JOIN pg_type b ON b.oid = base LEFT JOIN pg_collation l ON l.oid = attcollation
  LEFT JOIN (VALUES ${expressions}) known (type, expression) ON known.type = b.oid
), col AS (
  SELECT attrelid, number, name, value,
    'coalesce(' || CASE WHEN expression IS NOT NULL THEN format(expression, name, number)
      WHEN value IS NOT NULL THEN NULL
      ${utf8 ? "" : "WHEN is_padded THEN format('hashbpcharextended(%s, %s)', as_text, number)"}
      ELSE format('hashtextextended(%s, %s)', ${utf8 ? inUtf8("as_text") : "as_text"}, number) END || ', ' || number || ')' AS hash
  FROM described`;

/** The same for `columns`, by the equality of the types. */
function equalityColumns(utf8: boolean): string {
  const isBinary =
    "hashed_as = '::bytea' OR function IS NOT NULL AND function NOT IN ('hashtextextended', 'hashbpcharextended')";
  const typed = utf8
    ? `CASE WHEN ${isBinary} THEN name || hashed_as
       ELSE ${inUtf8("name || '::text'")} END AS value,
       CASE WHEN ${isBinary} THEN function ELSE 'hashtextextended' END AS function`
    : `name || hashed_as AS value, CASE hashed_as WHEN '::text' THEN 'hashtextextended' ELSE function END AS function`;
  return `
), hashable AS (
  SELECT c.opcintype AS type FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod AND a.amname = 'hash'
  JOIN pg_amproc p ON p.amprocfamily = c.opcfamily AND p.amproclefttype = c.opcintype AND p.amprocnum = 2
  WHERE c.opcdefault
), coercible AS (
  SELECT type FROM hashable UNION SELECT castsource FROM pg_cast JOIN hashable ON casttarget = type WHERE castmethod = 'b' AND castcontext = 'i'
  EXCEPT SELECT oid FROM pg_type WHERE typname LIKE 'reg%' AND typnamespace = 'pg_catalog'::regnamespace
), typed AS (
  SELECT attrelid, number, name, callable.function, CASE
      WHEN b.oid IN (SELECT type FROM coercible) THEN ''
      WHEN b.typelem <> 0 AND b.typlen = -1 AND b.typelem IN (SELECT type FROM coercible) THEN ''
      WHEN EXISTS (SELECT FROM pg_cast WHERE castsource = b.oid AND casttarget = 'bytea'::regtype) THEN '::bytea'
      ELSE '::text' END AS hashed_as
  FROM attributes JOIN pg_type b ON b.oid = base LEFT JOIN (VALUES ${callable}) callable (type, function) ON callable.type = b.oid
), chosen AS (
  SELECT attrelid, number, name, ${typed} FROM typed
), col AS (
  SELECT attrelid, number, name, value, CASE WHEN function IS NOT NULL THEN format('coalesce(%s(%s, %s), %3$s)', function, value, number) END AS hash
  FROM chosen`;
}

/**
 * One query for each table. Each column of a row is hashed with its own number as the seed, and the hashes are combined by
 * XOR, which is hashed once more: without that, a sum does not always see that two rows have swapped their values of a column.
 * Columns without an expression of their own are hashed together, as a record. A type that has a cast to bytea is hashed as that (for
 * geometry that is EWKB, half the size of its text), others as text: a type that hashes an oid, such as an enum or regclass, has
 * another one in a restored database. Columns are sorted by name, because a restored table that inherits columns can have them in
 * another order.
 */
function measureQueries(
  oids: readonly string[],
  { method, validity, places = false }: MeasureOptions,
): string {
  const utf8 = method.endsWith("-utf8");
  const byValue = method.startsWith("values");
  const text = utf8
    ? "hashtextextended(encode(convert_to(ROW(%s)::text, ''UTF8''), ''hex''), 0)"
    : "hashtextextended(ROW(%s)::text, 0)";
  return `
WITH wanted AS (
  SELECT DISTINCT unnest('{${oids.join(",")}}'::oid[]) AS oid
), attributes AS (
  SELECT a.attrelid, row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attname COLLATE "C") AS number,
    format('t.%I', a.attname) AS name, CASE WHEN y.typtype = 'd' THEN y.typbasetype ELSE y.oid END AS base,
    greatest(a.atttypmod, y.typtypmod) AS typmod, a.attcollation
  FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
  WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid IN (SELECT oid FROM wanted)${byValue ? valueColumns(utf8) : equalityColumns(utf8)}
), row_hash AS (
  SELECT attrelid,
    concat_ws(' # ', string_agg(hash, ' # '),
      'hash_record_extended(ROW(' || string_agg(value, ', ' ORDER BY number) FILTER (WHERE hash IS NULL) || '), 0)') AS columns,
    format('${text}', string_agg(name, ', ' ORDER BY number)) AS text
  FROM col GROUP BY attrelid
), geometry AS (
  SELECT t.oid, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
  JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'geometry' WHERE e.extname = 'postgis' AND ${String(validity)}
), valid AS (
  SELECT attrelid, string_agg(format('(NOT coalesce(%I.ST_IsValid(t.%I), true))::int', nspname, attname), ' + ') AS invalid
  FROM pg_attribute JOIN geometry ON atttypid = geometry.oid WHERE NOT attisdropped AND attrelid IN (SELECT oid FROM wanted) GROUP BY attrelid
)
SELECT c.oid::text, ${places ? placesQuery : sumsQuery(byValue)} AS query, format(' FROM ONLY %I.%I t', n.nspname, c.relname) AS source, '${places ? " OFFSET 0) q" : ""}' AS ending
FROM wanted JOIN pg_class c USING (oid) JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN row_hash h ON h.attrelid = c.oid LEFT JOIN valid v ON v.attrelid = c.oid
CROSS JOIN LATERAL (SELECT coalesce(h.${method.startsWith("text") ? "text" : "columns"}, '0') AS expression) hashed
WHERE c.relkind = 'r'`;
}

/** The query of a table, without its source. */
const sumsQuery = (byValue: boolean) => `format(
  'SELECT jsonb_build_object(''oid'', ''%s'', ''rows'', count(*), ''fingerprint'', coalesce(sum(${byValue ? "hashint8extended(%s, 0)" : "%s"}), 0)::text%s) AS measure',
  c.oid, hashed.expression, ', ''invalidGeometries'', coalesce(sum(' || v.invalid || '), 0)')`;

/** The same with the places of rows. OFFSET keeps the server from hashing each row once more for the second sum. */
const placesQuery = `format(
  'SELECT jsonb_build_object(''oid'', ''%s'', ''rows'', count(*), ''fingerprint'', coalesce(sum(hashint8extended(hash, 0)), 0)::text,
     ''places'', coalesce(sum(hashint8extended(hash # hashtidextended(place, 0), 0)), 0)::text%s) AS measure
   FROM (SELECT %s AS hash, t.ctid AS place%s',
  c.oid, CASE WHEN v.invalid IS NOT NULL THEN ', ''invalidGeometries'', coalesce(sum(invalid), 0)' END,
  hashed.expression, ', ' || v.invalid || ' AS invalid')`;

type Measures = Map<string, Measure>;

/** Pages of a table, from one to before another; to the last page where there is no other. */
export interface PageRange {
  readonly from: number;
  readonly end?: number;
}

const Query = z.object({ oid: z.string(), query: z.string(), source: z.string(), ending: z.string() });

/** How to measure a table, as a whole or in ranges. */
export interface TableQuery extends z.infer<typeof Query> {
  readonly ranges: readonly PageRange[] | undefined;
  /** Statements that a session runs before it. */
  readonly before?: readonly string[] | undefined;
}

/** A query that measures a table, or some of its ranges. */
export interface MeasureQuery extends RowQuery {
  readonly oid: string;
  /** The index of its first range; 0 for a whole table. */
  readonly first: number;
}

export interface MeasuredRange {
  readonly oid: string;
  readonly range: number;
  readonly measure: PartMeasure;
}

/** Exact row counts and fingerprints of tables, by their oids. */
export async function measureTables(
  session: Session,
  read: RowReader,
  oids: readonly string[],
  options: MeasureOptions,
): Promise<Measures> {
  const queries = (await planMeasures(session, oids, options)).map((table) => measureQuery(table));
  return byTable(await measure(read, queries, options));
}

/** The same in three steps, of which the second leaves the session to others, if it reads elsewhere. Ranges are by oid. */
export async function planMeasures(
  session: Session,
  oids: readonly string[],
  options: MeasureOptions,
  ranges: ReadonlyMap<string, readonly PageRange[]> = new Map(),
): Promise<TableQuery[]> {
  const queries = await session.rows(measureQueries(oids, options), Query);
  const primers = await findPrimers(session, oids);
  return queries.map((query) => ({
    ...query,
    ranges: ranges.get(query.oid),
    before: primers.get(query.oid) ?? [],
  }));
}

/** Above all places. */
const beyond = "(4294967295,0)";

/**
 * With JIT, several ranges take half of the time, if they have a million rows. The server underestimates what they cost, because it
 * takes each for a two hundredth of the table, and would not compile the query. What it says of a million narrow rows is this.
 */
const millionRows = "4000";
const jitForRanges = {
  jit_above_cost: millionRows,
  jit_optimize_above_cost: millionRows,
  jit_inline_above_cost: millionRows,
};

/** Measures all ranges of the table, or those from an index to before another. In one query, because it takes time to compile. */
export function measureQuery(
  { oid, ranges, query, source, ending, before = [] }: TableQuery,
  first = 0,
  end = ranges?.length,
): MeasureQuery {
  if (ranges === undefined) {
    const text = `SELECT jsonb_build_array(measure) AS measures FROM (${query}${source}${ending}) one`;
    return { oid, first, text, before };
  }
  const places = ranges
    .slice(first, end)
    .map(
      (range, index) =>
        `(${index}, '(${range.from},0)'::tid, '${range.end === undefined ? beyond : `(${range.end},0)`}'::tid)`,
    );
  const text = `SELECT jsonb_agg(measure ORDER BY index) AS measures FROM (VALUES ${places.join(", ")}) range (index, lowest, beyond),
LATERAL (${query}${source} WHERE t.ctid >= range.lowest AND t.ctid < range.beyond${ending}) one`;
  return { oid, first, text, before, settings: jitForRanges };
}

/** Runs the queries. What each finds is also given to `onMeasured`, as soon as it is known. */
export async function measure(
  read: RowReader,
  queries: readonly MeasureQuery[],
  { workers }: Pick<MeasureOptions, "workers">,
  onMeasured: (ranges: readonly MeasuredRange[]) => void = () => undefined,
): Promise<MeasuredRange[]> {
  const settings = workers === undefined ? [] : [`SET max_parallel_workers_per_gather = ${workers}`];
  const found: MeasuredRange[] = [];
  // A reader gives one row for each query, in their order.
  await read(queries, MeasureRow, [setTextSettings, ...settings], ({ measures }, row) => {
    const query = queries[row];
    if (query === undefined) throw new Error("there are more rows than queries");
    const { oid, first } = query;
    const ranges = measures.map((one, index) => ({ oid, range: first + index, measure: one }));
    found.push(...ranges);
    onMeasured(ranges);
  });
  return found;
}

/** What was measured, by table: the numbers of a whole table are the sums of those of its ranges. */
export function byTable(measured: readonly MeasuredRange[]): Measures {
  const tables = new Map<string, PartMeasure[]>();
  for (const { oid, measure: part } of measured.toSorted((one, other) => one.range - other.range)) {
    const others = tables.get(oid);
    if (others === undefined) tables.set(oid, [part]);
    else others.push(part);
  }
  return new Map(
    [...tables].map(([oid, parts]) => [
      oid,
      parts.length === 1 ? whole(parts) : { ...whole(parts), ranges: parts },
    ]),
  );
}

function whole([first, ...others]: readonly PartMeasure[]): PartMeasure {
  if (first === undefined) throw new Error("a table was not measured");
  const sum = (one: string, other: string) => String(BigInt(one) + BigInt(other));
  return others.reduce(
    (one, other) => ({
      oid: one.oid,
      rows: one.rows + other.rows,
      fingerprint: sum(one.fingerprint, other.fingerprint),
      ...(one.invalidGeometries === undefined
        ? {}
        : { invalidGeometries: one.invalidGeometries + (other.invalidGeometries ?? 0) }),
      ...(one.places === undefined ? {} : { places: sum(one.places, other.places ?? "0") }),
    }),
    first,
  );
}
