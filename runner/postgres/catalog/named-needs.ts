/**
 * What functions name in their bodies. The catalog records nothing of it where a body is text, as most are, and the tables
 * cannot be filled without it: a check that calls a function, which calls another one or PostGIS.
 */
import { firstUserOid } from "./catalog";
import { oidList } from "../session/names";
import { escapeLiteral } from "../session/escape";
import { z } from "zod";
import type { Need, ObjectId } from "./needs";
import type { Session } from "../session/session";

const identifier = String.raw`"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*`;
const named = new RegExp(String.raw`(?:(${identifier})\s*\.\s*)?(?<![\w$])(${identifier})(\s*\()?`, "g");

export interface NamedObject {
  readonly schema: string | undefined;
  readonly name: string;
  readonly called: boolean;
}

const unquoted = (name: string) =>
  name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name.toLowerCase();

/** All that could be a name; each once. */
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
WHERE p.oid IN (${oidList(oids)}) AND l.lanname NOT IN ('c', 'internal') AND p.prosrc <> ''`;

/**
 * Extensions by what is called or named of them, and functions of the user's own that are called. One that needs a table
 * comes only if the catalog says so: it could not be created without the table.
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
