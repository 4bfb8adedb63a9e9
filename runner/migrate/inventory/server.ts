/** What a server has besides its databases: roles, settings, rules of who may connect. */
import * as z from "zod";
import type { Session } from "../../postgres/session/session";
import { type Item, item } from "./items";

interface ServerQuestion {
  /** The database that is migrated, or into which it is migrated. */
  readonly database: string;
  /** Roles that the migration creates where they are missing. */
  readonly createdRoles: readonly string[];
  /** Whether it brings all that belongs to the database. */
  readonly whole: boolean;
}

/** But for its settings: see {@link serverSettings}. */
export async function serverItems(session: Session, question: ServerQuestion): Promise<Item[]> {
  const views = await session.row(
    `SELECT to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL AS parameters, to_regclass('pg_catalog.pg_hba_file_rules') IS NOT NULL AS rules`,
    z.object({ parameters: z.boolean(), rules: z.boolean() }),
  );
  const ofRoles = await roles(session, question, views.rules);
  const ofDatabase = await databaseProperties(session, question);
  const others = await otherThings(session, views.parameters);
  const settings = await roleSettings(session, question);
  return [...ofRoles, ...ofDatabase, ...others, ...settings, ...(views.rules ? await hbaRules(session) : [])];
}

const Role = z.object({
  name: z.string(),
  identifier: z.string(),
  login: z.boolean(),
  attributes: z.string(),
  password: z.boolean(),
  md5: z.boolean().nullable(),
  comment: z.string().nullable(),
});

/** An MD5 hash is useful only if a rule of pg_hba.conf still asks for one. */
const rolesQuery = (rules: boolean) => `
SELECT rolname AS name, format('%I', rolname) AS identifier, rolcanlogin AS login,
  concat_ws(' ', CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN NOT rolinherit THEN 'noinherit' END,
    CASE WHEN rolcreaterole THEN 'createrole' END, CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcanlogin THEN 'login' END,
    CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
    CASE WHEN rolconnlimit <> -1 THEN 'limit ' || rolconnlimit END, 'until ' || rolvaliduntil) AS attributes,
  rolpassword IS NOT NULL ${
    rules
      ? `AND (rolpassword !~ '^md5'
    OR EXISTS (SELECT FROM pg_hba_file_rules WHERE auth_method IN ('md5', 'password')))`
      : ""
  } AS password, rolpassword ~ '^md5' AS md5,
  shobj_description(oid, 'pg_authid') AS comment
FROM pg_authid WHERE rolname !~ '^pg_' ORDER BY 1`;

/** Whether a server that has these items takes MD5 hashes of passwords. */
export const takesMd5 = (items: readonly Item[]): boolean =>
  items.some(({ kind, name }) => kind === "pg_hba rule" && / (md5|password)$/.test(name));

async function roles(session: Session, { createdRoles }: ServerQuestion, rules: boolean): Promise<Item[]> {
  const found = await session.rows(rolesQuery(rules), Role);
  const created = new Set(createdRoles);
  const members = await session.rows(
    `SELECT DISTINCT format('%I in %I', pg_get_userbyid(member), pg_get_userbyid(roleid)) AS name,
       format('role %I', pg_get_userbyid(member)) AS of, format('role %I', pg_get_userbyid(roleid)) AS group, admin_option::text AS detail
     FROM pg_auth_members WHERE pg_get_userbyid(member) !~ '^pg_'`,
    z.object({ name: z.string(), of: z.string(), group: z.string(), detail: z.string() }),
  );
  return [
    ...found.flatMap(({ name, identifier, login, attributes, password, md5, comment }) => {
      const of = `role ${identifier}`;
      return [
        item("role", identifier, { brought: !login && created.has(name) }),
        ...(attributes === "" ? [] : [item("attributes of role", identifier, { of, detail: attributes })]),
        ...(password ? [item("password of role", identifier, { of, md5: md5 === true })] : []),
        ...(comment === null ? [] : [item("comment on role", identifier, { of, detail: comment })]),
      ];
    }),
    ...members.map(({ name, ...more }) => item("membership", name, more)),
  ];
}

const Properties = z.object({
  name: z.string(),
  owner: z.string(),
  bootstrap: z.boolean(),
  granted: z.string().nullable(),
  limit: z.int(),
  collation: z.string(),
  comment: z.string().nullable(),
});

const nobodysComments = new Set([
  "default administrative connection database",
  "default template for new databases",
]);

async function databaseProperties(session: Session, { database, whole }: ServerQuestion): Promise<Item[]> {
  const found = (
    await session.rows(
      `SELECT datname AS name, pg_get_userbyid(datdba) AS owner, datdba = 10 AS bootstrap, datconnlimit AS limit,
         CASE WHEN datacl IS NOT NULL THEN array_to_string(ARRAY(
           SELECT format('%s:%s:%s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END, privilege_type, is_grantable)
           FROM aclexplode(datacl) WHERE grantee <> datdba ORDER BY 1), ',') END AS granted,
         lower(replace(concat_ws(' ', pg_encoding_to_char(encoding), datcollate, datctype, nullif(to_jsonb(d) ->> 'datlocprovider', 'c'),
           coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'), to_jsonb(d) ->> 'daticurules'), '-', '')) AS collation,
         shobj_description(oid, 'pg_database') AS comment
       FROM pg_database d`,
      Properties,
    )
  ).find(({ name }) => name === database);
  if (found === undefined) return [];
  const property = (kind: string, more: Partial<Item>) =>
    item(kind, database, { key: `${kind} that is migrated`, brought: whole, ...more });
  const { owner, bootstrap, granted, limit, collation, comment } = found;
  return [
    property("owner of database", { detail: owner, byDefault: bootstrap }),
    property("collation of database", { detail: collation, note: collation }),
    ...(granted === null || granted === "PUBLIC:CONNECT:f,PUBLIC:TEMPORARY:f"
      ? []
      : [property("privileges on database", { detail: granted })]),
    ...(limit === -1 ? [] : [property("connection limit of database", { detail: String(limit) })]),
    ...(comment === null || nobodysComments.has(comment)
      ? []
      : [property("comment on database", { detail: comment })]),
  ];
}

/** to_jsonb finds columns that older versions lack. */
async function otherThings(session: Session, parameters: boolean): Promise<Item[]> {
  const Named = z.object({ kind: z.string(), name: z.string(), detail: z.string().nullable() });
  const found = await session.rows(
    `SELECT 'tablespace' AS kind, format('%I', spcname) AS name, NULL AS detail FROM pg_tablespace WHERE spcname !~ '^pg_'
     UNION ALL SELECT 'replication slot', slot_name, NULL FROM pg_replication_slots s WHERE coalesce(to_jsonb(s) ->> 'temporary', 'false') = 'false'
     UNION ALL SELECT 'prepared transaction', gid, NULL FROM pg_prepared_xacts
     UNION ALL SELECT 'replication origin', roname, NULL FROM pg_replication_origin WHERE roname !~ '^pg_'
     ${parameters ? "UNION ALL SELECT 'privileges on parameter', parname, paracl::text FROM pg_parameter_acl" : ""}`,
    Named,
  );
  return found.map(({ kind, name, detail }) => item(kind, name, { detail: detail ?? undefined }));
}

/** What postgis_topology and postgis_tiger_geocoder add to the search path; each version does it in another way. */
const extensionPaths = ', *"?(topology|tiger|tiger_data)"?(?=,|$)';

/** `ALTER ROLE … SET` and `ALTER DATABASE … SET`. Settings of other databases belong to those. */
async function roleSettings(session: Session, { database, whole }: ServerQuestion): Promise<Item[]> {
  const found = await session.rows(
    `SELECT split_part(value, '=', 1) AS name, md5(CASE WHEN value LIKE 'search\\_path=%'
         THEN regexp_replace(value, '${extensionPaths}', '', 'g') ELSE value END) AS detail, datname AS database,
       CASE WHEN setrole <> 0 THEN format('%I', pg_get_userbyid(setrole)) END AS role
     FROM pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase, unnest(setconfig) AS value
     WHERE value NOT LIKE 'postgis\\_backup.%'`,
    z.object({
      name: z.string(),
      detail: z.string(),
      database: z.string().nullable(),
      role: z.string().nullable(),
    }),
  );
  return found
    .filter((setting) => setting.database === null || setting.database === database)
    .map(({ name, detail, role, ...setting }) => {
      const whose = [
        ...(role === null ? [] : [`role ${role}`]),
        ...(setting.database === null ? [] : [`database ${setting.database}`]),
      ];
      const words = `${name} of ${whose.length === 0 ? "all roles" : whose.join(" in ")}`;
      const key = `setting ${name} ${role ?? ""} ${setting.database === null ? "" : "in the database that is migrated"}`;
      const brought = whole && setting.database !== null;
      return item("setting", words, { key, detail, of: role === null ? undefined : `role ${role}`, brought });
    });
}

/** Settings that say where a server is and what it is called; they always differ. */
const places =
  "^((config|hba|ident)_file|data_directory|external_pid_file|port|listen_addresses|unix_socket_.*|cluster_name|stats_temp_directory|bonjour.*)$";

const defaultSources = "('default', 'override', 'client', 'session', 'database', 'user', 'database user')";

/** The value that initdb writes into postgresql.conf, in blocks: 128 MB. Before version 15, the server's own default differs. */
const initdbBuffers = 16384;

/** What the session sets for itself, so that the server does not end it. */
const unlimited = "statement_timeout";

/**
 * Values are compared but never shown, because some are secrets. The session must have been started without settings of its own, which
 * hide those of the server.
 */
export async function serverSettings(session: Session): Promise<Item[]> {
  await session.run(`SET ${unlimited} = 0`);
  const found = await session.rows(
    `SELECT name, md5(reset_val) AS detail, reset_val IS NOT DISTINCT FROM boot_val OR name = 'shared_buffers' AND reset_val = '${initdbBuffers}'
       OR CASE name WHEN '${unlimited}' THEN EXISTS (
           SELECT FROM pg_db_role_setting, unnest(setconfig) AS value WHERE split_part(value, '=', 1) = name
             AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
             AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user)))
         ELSE source IN ${defaultSources} END AS "byDefault"
     FROM pg_settings WHERE name !~ '${places}' AND context <> 'internal'`,
    z.object({ name: z.string(), detail: z.string().nullable(), byDefault: z.boolean() }),
  );
  return found.map(({ name, detail, byDefault }) =>
    item("server setting", name, { detail: detail ?? undefined, byDefault }),
  );
}

/** All password methods count as one, because newer versions ask for a newer method. */
async function hbaRules(session: Session): Promise<Item[]> {
  const found = await session.rows(
    `SELECT concat_ws(' ', type, array_to_string(database, ','), array_to_string(user_name, ','), address, netmask) AS who,
       auth_method AS method, coalesce(array_to_string(options, ' '), '') AS options
     FROM pg_hba_file_rules WHERE error IS NULL`,
    z.object({ who: z.string(), method: z.string(), options: z.string() }),
  );
  return found.map(({ who, method, options }) =>
    item("pg_hba rule", `${who} ${method}`, {
      key: `pg_hba rule ${who} ${method === "md5" ? "scram-sha-256" : method} ${options}`,
    }),
  );
}
