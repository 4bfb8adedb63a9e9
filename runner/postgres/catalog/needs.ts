/** Everything that tables refer to, directly or through other objects, as the catalog records it. */
import { firstUserOid } from "./catalog";
import * as z from "zod";
import type { Session } from "../session/session";
import { findNamed, findNamedObjects, type NamedObjects } from "./named";

/** `catalog oid`, both as oids, as in the table of contents of an archive. */
const ObjectId = z.string();
export type ObjectId = z.infer<typeof ObjectId>;

/** Something that is dumped with a table and refers to other objects: the table itself, an index, a policy and so on. */
const Part = z.object({
  id: ObjectId,
  /** Oid of its table. */
  table: z.string(),
  /** As the server describes it: "policy own on table public.plot". */
  description: z.string(),
  /** The section of an archive in which it is created; pg_dump decides about the section of a "check". */
  section: z.enum(["pre-data", "post-data", "check"]),
});
export type Part = z.infer<typeof Part>;

/** Something that a part refers to. */
const Need = z.object({
  id: ObjectId,
  catalog: z.string(),
  description: z.string(),
  /**
   * own: made by a user, so that an archive of the whole database has an entry for it; member: a part of such an object
   * or of a relation, such as its row type; inside: dumped with a selected table.
   */
  kind: z.enum(["own", "member", "extension", "relation", "inside"]),
  /** The relation itself, or the one that an index, a constraint, an identity's sequence or a row type belongs to. */
  relation: z
    .object({ oid: z.string(), sqlName: z.string(), schema: z.string(), name: z.string(), kind: z.string() })
    .nullable(),
});
export type Need = z.infer<typeof Need>;

const CatalogNeeds = z.object({
  parts: z.array(Part),
  needs: z.array(Need),
  /** Pairs: an object, and an object that it refers to. */
  edges: z.array(z.tuple([ObjectId, ObjectId])),
});
export type Needs = z.infer<typeof CatalogNeeds> & {
  /** What rows name; absent if the rows were not read. */
  readonly named?: NamedObjects;
};

/** Objects that belong to a type, an operator class or the like, and have needs of their own. */
const members = "'pg_constraint'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass";

/**
 * Follows pg_depend from the tables: down to what is dumped with them (indexes, constraints, triggers, policies, rules,
 * defaults), then to everything that these refer to, whatever kind of object it is. A part of an extension stands for the
 * extension, and a part of another relation for that relation. Objects of the system are left out. Foreign keys and parents
 * are known from the catalog of tables. Parts are looked up with IN, which the server always hashes: with EXISTS, the time
 * would grow with the square of the number of tables.
 */
const needsQuery = (oids: readonly string[], seeds: readonly ObjectId[], named: NamedObjects["objects"]) => `
WITH RECURSIVE part (class, object, root) AS (
  SELECT 'pg_class'::regclass::oid, oid, oid FROM unnest('{${oids.join(",")}}'::oid[]) AS oid
  UNION
  SELECT d.classid, d.objid, p.root FROM part p JOIN pg_depend d ON d.refclassid = p.class AND d.refobjid = p.object
  WHERE d.deptype IN ('a', 'i', 'I', 'P', 'S') AND CASE d.classid
    WHEN 'pg_class'::regclass THEN EXISTS (SELECT FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
      WHERE c.oid = d.objid AND (c.relkind = 'S' OR i.indrelid = p.root))
    WHEN 'pg_constraint'::regclass THEN EXISTS (SELECT FROM pg_constraint WHERE oid = d.objid AND conrelid = p.root)
    WHEN 'pg_trigger'::regclass THEN EXISTS (SELECT FROM pg_trigger WHERE oid = d.objid AND tgrelid = p.root)
    WHEN 'pg_rewrite'::regclass THEN EXISTS (SELECT FROM pg_rewrite WHERE oid = d.objid AND ev_class = p.root)
    WHEN 'pg_policy'::regclass THEN EXISTS (SELECT FROM pg_policy WHERE oid = d.objid AND polrelid = p.root)
    ELSE d.classid IN ('pg_attrdef'::regclass, 'pg_type'::regclass, 'pg_statistic_ext'::regclass) END
), outside (root, class, object, toclass, toobject) AS MATERIALIZED (
  SELECT DISTINCT p.root, p.class, p.object, d.refclassid, d.refobjid
  FROM part p JOIN pg_depend d ON d.classid = p.class AND d.objid = p.object
  WHERE d.deptype IN ('n', 'a', 'i', 'P', 'S') AND d.refobjid >= ${firstUserOid}
  AND d.refclassid NOT IN ('pg_namespace'::regclass, 'pg_publication'::regclass)
  AND (d.refclassid, d.refobjid) NOT IN (SELECT class, object FROM part)
  AND NOT (p.class = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint WHERE oid = p.object AND contype = 'f'))
  AND NOT (p.class = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND EXISTS (
    SELECT FROM pg_inherits WHERE inhrelid = p.object AND inhparent = d.refobjid))
  UNION SELECT root, 'pg_attribute'::regclass::oid, root, class, object FROM (VALUES (0::oid, 0::oid, 0::oid)${named
    .map((one) => `, (${one.table}::oid, ${one.class}::oid, ${one.object}::oid)`)
    .join(
      "",
    )}) AS value (root, class, object) WHERE root <> 0 AND (class, object) NOT IN (SELECT class, object FROM part)
), edge (class, object, toclass, toobject) AS (
  (SELECT class, object, toclass, toobject FROM outside
   UNION ALL SELECT 0::oid, 0::oid, class, object FROM (VALUES (0::oid, 0::oid)${seeds.map((id) => `, (${id.replace(" ", "::oid, ")}::oid)`).join("")}) AS seed (class, object) WHERE class <> 0)
  UNION
  SELECT n.class, n.object, next.class, next.object FROM (SELECT toclass AS class, toobject AS object FROM edge) n CROSS JOIN LATERAL (
    SELECT refclassid, refobjid FROM pg_depend WHERE classid = n.class AND objid = n.object
    AND deptype IN ('n', 'a', 'i') AND refobjid >= ${firstUserOid} AND refclassid NOT IN ('pg_namespace'::regclass, 'pg_extension'::regclass)
    UNION ALL
    SELECT classid, objid FROM pg_depend WHERE refclassid = n.class AND refobjid = n.object AND deptype IN ('a', 'i')
    AND refclassid IN ('pg_type'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass)
    AND (classid IN (${members}) OR classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = objid AND relkind = 'c'))
  ) AS next (class, object)
  WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = n.class AND e.objid = n.object AND e.deptype = 'e')
  AND NOT (n.class = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = n.object AND relkind <> 'c'))
  AND (n.class, n.object) NOT IN (SELECT class, object FROM part)
), need AS (
  SELECT DISTINCT toclass AS class, toobject AS object FROM edge
), described AS (
  SELECT n.class, n.object, r.oid AS relation, r.relkind, CASE
    WHEN n.class = 'pg_extension'::regclass OR EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = n.class AND e.objid = n.object AND e.deptype = 'e') THEN 'extension'
    WHEN (n.class, n.object) IN (SELECT class, object FROM part) THEN 'inside'
    WHEN n.class = 'pg_class'::regclass AND r.relkind <> 'c' THEN 'relation'
    WHEN n.class IN ('pg_class'::regclass, 'pg_attrdef'::regclass, ${members}) THEN 'member'
    WHEN n.class IN ('pg_type'::regclass, 'pg_proc'::regclass) AND EXISTS (
      SELECT FROM pg_depend i WHERE i.classid = n.class AND i.objid = n.object AND i.deptype = 'i'
      AND NOT (i.refclassid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = i.refobjid AND relkind = 'c'))) THEN 'member'
    ELSE 'own' END AS kind
  FROM need n LEFT JOIN pg_index x ON n.class = 'pg_class'::regclass AND x.indexrelid = n.object
  LEFT JOIN pg_constraint k ON n.class = 'pg_constraint'::regclass AND k.oid = n.object AND k.conrelid <> 0
  LEFT JOIN pg_depend y ON n.class = 'pg_class'::regclass AND y.classid = n.class AND y.objid = n.object
    AND y.refclassid = n.class AND y.deptype = 'i' AND x.indrelid IS NULL
  LEFT JOIN pg_type t ON n.class = 'pg_type'::regclass AND t.oid = n.object
  LEFT JOIN pg_type item ON item.oid = t.typelem AND t.typlen = -1
  LEFT JOIN pg_class r ON r.oid = coalesce(x.indrelid, k.conrelid, y.refobjid, nullif(t.typrelid, 0), nullif(item.typrelid, 0), CASE WHEN n.class = 'pg_class'::regclass THEN n.object END)
)
SELECT
  ARRAY(SELECT jsonb_build_object('id', format('%s %s', class, object), 'table', root::text,
          'description', CASE class WHEN 'pg_attribute'::regclass THEN 'content of ' || pg_describe_object('pg_class'::regclass, object, 0)
            ELSE pg_describe_object(class, object, 0) END, 'section', CASE
          WHEN class = 'pg_attrdef'::regclass THEN 'pre-data'
          WHEN class = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class WHERE oid = object AND relkind NOT IN ('i', 'I')) THEN 'pre-data'
          WHEN class = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint WHERE oid = object AND contype = 'c' AND convalidated) THEN 'check'
          ELSE 'post-data' END)
        FROM (SELECT DISTINCT root, class, object FROM outside) o) AS parts,
  ARRAY(SELECT jsonb_build_object('id', format('%s %s', class, object), 'catalog', class::regclass::text, 'kind', kind, 'description', pg_describe_object(class, object, 0),
          'relation', CASE WHEN c.oid IS NOT NULL THEN jsonb_build_object('oid', c.oid::text, 'sqlName', format('%I.%I', nspname, relname),
            'schema', nspname, 'name', relname, 'kind', c.relkind) END)
        FROM described LEFT JOIN (pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace) ON c.oid = relation) AS needs,
  ARRAY(SELECT jsonb_build_array(format('%s %s', class, object), format('%s %s', toclass, toobject)) FROM edge) AS edges`;

/**
 * Casts are found by their types, because nothing refers to a cast. These are the user's own casts that the objects may need:
 * they convert between system types and needed types, or use a needed function.
 */
const castsQuery = (needed: readonly ObjectId[]) => `
WITH needed AS (SELECT split_part(id, ' ', 1)::oid AS class, split_part(id, ' ', 2)::oid AS object FROM unnest('{${needed
  .map((id) => JSON.stringify(id))
  .join(",")}}'::text[]) AS id),
type AS (SELECT object AS oid FROM needed WHERE class = 'pg_type'::regclass)
SELECT format('%s %s', 'pg_cast'::regclass::oid, c.oid) AS id FROM pg_cast c
WHERE c.oid >= ${firstUserOid} AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_cast'::regclass AND e.objid = c.oid AND e.deptype = 'e')
AND (castsource < ${firstUserOid} OR castsource IN (SELECT oid FROM type)) AND (casttarget < ${firstUserOid} OR casttarget IN (SELECT oid FROM type))
AND (castsource IN (SELECT oid FROM type) OR casttarget IN (SELECT oid FROM type) OR castfunc < ${firstUserOid}
  OR castfunc IN (SELECT object FROM needed WHERE class = 'pg_proc'::regclass))`;

/**
 * What the tables of these oids refer to, and what the rows of some of them name. The session writes names with their
 * schemas.
 */
export async function findNeeds(
  session: Session,
  oids: readonly string[],
  read: readonly string[] = [],
): Promise<Needs> {
  const named = read.length === 0 ? undefined : await findNamedObjects(session, read);
  let seeds: ObjectId[] = [];
  for (;;) {
    const found = await session.row(needsQuery(oids, seeds, named?.objects ?? []), CatalogNeeds);
    const casts = await session.rows(castsQuery(found.needs.map(({ id }) => id)), z.object({ id: ObjectId }));
    const more = [...casts.map(({ id }) => id), ...(await findNamed(session, found.needs))];
    const next = [...new Set([...seeds, ...more])];
    if (next.length === seeds.length) return named === undefined ? found : { ...found, named };
    seeds = next;
  }
}
