/** What one database has: objects, privileges, rows of extensions and so on. */
import { firstUserOid } from "../../postgres/catalog/catalog";
import * as z from "zod";
import { findUndumpedRows } from "../../postgres/catalog/not-carried";
import { escapeLiteral } from "../../postgres/session/escape";
import type { Session } from "../../postgres/session/session";
import { databaseObjects, type Brought } from "./objects";
import { type Item, item, inNumbers } from "./items";
/** The privileges of everybody but the owner, sorted. */
const privileges = (acl: string, owner: string) => `array_to_string(ARRAY(
  SELECT format('%s:%s:%s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable)
  FROM aclexplode(${acl}) WHERE grantee <> ${owner} ORDER BY 1), ',')`;

/** Everything in the database of the session; `brought` only for the database that is migrated. */
export async function databaseItems(session: Session, brought?: Brought): Promise<Item[]> {
  // One after another: a session answers one question at a time.
  const objects = await databaseObjects(session, brought);
  const schemas = await schemaItems(session, brought);
  const system = await changedPrivileges(session);
  const rows = await extensionRows(session, brought);
  const large = await largeObjects(session);
  const labels = await securityLabels(session);
  const items = [...objects, ...schemas, ...system, ...rows, ...large, ...labels];
  if (brought?.whole !== true) return items;
  const left = (await findUndumpedRows(session)).map(({ table, count }) =>
    item("undumped rows of", table, { note: inNumbers(count, "row") }),
  );
  // pg_dump switches a subscription off, because two databases cannot read from one place at once.
  return [...items.map((one) => ({ ...one, brought: one.kind !== "subscription" })), ...left];
}

const Schema = z.object({
  name: z.string(),
  owner: z.string(),
  granted: z.string().nullable(),
  initially: z.string().nullable(),
  comment: z.string().nullable(),
  own: z.boolean(),
});

/** A migration creates the schemas that tables need, with owner, privileges and comment, if they are missing. */
async function schemaItems(session: Session, brought: Brought | undefined): Promise<Item[]> {
  const schemas = await session.rows(
    `SELECT format('%I', nspname) AS name, pg_get_userbyid(nspowner) AS owner, obj_description(n.oid, 'pg_namespace') AS comment,
       CASE WHEN nspacl IS NOT NULL THEN ${privileges("nspacl", "nspowner")} END AS granted,
       CASE WHEN initprivs IS NOT NULL THEN ${privileges("initprivs", "nspowner")} END AS initially,
       n.oid >= ${firstUserOid} AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e') AS own
     FROM pg_namespace n LEFT JOIN pg_init_privs p ON p.classoid = 'pg_namespace'::regclass AND p.objoid = n.oid AND p.objsubid = 0
     WHERE nspname !~ '^pg_(temp|toast)' AND nspname <> 'information_schema'`,
    Schema,
  );
  return schemas.flatMap(({ name, owner, granted, initially, comment, own }) => {
    const of = `schema ${name}`;
    const common = { of, within: of, brought: own && (brought?.schemas.has(name) ?? false) };
    return [
      ...(own ? [item("owner of schema", name, { ...common, detail: owner })] : []),
      ...(granted !== null && (granted !== "" || initially !== null)
        ? [
            item("privileges on schema", name, {
              ...common,
              detail: granted,
              byDefault: granted === initially,
            }),
          ]
        : []),
      ...(own && comment !== null && comment !== "standard public schema"
        ? [item("comment on schema", name, { ...common, detail: comment })]
        : []),
    ];
  });
}

/** Changed privileges on objects of the system and of extensions. The last column is what no entry in the catalog means. */
async function changedPrivileges(session: Session): Promise<Item[]> {
  const catalogs = [
    ["pg_proc", "proacl", "proowner", "PUBLIC:EXECUTE:f"],
    ["pg_class", "relacl", "relowner", ""],
    ["pg_type", "typacl", "typowner", "PUBLIC:USAGE:f"],
    ["pg_language", "lanacl", "lanowner", "PUBLIC:USAGE:f"],
    ["pg_foreign_data_wrapper", "fdwacl", "fdwowner", ""],
  ] as const;
  const queries = catalogs.map(
    ([catalog, acl, owner, initially]) => `
    SELECT i.type || ' ' || i.identity AS name, ${privileges(acl, owner)} AS granted FROM ${catalog} o
    LEFT JOIN pg_init_privs p ON p.classoid = '${catalog}'::regclass AND p.objoid = o.oid AND p.objsubid = 0,
    pg_identify_object('${catalog}'::regclass, o.oid, 0) i
    WHERE ${acl} IS NOT NULL AND i.schema IS DISTINCT FROM 'information_schema' AND (o.oid < ${firstUserOid} OR EXISTS (
      SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = o.oid AND e.deptype = 'e'))
    AND ${privileges(acl, owner)} <> CASE WHEN initprivs IS NULL THEN '${initially}' ELSE ${privileges("initprivs", owner)} END`,
  );
  const found = await session.rows(
    queries.join(" UNION ALL "),
    z.object({ name: z.string(), granted: z.string() }),
  );
  return found.map(({ name, granted }) => item("privileges on", name, { detail: granted }));
}

const ConfigurationTable = z.object({ extension: z.string(), name: z.string(), condition: z.string() });

/** Rows of users in tables of extensions: topologies, jobs of pg_cron and so on. */
async function extensionRows(session: Session, brought: Brought | undefined): Promise<Item[]> {
  const tables = await session.rows(
    `SELECT extname AS extension, format('%I.%I', nspname, relname) AS name, coalesce(extcondition[n], '') AS condition
     FROM pg_extension e CROSS JOIN LATERAL generate_subscripts(extconfig, 1) n
     JOIN pg_class c ON c.oid = extconfig[n] JOIN pg_namespace s ON s.oid = relnamespace WHERE relkind IN ('r', 'p')`,
    ConfigurationTable,
  );
  // A migration brings the rows of PostGIS's own table, and compares them.
  const comes = ({ extension, name }: z.infer<typeof ConfigurationTable>) =>
    extension === "postgis" &&
    name.endsWith(".spatial_ref_sys") &&
    brought?.requires.extensions.some(({ name: needed }) => needed === "postgis") === true;
  const counted = tables.filter((table) => !comes(table));
  if (counted.length === 0) return [];
  const found = await session.rows(
    counted
      .map(
        ({
          extension,
          name,
          condition,
        }) => `SELECT ${escapeLiteral(extension)} AS extension, ${escapeLiteral(name)} AS name, q.* FROM (
           SELECT count(*)::int AS rows, md5(coalesce(string_agg(h, '' ORDER BY h), '')) AS hash
           FROM (SELECT md5(t::text) AS h FROM ${name} t ${condition}) r) q`,
      )
      .join(" UNION ALL "),
    z.object({ extension: z.string(), name: z.string(), rows: z.int(), hash: z.string() }),
  );
  return found
    .filter(({ rows }) => rows > 0)
    .map(({ extension, name, rows, hash }) =>
      item("rows of", name, {
        // Creating it fills its tables, differently in each version.
        detail: extension === "postgis_tiger_geocoder" ? undefined : hash,
        of: `extension ${extension}`,
        note: inNumbers(rows, "row"),
      }),
    );
}

async function largeObjects(session: Session): Promise<Item[]> {
  const { count, hash } = await session.row(
    `SELECT count(*)::int AS count, md5(coalesce(string_agg(oid::text, ',' ORDER BY oid), '')) AS hash FROM pg_largeobject_metadata`,
    z.object({ count: z.int(), hash: z.string() }),
  );
  return count === 0 ? [] : [item("large", "objects", { detail: hash, note: `${count}` })];
}

/** Labels of tables and their columns are left out, because they are in the archive. */
async function securityLabels(session: Session): Promise<Item[]> {
  const found = await session.rows(
    `SELECT format('%s on %s %s', provider, objtype, objname) AS name, md5(label) AS hash FROM pg_seclabels
     WHERE objtype NOT IN ('table', 'column', 'sequence') AND objnamespace IS NOT NULL`,
    z.object({ name: z.string(), hash: z.string() }),
  );
  return found.map(({ name, hash }) => item("security label", name, { detail: hash }));
}
