import * as z from "zod";
import type { Relation } from "./catalog";
import { findNeeds, type Needs, type ObjectId } from "./needs";
import type { Session } from "../session/session";
import { sortNeeds, type SortedNeeds } from "./sort-needs";
import { Requirements } from "../../request/contents";
import { findCustomSrids } from "./prepare";

export type { ObjectId } from "./needs";
const ids = (objects: readonly ObjectId[]) =>
  `unnest('{${objects.map((id) => JSON.stringify(id)).join(",")}}'::text[]) AS id`;
const objectsOf = (objects: readonly ObjectId[]) =>
  `SELECT split_part(id, ' ', 1)::oid AS class, split_part(id, ' ', 2)::oid AS object FROM ${ids(objects)}`;
const oidsOf = (oids: readonly string[]) => `SELECT unnest('{${oids.join(",")}}'::oid[]) AS oid`;

/** Catalogs whose objects have an owner; one who is the first superuser is not in pg_shdepend. */
const ownerColumns = {
  pg_type: "typowner",
  pg_proc: "proowner",
  pg_operator: "oprowner",
  pg_opclass: "opcowner",
  pg_opfamily: "opfowner",
  pg_collation: "collowner",
  pg_conversion: "conowner",
  pg_ts_config: "cfgowner",
  pg_ts_dict: "dictowner",
  pg_language: "lanowner",
} as const;
const owners = Object.entries(ownerColumns)
  .map(
    ([catalog, owner]) =>
      `SELECT ${owner} FROM ${catalog} JOIN own ON class = '${catalog}'::regclass AND object = ${catalog}.oid`,
  )
  .join(" UNION ");

/**
 * Whether a schema may have grants, comments or labels that pg_dump writes. To ask pg_dump takes longer than all other looks at the
 * catalog. What a schema has from initdb or from its extension, pg_dump leaves out; "public" counts as new if somebody made it again.
 */
const isAnnotated = `
  nspacl::text IS DISTINCT FROM (SELECT initprivs::text FROM pg_init_privs i
                                 WHERE i.classoid = 'pg_namespace'::regclass AND i.objoid = n.oid AND i.objsubid = 0)
  OR nspname = 'public' AND (nspacl IS NULL OR nspowner NOT IN (SELECT oid FROM pg_roles WHERE oid = 10 OR rolname = 'pg_database_owner'))
  OR obj_description(n.oid, 'pg_namespace') IS DISTINCT FROM
     CASE nspname WHEN 'public' THEN 'standard public schema' WHEN 'pg_catalog' THEN 'system catalog schema' END
  OR EXISTS (SELECT FROM pg_seclabel l WHERE l.classoid = 'pg_namespace'::regclass AND l.objoid = n.oid)`;

const requirementsQuery = (
  oids: readonly string[],
  { early, late, extension, sequences, ...named }: SortedNeeds,
) => `
WITH selected AS MATERIALIZED (${oidsOf(oids)}),
own AS MATERIALIZED (${objectsOf([...early, ...late])}),
sequence AS (${oidsOf(sequences.map(({ oid }) => oid))}),
extension AS (
  SELECT DISTINCT coalesce(d.refobjid, m.object) AS oid FROM (${objectsOf(extension)}) m
  LEFT JOIN pg_depend d ON d.classid = m.class AND d.objid = m.object AND d.deptype = 'e'
), statistics AS (
  SELECT s.oid, stxnamespace FROM pg_statistic_ext s JOIN selected ON stxrelid = selected.oid
), schema AS (
  SELECT d.refobjid AS oid FROM own JOIN pg_depend d ON d.classid = own.class AND d.objid = own.object AND d.refclassid = 'pg_namespace'::regclass
  UNION SELECT relnamespace FROM pg_class JOIN selected USING (oid)
  UNION SELECT relnamespace FROM pg_class JOIN sequence USING (oid)
  UNION SELECT extnamespace FROM pg_extension JOIN extension USING (oid)
  UNION SELECT stxnamespace FROM statistics
  UNION ${oidsOf(named.schemas)}
), archived AS (
  SELECT oid, relowner, relacl FROM pg_class WHERE oid IN (
    SELECT oid FROM selected UNION SELECT oid FROM sequence
    UNION SELECT d.objid FROM selected JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = selected.oid
      WHERE d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
  AND relkind IN ('r', 'p', 'S')
), object AS (
  SELECT class, object FROM own UNION ALL SELECT 'pg_class'::regclass::oid, oid FROM archived
  UNION ALL SELECT 'pg_namespace'::regclass::oid, oid FROM schema
  UNION ALL SELECT 'pg_statistic_ext'::regclass::oid, oid FROM statistics
  UNION ALL SELECT 'pg_policy'::regclass::oid, p.oid FROM pg_policy p JOIN selected ON polrelid = selected.oid
), role AS (
  SELECT relowner AS oid FROM archived
  UNION SELECT grantee FROM archived, aclexplode(relacl) UNION SELECT grantor FROM archived, aclexplode(relacl)
  UNION SELECT nspowner FROM pg_namespace JOIN schema USING (oid) WHERE nspname <> 'public'
  UNION ${oidsOf(named.roles)}
  UNION ${owners}
  UNION SELECT refobjid FROM pg_shdepend JOIN object ON classid = class AND objid = object
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND refclassid = 'pg_authid'::regclass
)
SELECT
  ARRAY(SELECT nspname FROM schema JOIN pg_namespace USING (oid) WHERE nspname NOT IN ('pg_catalog', 'public') ORDER BY nspname) AS schemas,
  -- template0 has plpgsql.
  ARRAY(SELECT jsonb_build_object('name', extname, 'version', extversion, 'schema', nspname)
        FROM extension JOIN pg_extension USING (oid) JOIN pg_namespace n ON n.oid = extnamespace
        WHERE extname <> 'plpgsql' ORDER BY extname) AS extensions,
  ARRAY(SELECT format('%I.%I', nspname, typname) FROM own JOIN pg_type t ON class = 'pg_type'::regclass AND t.oid = object
        JOIN pg_namespace n ON n.oid = typnamespace ORDER BY 1) AS types,
  ARRAY(SELECT object::regprocedure::text FROM own WHERE class = 'pg_proc'::regclass ORDER BY 1) AS functions,
  ARRAY(SELECT pg_describe_object(class, object, 0) FROM own
        WHERE class NOT IN ('pg_type'::regclass, 'pg_proc'::regclass) ORDER BY 1) AS others,
  ARRAY(SELECT jsonb_build_object('schema', nspname, 'name', relname)
        FROM sequence JOIN pg_class s USING (oid) JOIN pg_namespace n ON n.oid = relnamespace ORDER BY nspname, relname) AS sequences,
  ARRAY(SELECT rolname FROM role JOIN pg_roles USING (oid) WHERE rolname NOT LIKE 'pg\\_%' ORDER BY 1) AS roles,
  ARRAY(SELECT format('%s %s', 'pg_namespace'::regclass::oid, n.oid) FROM schema JOIN pg_namespace n USING (oid)
        WHERE ${isAnnotated}) AS "schemaIds",
  ARRAY(SELECT jsonb_build_object('name', nspname, 'owner', pg_get_userbyid(nspowner)) FROM schema JOIN pg_namespace USING (oid)
        WHERE nspname <> 'public' OR nspowner NOT IN (SELECT oid FROM pg_roles WHERE oid = 10 OR rolname = 'pg_database_owner')
        ORDER BY nspname) AS "schemaOwners",
  -- Only a superuser, or who created it, may comment on an extension; so its own comment is left to it.
  ARRAY(SELECT format('%s %s', 'pg_extension'::regclass::oid, oid) FROM extension JOIN pg_extension e USING (oid)
        LEFT JOIN pg_available_extensions a ON a.name = extname
        WHERE obj_description(e.oid, 'pg_extension') IS DISTINCT FROM a.comment) AS "extensionIds"`;

const Found = Requirements.omit({ customSrids: true }).extend({
  schemaIds: z.array(z.string()),
  schemaOwners: z.array(z.object({ name: z.string(), owner: z.string() })),
  extensionIds: z.array(z.string()),
});

interface FoundRequirements {
  readonly requires: Requirements;
  /** All objects of the user's own that `pg_dump --table` leaves out. */
  readonly objects: readonly ObjectId[];
  /** Those of them that are created before the tables, and those that refer to the tables. */
  readonly early: readonly ObjectId[];
  readonly late: readonly ObjectId[];
  /** Objects that other statements create, but that may have grants and comments of their own. */
  readonly annotated: readonly ObjectId[];
  readonly schemaOwners: readonly { readonly name: string; readonly owner: string }[];
}

/** Names of the extensions that tables need. */
export async function extensionsOf(session: Session, needs: Needs | undefined): Promise<string[]> {
  const members = (needs?.needs ?? []).filter(({ kind }) => kind === "extension").map(({ id }) => id);
  if (members.length === 0) return [];
  const rows = await session.rows(
    `SELECT DISTINCT extname AS name FROM (${objectsOf(members)}) m
     LEFT JOIN pg_depend d ON d.classid = m.class AND d.objid = m.object AND d.deptype = 'e'
     JOIN pg_extension e ON e.oid = coalesce(d.refobjid, m.object)`,
    z.object({ name: z.string() }),
  );
  return rows.map(({ name }) => name);
}

/** What the tables need. */
export async function findRequirements(
  session: Session,
  tables: readonly Relation[],
  known?: Needs,
): Promise<FoundRequirements> {
  const oids = tables.map(({ oid }) => oid);
  const sorted = sortNeeds(known ?? (await findNeeds(session, oids)), new Set(oids));
  const { schemaIds, schemaOwners, extensionIds, ...found } = await session.row(
    requirementsQuery(oids, sorted),
    Found,
  );
  const postgis = found.extensions.some(({ name }) => name === "postgis");
  const { early, late } = sorted;
  return {
    requires: { ...found, customSrids: postgis ? await findCustomSrids(session) : [] },
    objects: [...early, ...late],
    early,
    late,
    annotated: [...schemaIds, ...extensionIds],
    schemaOwners,
  };
}
