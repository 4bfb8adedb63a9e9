import { oidList } from "../session/names";
import * as z from "zod";
import { type Session, SqlError } from "../session/session";

/** Smaller oids belong to the server's own objects (FirstNormalObjectId). */
export const firstUserOid = 16384;

/** A table that this one cannot be restored without. */
const Reference = z.object({
  /** Oid of the other table. */
  to: z.string(),
  /** `schema.table` of the other table, quoted. */
  sqlName: z.string(),
  /** Name of the foreign key; null for a parent that this table inherits from. */
  constraint: z.string().nullable(),
});
export type Reference = z.infer<typeof Reference>;

export const Relation = z.object({
  oid: z.string(),
  schema: z.string(),
  name: z.string(),
  /** `schema.table`, quoted by the server where SQL needs it. */
  sqlName: z.string(),
  kind: z.enum(["r", "p", "v", "m", "f"]),
  visible: z.boolean(),
  /** Oids of the tables that this one is a partition or a child of, all levels. */
  partOf: z.array(z.string()),
  references: z.array(Reference),
  /** Size without indexes, as the last VACUUM or ANALYZE saw it. */
  bytes: z.int(),
  owner: z.string(),
  /** The extension that creates this relation. */
  extension: z.string().nullable(),
});
export type Relation = z.infer<typeof Relation>;

const relationsQuery = `
WITH RECURSIVE ancestor AS (
  SELECT inhrelid AS oid, inhparent AS parent FROM pg_inherits
  UNION
  SELECT a.oid, i.inhparent FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.parent
), ancestors AS (
  SELECT oid, array_agg(parent::text) AS parents FROM ancestor GROUP BY oid
), reference AS (
  SELECT conrelid AS oid, confrelid AS "to", conname::text AS "constraint" FROM pg_constraint
  WHERE contype = 'f' AND conparentid = 0 AND confrelid <> conrelid
  UNION ALL
  SELECT inhrelid, inhparent, NULL FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE NOT child.relispartition
)
SELECT c.oid::text, n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS "sqlName",
       c.relkind AS kind, pg_table_is_visible(c.oid) AS visible,
       coalesce(a.parents, '{}') AS "partOf",
       ARRAY(SELECT jsonb_build_object('to', r."to"::text, 'sqlName', format('%I.%I', m.nspname, o.relname), 'constraint', r."constraint")
             FROM reference r JOIN pg_class o ON o.oid = r."to" JOIN pg_namespace m ON m.oid = o.relnamespace
             WHERE r.oid = c.oid ORDER BY r."constraint" COLLATE "C") AS references,
       (greatest(c.relpages, 0)::int8 + coalesce(greatest(t.relpages, 0), 0)) * current_setting('block_size')::int8 AS bytes,
       pg_get_userbyid(c.relowner) AS owner,
       (SELECT extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS extension
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN ancestors a ON a.oid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

/**
 * Everything in the database that looks like a table, in the order of its qualified names. It waits for no lock:
 * `pg_table_size` would, on every table that somebody is just altering, selected or not.
 */
export function readCatalog(session: Session): Promise<Relation[]> {
  return session.rows(relationsQuery, Relation);
}

/** The tables with their exact sizes; they must be locked already. */
export async function measureSizes(session: Session, tables: readonly Relation[]): Promise<Relation[]> {
  const bytesOf = await sizesOf(session, tables, "true");
  return tables.map((table) => ({ ...table, bytes: bytesOf.get(table.oid) ?? 0 }));
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const lockNotAvailable = "55P03";

/**
 * The tables, with sizes also for those that no VACUUM or ANALYZE has seen yet. If somebody has locked a table, or waits to lock
 * it, its size is not queried, because the query would wait too.
 */
export async function measureUnseen(session: Session, tables: readonly Relation[]): Promise<Relation[]> {
  const unseen = tables.filter(({ bytes }) => bytes === 0);
  if (unseen.length === 0) return [...tables];
  try {
    const bytesOf = await sizesOf(session, unseen, isFree);
    return tables.map((table) => ({ ...table, bytes: bytesOf.get(table.oid) ?? table.bytes }));
  } catch (error) {
    if (error instanceof SqlError && error.sqlState === lockNotAvailable) return [...tables];
    throw error;
  }
}

const isFree = `oid NOT IN (
  SELECT relation FROM pg_locks WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock' AND relation IS NOT NULL)`;

async function sizesOf(
  session: Session,
  tables: readonly Relation[],
  condition: string,
): Promise<ReadonlyMap<string, number>> {
  const sizes = await session.rows(
    `SELECT oid::text, pg_table_size(oid) AS bytes FROM pg_class WHERE oid IN (${oidList(tables.map(({ oid }) => oid))}) AND ${condition}`,
    z.object({ oid: z.string(), bytes: z.int() }),
  );
  return new Map(sizes.map(({ oid, bytes }) => [oid, bytes]));
}

/**
 * An enum is hashed by the oids of its values, which are others in each database. So pg_dump gives the rows of partitions by
 * the hash of an enum to the partitioned table; the partitions below it share their rows.
 */
const poolsQuery = (oids: readonly string[]) => `
WITH RECURSIVE below (oid, pool) AS (
  SELECT i.inhrelid, p.partrelid FROM pg_partitioned_table p JOIN pg_inherits i ON i.inhparent = p.partrelid
  WHERE partstrat = 'h' AND EXISTS (SELECT FROM pg_opclass c WHERE c.oid = ANY (partclass) AND opcname = 'enum_ops' AND opcnamespace = 'pg_catalog'::regnamespace)
  UNION SELECT i.inhrelid, b.pool FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
)
SELECT DISTINCT ON (b.oid) b.oid::text, pool::text FROM below b WHERE b.oid IN (${oidList(oids)})
-- The topmost has the others below it.
ORDER BY b.oid, pool IN (SELECT oid FROM below)`;

const Pool = z.object({ oid: z.string(), pool: z.string() });

type Pool = z.infer<typeof Pool>;

/** The partitioned table that each of these tables shares its rows below, by the table's oid; none for most. */
export async function findPools(
  session: Session,
  oids: readonly string[],
): Promise<ReadonlyMap<string, Pool>> {
  if (oids.length === 0) return new Map();
  const found = await session.rows(poolsQuery(oids), Pool);
  return new Map(found.map((one) => [one.oid, one]));
}
