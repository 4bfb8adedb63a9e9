/**
 * Where the geometries of tables are. PostGIS estimates that without reading rows: from the spatial index of a column, or else from
 * the statistics of the last ANALYZE.
 */
import * as z from "zod";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import { type Session, SqlError } from "../session/session";

/** Least x, least y, greatest x and greatest y. */
type Box = [number, number, number, number];

export interface Extent {
  readonly column: string;
  /** Of the column's type; 0 where that names none. */
  readonly srid: number;
  readonly box: Box;
  /** In EPSG:4326; absent where the box cannot be transformed, or is not on the Earth. */
  readonly degrees?: Box;
}

const Column = z.object({
  oid: z.string(),
  schema: z.string(),
  table: z.string(),
  column: z.string(),
  srid: z.int(),
  /** Schema of PostGIS. */
  postgis: z.string(),
});
type Column = z.infer<typeof Column>;

interface Located extends Column {
  readonly box: Box;
}

/**
 * Geometry columns of ordinary tables: partitions are such tables, and partitioned tables have no rows. PostGIS takes the box from
 * any GiST index of the column, even one that lacks rows, and old versions read the first column of an index, whichever that is;
 * columns with such an index are left out. So are those of which PostGIS knows nothing, because asking for them makes a warning in
 * the server's log, and geography columns, of which it gives boxes that are much too large or have other coordinates.
 */
const columnsQuery = (oids: readonly string[]) => `
SELECT c.oid::text, n.nspname AS schema, c.relname AS "table", a.attname AS "column", p.nspname AS postgis,
       -- The modifier of the type has the SRID above 8 other bits.
       greatest(a.atttypmod, 0) >> 8 AS srid
-- No other table is looked at, as that would wait for whoever has locked it.
FROM (SELECT oid FROM unnest('{${oids.join(",")}}'::oid[]) AS oid WHERE pg_relation_size(oid) > 0) filled
JOIN pg_class c ON c.oid = filled.oid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_extension e ON e.extname = 'postgis' JOIN pg_namespace p ON p.oid = e.extnamespace
JOIN pg_type t ON t.typnamespace = p.oid AND t.typname = 'geometry'
JOIN pg_attribute a ON a.attrelid = c.oid AND a.atttypid = t.oid AND NOT a.attisdropped
CROSS JOIN LATERAL (
  SELECT bool_and(i.indpred IS NULL AND i.indisvalid AND i.indnatts = 1) AS complete
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam AND m.amname = 'gist'
  WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey)) AS index
WHERE coalesce(index.complete, EXISTS (
  SELECT FROM pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname
  AND NOT s.inherited AND s.null_frac < 1))
ORDER BY srid, c.oid, a.attnum`;

/** PostGIS puts the names of a schema and a table between quotation marks as they are. */
const quoted = (name: string) => escapeLiteral(name.replaceAll('"', '""'));

/** The last argument leaves out the children of a table, which are tables of their own. */
const estimateQuery = (columns: readonly Column[]) =>
  `SELECT * FROM (VALUES ${columns
    .map(({ schema, table, column, postgis }, index) => {
      const names = `${quoted(schema)}, ${quoted(table)}, ${escapeLiteral(column)}`;
      return `(${index}, ${escapeIdentifier(postgis)}.ST_EstimatedExtent(${names}, true)::text)`;
    })
    .join(", ")}) AS v (index, box)`;

/** The sides of a box become curves; this many parts of each are transformed, and as many lines between them. */
const parts = 4;

const degreesSrid = 4326;

/**
 * A line through points of each box, whose M says which box it is, and all lines of an SRID in one call: PostGIS prepares PROJ for
 * each call. By the definitions for PROJ, because to prepare it for two SRIDs takes four times as long: it then looks for the most
 * exact of many ways.
 */
const degreesQuery = (located: readonly Located[]) => {
  const of = escapeIdentifier(located[0]?.postgis ?? "");
  const rows = located.map(
    ({ srid, box }, index) => `(${[index, srid, ...box.map((side) => `'${side}'::float8`)].join(", ")})`,
  );
  const [x, y] = [`west + (east - west) * i / ${parts}`, `south + (north - south) * j / ${parts}`];
  const definition = "coalesce(nullif(proj4text, ''), srtext)";
  return `
SELECT ${of}.ST_M(${of}.ST_StartPoint((line).geom))::int AS index, ${of}.Box2D((line).geom)::text AS box
FROM (
  SELECT ${of}.ST_Dump(${of}.ST_Transform(${of}.ST_Collect(line), ${definition}, '+proj=longlat +datum=WGS84 +no_defs')) AS line
  FROM (
    SELECT srid, ${of}.ST_MakeLine(${of}.ST_MakePointM(${x}, ${y}, index)) AS line
    FROM (VALUES ${rows.join(", ")}) AS v (index, srid, west, south, east, north),
         generate_series(0, ${parts}) i, generate_series(0, ${parts}) j GROUP BY srid, index
  ) lines JOIN ${of}.spatial_ref_sys USING (srid) GROUP BY srid, proj4text, srtext
) transformed`;
};

/** The extents of each table, by its oid. The session's transaction has locked the tables. */
export async function findExtents(
  session: Session,
  oids: readonly string[],
): Promise<ReadonlyMap<string, readonly Extent[]>> {
  const columns = await session.rows(columnsQuery(oids), Column);
  const boxes = await askBoxes(session, columns, estimateQuery);
  const located = columns.flatMap((column, index): Located[] => {
    const box = boxes[index];
    return box === undefined ? [] : [{ ...column, box }];
  });
  const foreign = located.filter(({ srid }) => srid !== degreesSrid && srid !== 0);
  const transformed = await askBoxes(session, foreign, degreesQuery);
  const degreesOf = new Map(foreign.map((column, index) => [column, transformed[index]]));
  const extents = new Map<string, Extent[]>();
  for (const column of located) {
    const { oid, column: name, srid, box } = column;
    const degrees = onEarth(srid === degreesSrid ? box : degreesOf.get(column));
    const extent = { column: name, srid, box, ...(degrees === undefined ? {} : { degrees }) };
    extents.set(oid, [...(extents.get(oid) ?? []), extent]);
  }
  return extents;
}

const Answer = z.object({ index: z.int(), box: z.string().nullable() });

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: query_canceled, which a timeout does */
const canceled = "57014";

/**
 * The box that a query finds for each item. An item that the query fails for has none; the others are found by asking for each half
 * of the items. In a savepoint, as an error would end the transaction, and with it the snapshot.
 */
async function askBoxes<T extends Column>(
  session: Session,
  items: readonly T[],
  query: (items: readonly T[]) => string,
): Promise<(Box | undefined)[]> {
  const [first] = items;
  if (first === undefined) return [];
  const settings = [
    // PostGIS 3.5 looks there for its own types.
    `search_path = ${escapeIdentifier(first.postgis)}`,
    // A table without statistics makes a warning.
    "client_min_messages = error",
    // Whoever locked an index of a table has others waiting already.
    "lock_timeout = '100ms'",
    "statement_timeout = '5s'",
  ];
  await session.run(["SAVEPOINT extents", ...settings.map((setting) => `SET LOCAL ${setting}`)].join("; "));
  const answers = await session.rows(query(items), Answer).catch((error: unknown) => {
    if (error instanceof SqlError) return error;
    throw error;
  });
  await session.run("ROLLBACK TO SAVEPOINT extents; RELEASE SAVEPOINT extents");
  if (!(answers instanceof SqlError)) {
    const found = new Map(answers.map(({ index, box }) => [index, box]));
    return items.map((_, index) => readBox(found.get(index) ?? ""));
  }
  if (items.length === 1 || answers.sqlState === canceled) return items.map(() => undefined);
  const half = Math.ceil(items.length / 2);
  return [
    ...(await askBoxes(session, items.slice(0, half), query)),
    ...(await askBoxes(session, items.slice(half), query)),
  ];
}

/** An index has this for infinity. */
const greatestFloat = 3.4e38;

/** What PostGIS writes for a box; undefined where a side is no number, or infinite. */
export function readBox(text: string): Box | undefined {
  const [, ...sides] = /^BOX\((\S+) (\S+),(\S+) (\S+)\)$/.exec(text)?.map(Number) ?? [];
  const [west, south, east, north] = sides.filter((side) => Math.abs(side) < greatestFloat);
  if (west === undefined || south === undefined || east === undefined || north === undefined)
    return undefined;
  return [west, south, east, north];
}

/** Statistics make a box half a percent longer at each end, which is this much of the way from the middle. */
const tolerance = 0.011;

/** A box in degrees, cut at the ends of the Earth; undefined where it goes far beyond them. */
export function onEarth(box: Box | undefined): Box | undefined {
  if (box === undefined) return undefined;
  const [west, south, east, north] = box;
  const most = (end: number) => end * (1 + tolerance);
  if (west < -most(180) || east > most(180) || south < -most(90) || north > most(90)) return undefined;
  return [Math.max(west, -180), Math.max(south, -90), Math.min(east, 180), Math.min(north, 90)];
}
