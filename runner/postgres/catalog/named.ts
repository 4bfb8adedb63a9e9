/**
 * What function bodies and rows name. The catalog does not record it, but tables cannot be filled without it: a check calls a
 * function, which calls another one or PostGIS; and values of regclass, regprocedure and the like are written as names, and a
 * row cannot be loaded if there is no object of that name.
 */
import * as z from "zod";
import { escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";
import { firstUserOid } from "./catalog";
import type { Need, ObjectId } from "./needs";
import { prime } from "./primers";

const identifier = String.raw`"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*`;

const named = new RegExp(String.raw`(?:(${identifier})\s*\.\s*)?(?<![\w$])(${identifier})(\s*\()?`, "g");

interface NamedObject {
  readonly schema: string | undefined;
  readonly name: string;
  readonly called: boolean;
}

const unquoted = (name: string) =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();

/** Everything that could be a name, each once. */
export function namesIn(body: string): NamedObject[] {
  const found = [...body.matchAll(named)].map(([, schema, name = "", called]) => ({
    schema: schema === undefined ? undefined : unquoted(schema),
    name: unquoted(name),
    called: called !== undefined,
  }));
  return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
}

const bodiesQuery = (oids: readonly string[]) => `
SELECT p.prosrc AS body FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid = ANY ('{${oids.join(",")}}'::oid[]) AND l.lanname NOT IN ('c', 'internal') AND p.prosrc <> ''`;

/**
 * Extensions whose objects are called or named, and the user's own functions that are called. A function that needs a table
 * comes only if the catalog says so, because it could not be created without the table.
 */
const objectsQuery = (names: readonly NamedObject[]) => `
WITH word (schema, name, called) AS (VALUES ${names
  .map(
    ({ schema, name, called }) =>
      `(${schema === undefined ? "NULL" : escapeLiteral(schema)}, ${escapeLiteral(name)}, ${called})`,
  )
  .join(", ")}),
candidate (class, object, schema, name) AS (
  SELECT 'pg_proc'::regclass::oid, p.oid, pronamespace, proname FROM pg_proc p JOIN word ON proname = name AND called WHERE p.oid >= ${firstUserOid}
  UNION SELECT 'pg_type'::regclass, t.oid, typnamespace, typname FROM pg_type t JOIN word ON typname = name WHERE t.oid >= ${firstUserOid}
), object AS (
  SELECT class, object FROM candidate c JOIN pg_namespace n ON n.oid = c.schema JOIN word w USING (name)
  WHERE w.schema = nspname OR w.schema IS NULL
    AND NOT EXISTS (SELECT FROM pg_proc WHERE proname = name AND pronamespace = 'pg_catalog'::regnamespace AND class = 'pg_proc'::regclass)
    AND NOT EXISTS (SELECT FROM pg_type WHERE typname = name AND typnamespace = 'pg_catalog'::regnamespace AND class = 'pg_type'::regclass)
)
SELECT DISTINCT format('%s %s', coalesce(e.refclassid, o.class), coalesce(e.refobjid, o.object)) AS id
FROM object o LEFT JOIN pg_depend e ON e.classid = o.class AND e.objid = o.object AND e.deptype = 'e'
WHERE e.objid IS NOT NULL OR o.class = 'pg_proc'::regclass AND NOT EXISTS (
  SELECT FROM pg_depend d LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
  LEFT JOIN pg_type item ON item.oid = t.typelem LEFT JOIN pg_class r ON r.oid IN (t.typrelid, item.typrelid)
  WHERE d.classid = o.class AND d.objid = o.object AND (d.deptype = 'i' OR d.refclassid = 'pg_class'::regclass OR r.relkind <> 'c'))`;

export async function findNamed(session: Session, needs: readonly Need[]): Promise<ObjectId[]> {
  const oids = needs.flatMap(({ kind, catalog, id }) =>
    kind === "own" && catalog === "pg_proc" ? [id.split(" ")[1] ?? ""] : [],
  );
  if (oids.length === 0) return [];
  const bodies = await session.rows(bodiesQuery(oids), z.object({ body: z.string() }));
  const names = namesIn(bodies.map(({ body }) => body).join("\n"));
  if (names.length === 0) return [];
  const found = await session.rows(objectsQuery(names), z.object({ id: z.string() }));
  return found.map(({ id }) => id);
}

const catalogs = {
  regclass: "pg_class",
  regproc: "pg_proc",
  regprocedure: "pg_proc",
  regoper: "pg_operator",
  regoperator: "pg_operator",
  regtype: "pg_type",
  regconfig: "pg_ts_config",
  regdictionary: "pg_ts_dict",
  regcollation: "pg_collation",
  regnamespace: "pg_namespace",
  regrole: "pg_roles",
} as const;

const typeList = Object.keys(catalogs)
  .map((name) => `'${name}'`)
  .join(", ");

/** Columns of such types, and such values within arrays, domains and composite types. */
const placesQuery = (oids: readonly string[]) => `
WITH RECURSIVE place (relation, value, joins, type, depth) AS (
  SELECT c.oid, format('t.%I', attname) COLLATE "C", '' COLLATE "C", atttypid, 0 FROM pg_class c JOIN pg_attribute ON attrelid = c.oid
  WHERE c.oid = ANY ('{${oids.join(",")}}'::oid[]) AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT relation, n.value, n.joins, n.type, depth + 1 FROM place p JOIN pg_type y ON y.oid = p.type CROSS JOIN LATERAL (
    SELECT p.value, p.joins, typbasetype WHERE typtype = 'd'
    UNION ALL SELECT format('v%s', depth), format('%s CROSS JOIN LATERAL unnest(%s) AS v%s', p.joins, p.value, depth), typelem WHERE typelem <> 0 AND typlen = -1
    UNION ALL SELECT format('(%s).%I', p.value, attname), p.joins, atttypid FROM pg_attribute
      WHERE typtype = 'c' AND attrelid = typrelid AND attnum > 0 AND NOT attisdropped
  ) AS n (value, joins, type)
)
SELECT relation::text AS "table", format('%I.%I', nspname, relname) AS "sqlName", value, joins, typname AS type
FROM place JOIN pg_type y ON y.oid = type AND typname IN (${typeList}) AND typnamespace = 'pg_catalog'::regnamespace
JOIN pg_class c ON c.oid = relation JOIN pg_namespace n ON n.oid = relnamespace
WHERE has_table_privilege(relation, 'SELECT')`;

const Place = z.object({
  table: z.string(),
  sqlName: z.string(),
  value: z.string(),
  joins: z.string(),
  type: z.enum(Object.keys(catalogs) as [keyof typeof catalogs]),
});

const NamedValue = z.object({
  /** Oid of the catalog. */
  class: z.string(),
  object: z.string(),
  /** Objects that come after the rows, or under another name. */
  refused: z.string().nullable(),
});

function valuesQuery({ sqlName, value, joins, type }: z.infer<typeof Place>): string {
  const catalog = catalogs[type];
  const refused =
    catalog === "pg_class"
      ? "CASE WHEN relkind IN ('i', 'I', 't') THEN pg_describe_object(class, object, 0) END"
      : "NULL";
  return `
SELECT DISTINCT class, object, ${refused} AS refused
FROM (SELECT '${catalog}'::regclass::oid AS class, (${value})::oid AS object FROM ONLY ${sqlName} t${joins}) q
JOIN ${catalog} ON ${catalog}.oid = object WHERE object >= ${firstUserOid}${catalog === "pg_namespace" ? " AND nspname NOT LIKE 'pg\\_%'" : ""}`;
}

export interface NamedObjects {
  readonly objects: readonly { readonly table: string; readonly class: string; readonly object: string }[];
  /** Oids. */
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
  /** Names that will not exist when the rows are loaded: one sentence each. */
  readonly refused: readonly string[];
}

/** Whether there are columns of tables whose values name objects. */
export async function haveNames(session: Session, oids: readonly string[]): Promise<boolean> {
  return (await session.rows(placesQuery(oids), Place)).length > 0;
}

/** The session has locked the tables, or does not wait long for a lock. */
export async function findNamedObjects(session: Session, oids: readonly string[]): Promise<NamedObjects> {
  const objects: { table: string; class: string; object: string }[] = [];
  const schemas = new Set<string>();
  const roles = new Set<string>();
  const refused = new Set<string>();
  const places = await session.rows(placesQuery(oids), Place);
  if (places.length > 0) await prime(session, oids);
  for (const place of places) {
    for (const found of await session.rows(valuesQuery(place), NamedValue)) {
      if (found.refused !== null)
        refused.add(
          `rows of ${place.sqlName} name the ${found.refused}, which is not there when rows are loaded`,
        );
      else if (place.type === "regnamespace") schemas.add(found.object);
      else if (place.type === "regrole") roles.add(found.object);
      else objects.push({ table: place.table, class: found.class, object: found.object });
    }
  }
  return { objects, schemas: [...schemas], roles: [...roles], refused: [...refused] };
}
