/** Partitions whose rows can be in others once they are restored. */
import { z } from "zod";
import type { Session } from "./session";

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
SELECT DISTINCT ON (b.oid) b.oid::text, pool::text FROM below b WHERE b.oid = ANY ('{${oids.join(",")}}'::oid[])
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
