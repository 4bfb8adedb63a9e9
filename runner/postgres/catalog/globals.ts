/** What belongs to a server and to no database: its roles, and its tablespaces, which need a place on its disks. */
import * as z from "zod";
import type { Globals } from "../../request";
import { Failure } from "../../lib/failure";
import { setting } from "../../lib/setting";
import { currentRole } from "../session/current-role";
import { doBlock } from "../session/do-block";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";
import { settingValue } from "./database-settings";

const Role = z.object({
  name: z.string(),
  /** As `CREATE ROLE` takes them. */
  attributes: z.string(),
  password: z.string().nullable(),
  comment: z.string().nullable(),
  /** Those that hold in every database. */
  settings: z.array(z.object({ name: z.string(), value: z.string() })),
});
type Role = z.infer<typeof Role>;

/** Only a superuser may read pg_authid. */
const rolesQuery = (passwords: boolean) => `
SELECT rolname AS name, concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' ELSE 'NOSUPERUSER' END, CASE WHEN rolinherit THEN 'INHERIT' ELSE 'NOINHERIT' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' ELSE 'NOCREATEROLE' END, CASE WHEN rolcreatedb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, CASE WHEN rolreplication THEN 'REPLICATION' ELSE 'NOREPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' ELSE 'NOBYPASSRLS' END, 'CONNECTION LIMIT ' || rolconnlimit,
    'VALID UNTIL ' || quote_literal(CASE WHEN isfinite(rolvaliduntil) THEN to_char(rolvaliduntil AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'
      ELSE rolvaliduntil::text END)) AS attributes,
  ${passwords ? "rolpassword" : "NULL"} AS password, shobj_description(r.oid, 'pg_authid') AS comment,
  ARRAY(SELECT jsonb_build_object('name', split_part(one, '=', 1), 'value', substr(one, strpos(one, '=') + 1))
    FROM pg_db_role_setting, unnest(setconfig) one WHERE setrole = r.oid AND setdatabase = 0 ORDER BY one COLLATE "C") AS settings
FROM ${passwords ? "pg_authid" : "pg_roles"} r WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE "C"`;

const Membership = z.object({ role: z.string(), member: z.string(), options: z.string() });

/** to_jsonb finds columns that versions before 16 lack. A role can have a membership from several grantors there, and whoever restores grants it. */
const membershipsQuery = `
SELECT role.rolname AS role, member.rolname AS member,
  CASE WHEN bool_or(to_jsonb(m) ? 'inherit_option') THEN concat(' WITH ADMIN ', bool_or(admin_option)::text, ', INHERIT ',
      bool_or((to_jsonb(m) ->> 'inherit_option')::boolean)::text, ', SET ', bool_or((to_jsonb(m) ->> 'set_option')::boolean)::text)
    WHEN bool_or(admin_option) THEN ' WITH ADMIN OPTION' ELSE '' END AS options
FROM pg_auth_members m JOIN pg_roles role ON role.oid = roleid JOIN pg_roles member ON member.oid = m.member
WHERE member.rolname !~ '^pg_' GROUP BY 1, 2 ORDER BY role.rolname COLLATE "C", member.rolname COLLATE "C"`;

const Tablespace = z.object({
  name: z.string(),
  owner: z.string(),
  location: z.string(),
  options: z.string().nullable(),
});

const tablespacesQuery = `
SELECT spcname AS name, pg_get_userbyid(spcowner) AS owner, pg_tablespace_location(oid) AS location, array_to_string(spcoptions, ', ') AS options
FROM pg_tablespace WHERE spcname !~ '^pg_' ORDER BY spcname COLLATE "C"`;

/**
 * A script that makes the roles which a server lacks, with their attributes, settings, comments and memberships, and with the hashes of
 * their passwords where they are asked for. It leaves roles that exist as they are, and so can run again.
 */
export async function readGlobals(session: Session, globals: Globals): Promise<string> {
  const passwords = globals === "with-passwords";
  const roles = await session.rows(rolesQuery(passwords), Role);
  const memberships = await session.rows(membershipsQuery, Membership);
  const tablespaces = await session.rows(tablespacesQuery, Tablespace);
  const body = [
    ...roles.flatMap(roleStatements),
    ...memberships.map(
      ({ role, member, options }) =>
        `  IF ARRAY[${escapeLiteral(role)}, ${escapeLiteral(member)}] && made THEN GRANT ${escapeIdentifier(role)} TO ${escapeIdentifier(member)}${options}; END IF;`,
    ),
  ].join("\n");
  const names = roles.map(({ name }) => escapeLiteral(name)).join(", ");
  const made = `made text[] := ARRAY(SELECT name FROM unnest(ARRAY[${names}]::text[]) name WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name));`;
  return [
    "-- The roles of the server. Run this before the archive is restored. Roles that exist stay as they are.",
    ...tablespaces.map(tablespaceComment),
    doBlock("globals", body, made),
  ].join("\n");
}

function roleStatements({ name, attributes, password, comment, settings }: Role): string[] {
  const role = escapeIdentifier(name);
  const statements = [
    `CREATE ROLE ${role} WITH ${attributes}${password === null ? "" : ` PASSWORD ${escapeLiteral(password)}`}`,
    ...settings.map((one) => `ALTER ROLE ${role} SET ${escapeIdentifier(one.name)} TO ${settingValue(one)}`),
    ...(comment === null ? [] : [`COMMENT ON ROLE ${role} IS ${escapeLiteral(comment)}`]),
  ];
  return [
    `  IF ${escapeLiteral(name)} = ANY (made) THEN`,
    ...statements.map((statement) => `    ${statement};`),
    "  END IF;",
  ];
}

/** Its folder must exist before. */
function tablespaceComment({ name, owner, location, options }: z.infer<typeof Tablespace>): string {
  const made = `CREATE TABLESPACE ${escapeIdentifier(name)} OWNER ${escapeIdentifier(owner)} LOCATION ${escapeLiteral(location)}`;
  const statement = `${made}${options === null ? "" : ` WITH (${options})`};`;
  return `-- ${statement.replaceAll(/[\r\n]/g, " ")}`;
}

/** Fails if the role may not read them. */
export async function checkGlobals(session: Session, globals: Globals | undefined): Promise<void> {
  if (globals !== "with-passwords") return;
  const { name, superuser } = await currentRole(session);
  if (superuser) return;
  throw new Failure(
    "privilege-missing",
    `Role "${name}" is no superuser, and only one may read the hashes of passwords. Use one, or set ` +
      `${setting("--globals without-passwords", 'globals: "without-passwords"')}.`,
  );
}
