/**
 * The server plans each query of a table with the expressions of its indexes, and writes the bodies of SQL functions in the place of
 * their calls. So a function that names others without their schemas fails every query in a session with an empty search path, though
 * nobody runs it. A session keeps such an expression once it has read it under a search path that works.
 */
import * as z from "zod";
import { oidList } from "../session/names";
import type { Session } from "../session/session";
import { firstUserOid } from "./catalog";
import { usualPath } from "./unqualified";

/** Tables with an index over a function or an operator that a user made. */
const tablesQuery = (oids: readonly string[]) => `
SELECT DISTINCT c.oid::text AS oid, format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_index i ON i.indrelid = c.oid AND (i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)
JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
WHERE c.oid IN (${oidList(oids)}) AND d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.refobjid >= ${firstUserOid}
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e')`;

/**
 * By the oids of such tables, the statements that a session runs before it reads one. They name no function, because those of a
 * user could stand in for the server's. The search path is that of the catalog afterwards.
 */
export async function findPrimers(
  session: Session,
  oids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const tables = await session.rows(tablesQuery(oids), z.object({ oid: z.string(), name: z.string() }));
  if (tables.length === 0) return new Map();
  const path = await usualPath([session]);
  const primer = (name: string) => [
    `SET search_path = pg_catalog, ${path}`,
    `SELECT FROM ONLY ${name} WHERE false`,
    "SET search_path = pg_catalog",
  ];
  return new Map(tables.map(({ oid, name }) => [oid, primer(name)]));
}

/** Makes this session able to read the tables. It must write names with their schemas. */
export async function prime(session: Session, oids: readonly string[]): Promise<void> {
  for (const statements of (await findPrimers(session, oids)).values())
    for (const statement of statements) await session.run(statement);
}
