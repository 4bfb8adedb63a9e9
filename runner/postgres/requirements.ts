import { z } from "zod";
import type { Relation } from "./catalog";
import type { Session } from "./session";

/** What `pg_dump --table` leaves out, though the tables cannot be restored without it. */
export const Requirements = z.object({
  schemas: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  types: z.array(z.string()),
  functions: z.array(z.string()),
  owners: z.array(z.string()),
});
export type Requirements = z.infer<typeof Requirements>;

/**
 * Follows pg_depend from the tables: down to what belongs to them (indexes, constraints, defaults), then to all that
 * these refer to. What is part of an extension stands for that extension. Objects of the system are not in pg_depend.
 */
const requirementsQuery = (oids: readonly string[]) => `
WITH RECURSIVE part AS (
  SELECT 'pg_class'::regclass::oid AS class, oid AS object FROM pg_class WHERE oid IN (${oids.join(", ")})
  UNION
  SELECT d.classid, d.objid FROM part JOIN pg_depend d ON d.refclassid = part.class AND d.refobjid = part.object
  WHERE d.deptype IN ('a', 'i') AND d.classid <> 'pg_type'::regclass
), needed AS (
  SELECT class, object FROM part
  UNION
  SELECT d.refclassid, d.refobjid FROM needed JOIN pg_depend d ON d.classid = needed.class AND d.objid = needed.object
  WHERE d.deptype IN ('n', 'a', 'i') AND d.refclassid IN ('pg_type'::regclass, 'pg_proc'::regclass,
    'pg_opclass'::regclass, 'pg_operator'::regclass, 'pg_collation'::regclass, 'pg_namespace'::regclass)
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = needed.class AND e.objid = needed.object AND e.deptype = 'e')
), extension AS (
  SELECT DISTINCT d.refobjid AS oid FROM needed
  JOIN pg_depend d ON d.classid = needed.class AND d.objid = needed.object AND d.deptype = 'e'
), own AS (
  SELECT class, object FROM needed WHERE NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = needed.class AND e.objid = needed.object AND e.deptype = 'e')
), schema AS (
  SELECT nspname AS name FROM own JOIN pg_namespace n ON n.oid = own.object WHERE own.class = 'pg_namespace'::regclass
  UNION SELECT nspname FROM pg_namespace JOIN pg_class c ON c.relnamespace = pg_namespace.oid WHERE c.oid IN (${oids.join(", ")})
  UNION SELECT nspname FROM extension JOIN pg_extension USING (oid) JOIN pg_namespace n ON n.oid = extnamespace
)
SELECT
  ARRAY(SELECT name FROM schema WHERE name NOT IN ('pg_catalog', 'public') ORDER BY name) AS schemas,
  ARRAY(SELECT jsonb_build_object('name', extname, 'version', extversion, 'schema', nspname)
        FROM extension JOIN pg_extension USING (oid) JOIN pg_namespace n ON n.oid = extnamespace ORDER BY extname) AS extensions,
  ARRAY(SELECT format('%I.%I', nspname, typname) FROM own JOIN pg_type t ON t.oid = own.object AND own.class = 'pg_type'::regclass
        JOIN pg_namespace n ON n.oid = typnamespace WHERE typtype IN ('e', 'd', 'r') OR typtype = 'b' AND typelem = 0
        OR typtype = 'c' AND typrelid NOT IN (${oids.join(", ")}) ORDER BY 1) AS types,
  ARRAY(SELECT object::regprocedure::text FROM own WHERE class = 'pg_proc'::regclass ORDER BY 1) AS functions,
  ARRAY(SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE oid IN (${oids.join(", ")}) ORDER BY 1) AS owners`;

export async function findRequirements(session: Session, tables: readonly Relation[]): Promise<Requirements> {
  const [row] = await session.rows(requirementsQuery(tables.map(({ oid }) => oid)), Requirements);
  if (row === undefined) throw new Error("a query without FROM returns one row");
  return row;
}
