/**
 * Functions that name objects in other schemas without the schema, as nearly all functions that call PostGIS do. Generated columns,
 * checks and indexes call them during a restore, while pg_restore has emptied the search path. So they get a search path of
 * their own for that time. The session's search path would not do, because the server ignores it while it builds indexes.
 */
import { firstUserOid } from "./catalog";
import { oidList } from "../session/names";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import * as z from "zod";
import { type Session, withQualifiedNames } from "../session/session";
const Candidate = z.object({
  id: z.string(),
  identity: z.string(),
  source: z.string(),
  foreignTypes: z.boolean(),
});

const ours = (catalog: string, row: string) =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = ${row}.oid AND e.deptype = 'e')`;

const systemSchemas = "('pg_catalog', 'information_schema')";

/** Functions that a table can call. Trigger functions are left out, because triggers do not fire in a restore. */
const candidatesQuery = `
SELECT format('%s %s', 'pg_proc'::regclass::oid, p.oid) AS id, format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS identity, p.prosrc AS source,
  EXISTS (SELECT FROM unnest(p.proargtypes::oid[] || p.prorettype) a JOIN pg_type t ON t.oid = a WHERE t.oid >= ${firstUserOid}) AS "foreignTypes"
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
WHERE p.oid >= ${firstUserOid} AND n.nspname NOT IN ${systemSchemas} AND l.lanname <> 'internal' AND l.lanname <> 'c' AND p.prorettype <> 'trigger'::regtype
  AND NOT EXISTS (SELECT FROM pg_aggregate g WHERE g.aggfnoid = p.oid) AND to_jsonb(p)->>'prokind' IS DISTINCT FROM 'p'
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) c WHERE c LIKE 'search_path=%') AND ${ours("pg_proc", "p")}`;

const namesQuery = `
SELECT lower(name) AS name FROM (
  SELECT proname AS name, pronamespace AS schema FROM pg_proc UNION SELECT typname, typnamespace FROM pg_type UNION SELECT relname, relnamespace FROM pg_class
) q JOIN pg_namespace n ON n.oid = schema WHERE nspname NOT IN ${systemSchemas} AND nspname NOT LIKE 'pg\\_toast%'`;

/** A name that no dot precedes or follows. */
const bareName = /(?<![\w.$"])"?([A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)"?(?!\s*\.)/g;
const operator = /[-+*/<>=~!@#%^&|`?]/;

export function namesBarely(source: string, names: ReadonlySet<string>): boolean {
  return [...source.matchAll(bareName)].some(([, name = ""]) => names.has(name.toLowerCase()));
}

/** Functions in this database that need a search path when they are called. */
async function findUnqualified(session: Session): Promise<{ id: string; identity: string }[]> {
  const candidates = await withQualifiedNames(session, () => session.rows(candidatesQuery, Candidate));
  if (candidates.length === 0) return [];
  const named = await session.rows(namesQuery, z.object({ name: z.string() }));
  const names = new Set(named.map(({ name }) => name));
  return candidates.filter(
    ({ source, foreignTypes }) => (foreignTypes && operator.test(source)) || namesBarely(source, names),
  );
}

/** Of some tables, the functions that an index, a generated column or a check calls: the server runs them while it restores the tables. */
const calledQuery = (oids: readonly string[]) => `
SELECT DISTINCT format('%s %s', 'pg_proc'::regclass::oid, refobjid) AS id FROM pg_depend d WHERE refclassid = 'pg_proc'::regclass AND (
  classid = 'pg_class'::regclass AND (objsubid > 0 AND objid IN (${oidList(oids)})
    OR EXISTS (SELECT FROM pg_index WHERE indexrelid = objid AND indrelid IN (${oidList(oids)})))
  OR classid = 'pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_attrdef f JOIN pg_attribute a ON attrelid = adrelid AND attnum = adnum
    WHERE f.oid = objid AND adrelid IN (${oidList(oids)}) AND to_jsonb(a)->>'attgenerated' <> '')
  OR classid = 'pg_constraint'::regclass AND EXISTS (SELECT FROM pg_constraint c WHERE c.oid = objid AND conrelid IN (${oidList(oids)}) AND contype = 'c'))`;

/** Those of them that need a search path, which pg_restore does not give them. */
export async function calledUnqualified(session: Session, oids: readonly string[]): Promise<string[]> {
  if (oids.length === 0) return [];
  const called = await session.rows(calledQuery(oids), z.object({ id: z.string() }));
  if (called.length === 0) return [];
  const ids = new Set(called.map(({ id }) => id));
  return (await findUnqualified(session)).filter(({ id }) => ids.has(id)).map(({ identity }) => identity);
}

/** Gives those functions a search path; returns their ids in tables of contents. */
export async function giveSearchPath(session: Session): Promise<string[]> {
  const functions = await findUnqualified(session);
  if (functions.length === 0) return [];
  const list = await usualPath([session]);
  await session.runAll(
    functions.map(({ identity }) => `ALTER FUNCTION ${identity} SET search_path = ${list}`),
  );
  return functions.map(({ id }) => id);
}

/** The schema public, and every schema that a user made. */
export async function usualPath(sessions: readonly Session[]): Promise<string> {
  const query = `SELECT nspname AS name FROM pg_namespace WHERE oid >= ${firstUserOid} AND nspname NOT LIKE 'pg\\_%' AND nspname NOT LIKE 'postgis\\_backup\\_%' ORDER BY nspname COLLATE "C"`;
  const path = new Set(["public"]);
  for (const session of sessions)
    for (const { name } of await session.rows(query, z.object({ name: z.string() }))) path.add(name);
  return [...path].map((name) => escapeIdentifier(name)).join(", ");
}

export const noSearchPath = "SELECT pg_catalog.set_config('search_path', '', false)";

/**
 * For sessions that fill a database that has such functions already: they belong to its users, and are not changed. The path
 * has the schemas of all these databases; the server skips schemas that do not exist.
 */
export const setSearchPath = async (sessions: readonly Session[]): Promise<string> =>
  `SELECT pg_catalog.set_config('search_path', ${escapeLiteral(await usualPath(sessions))}, false)`;

export const callsUnqualified = async (session: Session): Promise<boolean> =>
  (await findUnqualified(session)).length > 0;

/** The names of functions as ALTER FUNCTION needs them. */
export async function functionNames(session: Session, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const oids = ids.map((id) => id.split(" ")[1] ?? "");
  const found = await withQualifiedNames(session, () =>
    session.rows(
      `SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) AS name
       FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid IN (${oidList(oids)})`,
      z.object({ name: z.string() }),
    ),
  );
  return found.map(({ name }) => name);
}

export async function resetSearchPath(session: Session, functions: readonly string[]): Promise<void> {
  await session.runAll(functions.map((name) => `ALTER FUNCTION ${name} RESET search_path`));
}
