/** Indexes whose content may depend on the rows of another table. */
import { firstUserOid } from "../postgres/catalog/catalog";
import { z } from "zod";
import { sqlName } from "../postgres/session/names";
import { type Session, SqlError } from "../postgres/session/session";
import type { RestoreRun } from "./run";
import type { Staging } from "./staging";

/**
 * Builds indexes over somebody's own functions anew, once all tables are in their place. Such a function can look up a row of another
 * table, and when the index was built in a staging schema that was still the old table.
 */
export async function rebuildLookups({ session, notes }: RestoreRun, { tables }: Staging): Promise<void> {
  for (const index of await overOwnFunctions(session, new Set(tables.map(({ place }) => sqlName(place))))) {
    await session.run("SAVEPOINT before_reindex");
    try {
      await session.run(`REINDEX INDEX ${index}`);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      await session.run("ROLLBACK TO SAVEPOINT before_reindex");
      notes.push(
        `Index ${index} was built while the tables that were replaced were still there. If its function reads one of them, run ` +
          `"REINDEX INDEX ${index}". It failed here: ${error.message}`,
      );
    }
  }
}

/** Functions in C, and those of extensions, read no tables of the user's. */
async function overOwnFunctions(session: Session, places: ReadonlySet<string>): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT tn.nspname AS schema, t.relname AS name, format('%I.%I', n.nspname, i.relname) AS index
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
       JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid
       LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
       JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
       JOIN pg_language l ON l.oid = p.prolang
     WHERE i.relkind = 'i' AND p.oid >= ${firstUserOid} AND l.lanname NOT IN ('c', 'internal')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
     ORDER BY 3`,
    z.object({ schema: z.string(), name: z.string(), index: z.string() }),
  );
  return [...new Set(found.filter((table) => places.has(sqlName(table))).map(({ index }) => index))];
}
