/** Partitions whose rows can be in others once they are restored. */
import { oidList } from "./names";
import { z } from "zod";
import type { Session } from "./session";

/**
 * The hash of an enum depends on the oids of its values, which differ between databases. So if a table is partitioned by such a
 * hash, pg_dump writes the rows of its partitions for the partitioned table, and a restore may put them into other partitions.
 */
const poolsQuery = (oids: readonly string[]) => `
WITH RECURSIVE below (oid, pool) AS (
  SELECT i.inhrelid, p.partrelid FROM pg_partitioned_table p JOIN pg_inherits i ON i.inhparent = p.partrelid
  WHERE partstrat = 'h' AND EXISTS (SELECT FROM pg_opclass c WHERE c.oid = ANY (partclass) AND opcname = 'enum_ops' AND opcnamespace = 'pg_catalog'::regnamespace)
  UNION SELECT i.inhrelid, b.pool FROM below b JOIN pg_inherits i ON i.inhparent = b.oid
)
SELECT DISTINCT ON (b.oid) b.oid::text, pool::text FROM below b WHERE b.oid IN (${oidList(oids)})
-- Chooses the topmost pool, which has the others below it.
ORDER BY b.oid, pool IN (SELECT oid FROM below)`;

const Pool = z.object({ oid: z.string(), pool: z.string() });
type Pool = z.infer<typeof Pool>;

/** The partitioned table within which a partition's rows can move, by the partition's oid; most tables have none. */
export async function findPools(
  session: Session,
  oids: readonly string[],
): Promise<ReadonlyMap<string, Pool>> {
  if (oids.length === 0) return new Map();
  const found = await session.rows(poolsQuery(oids), Pool);
  return new Map(found.map((one) => [one.oid, one]));
}
