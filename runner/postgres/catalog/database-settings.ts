/** What belongs to a database itself and not to an object in it: its owner, its settings, its comment, and who may connect. */
import * as z from "zod";
import { firstUserOid } from "./catalog";
import { doBlock } from "../session/do-block";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";

/** Roles that own something in the database or have a privilege there. The first superuser is in no list of the server's. */
const rolesQuery = `
WITH own AS (SELECT * FROM pg_database WHERE datname = current_database())
SELECT DISTINCT rolname AS name FROM pg_roles WHERE rolname NOT LIKE 'pg\\_%' AND oid IN (
  SELECT refobjid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND dbid = (SELECT oid FROM own)
  UNION SELECT datdba FROM own UNION SELECT grantee FROM own, aclexplode(datacl)
  UNION SELECT setrole FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM own)
  UNION SELECT relowner FROM pg_class WHERE oid >= ${firstUserOid} UNION SELECT nspowner FROM pg_namespace WHERE oid >= ${firstUserOid}
  UNION SELECT proowner FROM pg_proc WHERE oid >= ${firstUserOid} UNION SELECT typowner FROM pg_type WHERE oid >= ${firstUserOid}
) ORDER BY 1`;

const extensionsQuery = `
SELECT extname AS name, extversion AS version, nspname AS schema FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace
WHERE extname <> 'plpgsql' ORDER BY extname COLLATE "C"`;

/** What a server must have before the database can be restored there. */
export async function databaseRequirements(session: Session) {
  const roles = await session.rows(rolesQuery, z.object({ name: z.string() }));
  const extensions = await session.rows(
    extensionsQuery,
    z.object({ name: z.string(), version: z.string(), schema: z.string() }),
  );
  return {
    ...{ schemas: [], types: [], functions: [], others: [], sequences: [], customSrids: [] },
    ...{ extensions, roles: roles.map(({ name }) => name) },
  };
}

/** Whether tables of an extension, whose rows are in a dump, refer to each other: several jobs may load them in the wrong order. */
export async function extensionRowsAreLinked(session: Session): Promise<boolean> {
  const { linked } = await session.row(
    `SELECT EXISTS (SELECT FROM pg_constraint JOIN pg_extension ON conrelid = ANY (extconfig) AND confrelid = ANY (extconfig)
       WHERE contype = 'f' AND conrelid <> confrelid) AS linked`,
    z.object({ linked: z.boolean() }),
  );
  return linked;
}

const Properties = z.object({
  owner: z.string(),
  comment: z.string().nullable(),
  connectionLimit: z.int(),
  settings: z.array(z.object({ role: z.string().nullable(), name: z.string(), value: z.string() })),
  /** Null where nobody has changed it. */
  rights: z
    .array(z.object({ role: z.string().nullable(), privilege: z.string(), grantable: z.boolean() }))
    .nullable(),
});

const propertiesQuery = `
SELECT pg_get_userbyid(datdba) AS owner, shobj_description(d.oid, 'pg_database') AS comment, datconnlimit AS "connectionLimit",
  ARRAY(SELECT jsonb_build_object('role', CASE WHEN setrole <> 0 THEN pg_get_userbyid(setrole) END, 'name', split_part(setting, '=', 1),
      'value', substr(setting, strpos(setting, '=') + 1))
    FROM pg_db_role_setting, unnest(setconfig) setting
    -- What restores remember of this database.
    WHERE setdatabase = d.oid AND setting NOT LIKE 'postgis\\_backup.%' ORDER BY pg_get_userbyid(setrole) COLLATE "C", setting COLLATE "C") AS settings,
  CASE WHEN datacl IS NOT NULL THEN ARRAY(SELECT jsonb_build_object('role', CASE WHEN grantee <> 0 THEN pg_get_userbyid(grantee) END,
      'privilege', privilege_type, 'grantable', is_grantable) FROM aclexplode(datacl)
    ORDER BY pg_get_userbyid(grantee) COLLATE "C", privilege_type COLLATE "C") END AS rights
FROM pg_database d WHERE datname = current_database()`;

/** Their values are lists of names, which the server has put in quotes (GUC_LIST_QUOTE). */
const lists = new Set([
  ...["search_path", "temp_tablespaces", "unix_socket_directories"],
  ...["local_preload_libraries", "session_preload_libraries", "shared_preload_libraries"],
]);

/** The owner, and a script that gives all of it to the database that it is run in, whatever that is called. */
export async function readDatabaseProperties(session: Session): Promise<{ owner: string; script: string }> {
  const properties = await session.row(propertiesQuery, Properties);
  return { owner: properties.owner, script: scriptOf(properties) };
}

function scriptOf({ owner, comment, connectionLimit, settings, rights }: z.infer<typeof Properties>): string {
  const statements = [
    ...settings.map(({ role, name, value }) => {
      const whose = role === null ? "DATABASE %I" : `ROLE ${quoted(role)} IN DATABASE %I`;
      return `ALTER ${whose} SET ${quoted(name)} TO ${settingValue({ name, value }).replaceAll("%", "%%")}`;
    }),
    ...(connectionLimit === -1 ? [] : [`ALTER DATABASE %I CONNECTION LIMIT ${connectionLimit}`]),
    ...(comment === null ? [] : [`COMMENT ON DATABASE %I IS ${text(comment)}`]),
    `ALTER DATABASE %I OWNER TO ${quoted(owner)}`,
    ...(rights === null
      ? []
      : [
          "REVOKE ALL ON DATABASE %I FROM PUBLIC",
          `REVOKE ALL ON DATABASE %I FROM ${quoted(owner)}`,
          ...rights.map(
            ({ role, privilege, grantable }) =>
              `GRANT ${privilege} ON DATABASE %I TO ${role === null ? "PUBLIC" : quoted(role)}${grantable ? " WITH GRANT OPTION" : ""}`,
          ),
        ]),
  ];
  const body = statements
    .map((one) => `  EXECUTE format(${escapeLiteral(one)}, current_database());`)
    .join("\n");
  return [
    "-- What belongs to the database itself. Run this in it, after everything else.",
    doBlock("settings", body),
  ].join("\n");
}

/** A setting's value as ALTER takes it. Each name of a list is a text, because SQL knows no empty name: `""` is an empty search path. */
export function settingValue({ name: ofSetting, value }: { name: string; value: string }): string {
  if (!lists.has(ofSetting)) return escapeLiteral(value);
  const names = [...value.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(
    ([name, inQuotes]) => inQuotes?.replaceAll('""', '"') ?? name,
  );
  return names.length === 0 ? "''" : names.map((name) => escapeLiteral(name)).join(", ");
}

/** In a format, a percent sign is written twice. */
const text = (value: string) => escapeLiteral(value).replaceAll("%", "%%");
const quoted = (name: string) => escapeIdentifier(name).replaceAll("%", "%%");
