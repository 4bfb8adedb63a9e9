import { escapeIdentifier, escapeLiteral } from "../session/escape";
import { z } from "zod";
import type { Session } from "../session/session";
import { CustomSrid } from "../../request/contents";

/** The condition by which PostGIS tells pg_dump which rows of its table of reference systems are not its own. */
const conditionQuery = `
SELECT format('%I.%I', nspname, relname) AS "table", extcondition[array_position(extconfig, c.oid)] AS condition
FROM pg_extension e JOIN pg_class c ON c.oid = ANY (extconfig) AND relname = 'spatial_ref_sys'
JOIN pg_namespace n ON n.oid = relnamespace
WHERE extname = 'postgis'`;

/** Spatial reference systems that the user added to those of PostGIS. */
export async function findCustomSrids(session: Session): Promise<CustomSrid[]> {
  const [found] = await session.rows(conditionQuery, z.object({ table: z.string(), condition: z.string() }));
  if (found === undefined) return [];
  return session.rows(
    `SELECT srid, auth_name, auth_srid, srtext, proj4text FROM ${found.table} ${found.condition} ORDER BY srid`,
    CustomSrid,
  );
}

/** Adds a reference system to PostGIS in that schema, where it does not have it already. */
export function insertSrid(srid: CustomSrid, schema: string): string {
  const literal = (value: string | number | null) =>
    value === null ? "NULL" : typeof value === "number" ? String(value) : escapeLiteral(value);
  return (
    `INSERT INTO ${escapeIdentifier(schema)}.spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES (` +
    [srid.srid, srid.auth_name, srid.auth_srid, srid.srtext, srid.proj4text].map(literal).join(", ") +
    ") ON CONFLICT DO NOTHING;"
  );
}
