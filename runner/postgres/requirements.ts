import { z } from "zod";
import { CustomSrid, findCustomSrids } from "./custom-srids";
import type { Relation } from "./catalog";
import type { Session } from "./session";

const Sequence = z.object({ schema: z.string(), name: z.string() });
export type Sequence = z.infer<typeof Sequence>;

/** What `pg_dump --table` leaves out, though the tables cannot be restored without it. */
export const Requirements = z.object({
  schemas: z.array(z.string()),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  types: z.array(z.string()),
  functions: z.array(z.string()),
  /** Operators, operator classes, collations, text search configurations and the like, as the server describes them. */
  others: z.array(z.string()),
  /** Sequences that defaults use, but that no selected table owns; the archive has them. */
  sequences: z.array(Sequence),
  /** Owners, those who were granted a privilege or granted one, and those whom a row security policy is for. */
  roles: z.array(z.string()),
  /** Spatial reference systems that the user added to those of PostGIS. */
  customSrids: z.array(CustomSrid),
});
export type Requirements = z.infer<typeof Requirements>;

/** `catalog oid`, both as oids: so does an archive's table of contents name an object. */
const ObjectId = z.string();
export type ObjectId = z.infer<typeof ObjectId>;

/** Kinds of objects that a table can need and that are neither relations nor schemas. */
const ownCatalogs = ["type", "proc", "operator", "opclass", "opfamily", "collation", "ts_config", "ts_dict"]
  .map((name) => `'pg_${name}'::regclass`)
  .join(", ");

/**
 * Follows pg_depend from the tables: down to what belongs to them (indexes, constraints, triggers, defaults), then to
 * all that these refer to. A type and an operator class have parts as well. What is part of an extension stands for
 * that extension. Objects of the system are not in pg_depend.
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
  SELECT next.class, next.object FROM needed CROSS JOIN LATERAL (
    SELECT refclassid, refobjid FROM pg_depend WHERE classid = needed.class AND objid = needed.object
    AND deptype IN ('n', 'a', 'i') AND refclassid IN (${ownCatalogs}, 'pg_namespace'::regclass, 'pg_language'::regclass)
    UNION ALL
    SELECT classid, objid FROM pg_depend WHERE refclassid = needed.class AND refobjid = needed.object
    AND deptype IN ('a', 'i') AND refclassid IN ('pg_type'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass)
    AND classid IN ('pg_constraint'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass)
    UNION ALL
    SELECT 'pg_class'::regclass::oid, typrelid FROM pg_type WHERE needed.class = 'pg_type'::regclass AND oid = needed.object AND typtype = 'c'
  ) AS next (class, object)
  WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = needed.class AND e.objid = needed.object AND e.deptype = 'e')
), extension AS (
  SELECT DISTINCT d.refobjid AS oid FROM needed
  JOIN pg_depend d ON d.classid = needed.class AND d.objid = needed.object AND d.deptype = 'e'
), own AS (
  SELECT class, object FROM needed WHERE NOT EXISTS (
    SELECT FROM pg_depend e WHERE e.classid = needed.class AND e.objid = needed.object AND e.deptype = 'e')
), own_type AS (
  SELECT t.* FROM own JOIN pg_type t ON t.oid = own.object AND own.class = 'pg_type'::regclass
  WHERE typtype IN ('e', 'd', 'r') OR typtype = 'b' AND typelem = 0 OR typtype = 'c' AND typrelid NOT IN (${oids.join(", ")})
), sequence AS (
  SELECT s.* FROM pg_class s WHERE relkind = 'S' AND s.oid IN (
    SELECT d.refobjid FROM part JOIN pg_depend d ON d.classid = part.class AND d.objid = part.object
    WHERE d.refclassid = 'pg_class'::regclass AND d.deptype = 'n')
  AND NOT EXISTS (SELECT FROM part WHERE class = 'pg_class'::regclass AND object = s.oid)
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = s.oid AND e.deptype = 'e')
), schema AS (
  SELECT nspname AS name FROM own JOIN pg_namespace n ON n.oid = own.object WHERE own.class = 'pg_namespace'::regclass
  UNION SELECT nspname FROM pg_namespace JOIN pg_class c ON c.relnamespace = pg_namespace.oid WHERE c.oid IN (${oids.join(", ")})
  UNION SELECT nspname FROM pg_namespace JOIN sequence s ON s.relnamespace = pg_namespace.oid
  UNION SELECT nspname FROM extension JOIN pg_extension USING (oid) JOIN pg_namespace n ON n.oid = extnamespace
), archived AS (
  SELECT oid, relowner, relacl FROM pg_class JOIN part ON class = 'pg_class'::regclass AND object = oid WHERE relkind IN ('r', 'p', 'S')
  UNION ALL SELECT oid, relowner, relacl FROM sequence
), object AS (
  SELECT class, object FROM part UNION SELECT class, object FROM own UNION SELECT 'pg_class'::regclass::oid, oid FROM sequence
), role AS (
  SELECT relowner AS oid FROM archived
  UNION SELECT grantee FROM archived, aclexplode(relacl) UNION SELECT grantor FROM archived, aclexplode(relacl)
  UNION SELECT typowner FROM own_type
  UNION SELECT proowner FROM pg_proc JOIN own ON own.class = 'pg_proc'::regclass AND own.object = pg_proc.oid
  UNION SELECT refobjid FROM pg_shdepend JOIN object ON classid = class AND objid = object
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND refclassid = 'pg_authid'::regclass
)
SELECT
  ARRAY(SELECT name FROM schema WHERE name NOT IN ('pg_catalog', 'public') ORDER BY name) AS schemas,
  -- template0 has plpgsql.
  ARRAY(SELECT jsonb_build_object('name', extname, 'version', extversion, 'schema', nspname)
        FROM extension JOIN pg_extension USING (oid) JOIN pg_namespace n ON n.oid = extnamespace
        WHERE extname <> 'plpgsql' ORDER BY extname) AS extensions,
  ARRAY(SELECT format('%I.%I', nspname, typname) FROM own_type JOIN pg_namespace n ON n.oid = typnamespace ORDER BY 1) AS types,
  ARRAY(SELECT object::regprocedure::text FROM own WHERE class = 'pg_proc'::regclass ORDER BY 1) AS functions,
  ARRAY(SELECT pg_describe_object(class, object, 0) FROM own
        WHERE class IN (${ownCatalogs}) AND class NOT IN ('pg_type'::regclass, 'pg_proc'::regclass) ORDER BY 1) AS others,
  ARRAY(SELECT jsonb_build_object('schema', nspname, 'name', relname)
        FROM sequence s JOIN pg_namespace n ON n.oid = relnamespace ORDER BY nspname, relname) AS sequences,
  ARRAY(SELECT rolname FROM role JOIN pg_roles USING (oid) WHERE rolname NOT LIKE 'pg\\_%' ORDER BY 1) AS roles,
  ARRAY(SELECT format('%s %s', class::oid, object) FROM own
        WHERE class IN (${ownCatalogs}) AND (class <> 'pg_type'::regclass OR object IN (SELECT oid FROM own_type))) AS objects`;

/** What the tables need, and the ids of those objects of the user's own that `pg_dump --table` leaves out. */
export async function findRequirements(
  session: Session,
  tables: readonly Relation[],
): Promise<{ requires: Requirements; objects: ObjectId[] }> {
  // From some hundred tables on, the server would compile the query, which takes seconds, to run it in a tenth of one.
  await session.run("SET jit = off");
  const [row] = await session.rows(
    requirementsQuery(tables.map(({ oid }) => oid)),
    Requirements.omit({ customSrids: true }).extend({ objects: z.array(ObjectId) }),
  );
  if (row === undefined) throw new Error("a query without FROM returns one row");
  const { objects, ...found } = row;
  const postgis = found.extensions.some(({ name }) => name === "postgis");
  return { requires: { ...found, customSrids: postgis ? await findCustomSrids(session) : [] }, objects };
}
