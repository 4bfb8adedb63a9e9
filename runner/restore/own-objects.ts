/** Types, functions and the like of the user's own, by the identity that the server gives them. */
import { firstUserOid } from "../postgres/catalog/catalog";
import { z } from "zod";
import type { ObjectId } from "../postgres/catalog/requirements";
import type { Session } from "../postgres/session/session";

const OwnObject = z.object({
  /** As an archive's table of contents has it. */
  id: z.string(),
  type: z.string(),
  schema: z.string().nullable(),
  identity: z.string(),
});
export type OwnObject = z.infer<typeof OwnObject>;

const catalogs = [
  [
    "pg_type",
    "typtype IN ('e', 'd', 'r', 'b') AND typelem = 0 OR typtype = 'c' AND EXISTS (SELECT FROM pg_class r WHERE r.oid = typrelid AND r.relkind = 'c')",
  ],
  [
    "pg_proc",
    "NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = c.oid AND i.deptype = 'i')",
  ],
  ["pg_operator", "true"],
  ["pg_opclass", "true"],
  ["pg_opfamily", "true"],
  ["pg_collation", "true"],
  ["pg_ts_config", "true"],
  ["pg_ts_dict", "true"],
  ["pg_ts_parser", "true"],
  ["pg_ts_template", "true"],
  ["pg_conversion", "true"],
  ["pg_cast", "true"],
  ["pg_transform", "true"],
  ["pg_language", "true"],
  ["pg_am", "true"],
] as const;

/** All that no extension made, in the whole database. */
function ownObjects(session: Session): Promise<OwnObject[]> {
  const queries = catalogs.map(
    ([catalog, condition]) =>
      `SELECT format('%s %s', '${catalog}'::regclass::oid, c.oid) AS id, o.type, (parse_ident(o.schema))[1] AS schema, o.identity FROM ${catalog} c, pg_identify_object('${catalog}'::regclass, c.oid, 0) o
       WHERE c.oid >= ${firstUserOid} AND (${condition}) AND NOT EXISTS (
         SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = c.oid AND e.deptype = 'e')`,
  );
  return session.rows(queries.join(" UNION ALL "), OwnObject);
}

/** Those of the scratch database that the target lacks; one that is there under the name is left alone. */
export async function missingObjects(
  scratch: Session,
  session: Session,
  isNeeded: (id: ObjectId) => boolean,
): Promise<OwnObject[]> {
  const key = ({ type, identity }: OwnObject) => `${type} ${identity}`;
  const there = new Set((await ownObjects(session)).map(key));
  return (await ownObjects(scratch)).filter((object) => isNeeded(object.id) && !there.has(key(object)));
}
