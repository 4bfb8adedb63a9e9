/** What `pg_dump` could not read. */
import * as z from "zod";
import { Failure } from "../../lib/failure";
import { clientEncoding, type ServerInfo } from "../session/server";
import type { Session } from "../session/session";
import type { Relation } from "./catalog";
import { oidList } from "../session/names";

/** What a decoder writes for bytes that are not UTF-8. */
const replacement = "\uFFFD";

/**
 * In a database without an encoding, names can be bytes that are not text, and no command line can have these. Fails with the
 * tables that have such a name, or such a column.
 */
export async function checkReadableNames(
  session: Session,
  { encoding }: Pick<ServerInfo, "encoding">,
  tables: readonly Relation[],
): Promise<void> {
  if (clientEncoding(encoding) === "UTF8" || tables.length === 0) return;
  const found = await session.rows(
    `SELECT c.oid::text, a.attname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
       UNION ALL VALUES (c.relname), (n.nspname)) a
     WHERE c.oid = ANY ('{${tables.map(({ oid }) => oid).join(",")}}'::oid[])`,
    z.object({ oid: z.string(), name: z.string() }),
  );
  const unreadable = new Set(found.filter(({ name }) => name.includes(replacement)).map(({ oid }) => oid));
  if (unreadable.size === 0) return;
  const names = tables.filter(({ oid }) => unreadable.has(oid)).map(({ sqlName }) => sqlName);
  throw new Failure(
    "table-name-invalid",
    `The database has the encoding ${encoding}, and names of ${names.join(", ")}, or of columns there, are not valid UTF-8. ` +
      "Rename them, or exclude these tables.",
  );
}

const Unreadable = z.object({
  name: z.string(),
  reason: z.enum(["schema", "table", "sequence", "policy"]),
  grant: z.string().nullable(),
});

/** Schemas, tables and sequences that the role may not read, or of which it may read only some rows. */
const unreadableQuery = (oids: readonly string[]) => `
WITH selected AS (
  SELECT c.oid, c.relnamespace, c.relkind, format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (${oidList(oids)})
)
SELECT DISTINCT nspname::text AS name, 'schema' AS reason, format('GRANT USAGE ON SCHEMA %I TO %I', nspname, current_user) AS "grant"
FROM selected JOIN pg_namespace n ON n.oid = relnamespace WHERE NOT has_schema_privilege(n.oid, 'USAGE')
UNION ALL
SELECT name, 'table', format('GRANT SELECT ON %s TO %I', name, current_user) FROM selected WHERE NOT has_table_privilege(oid, 'SELECT')
UNION ALL
SELECT format('%I.%I', n.nspname, s.relname), 'sequence', format('GRANT SELECT ON SEQUENCE %I.%I TO %I', n.nspname, s.relname, current_user)
FROM selected JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = selected.oid AND d.classid = 'pg_class'::regclass
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
WHERE NOT has_table_privilege(s.oid, 'SELECT')
UNION ALL
SELECT name, 'policy', NULL FROM selected WHERE has_table_privilege(oid, 'SELECT') AND row_security_active(oid)`;

/** Fails when the role cannot read every row of the tables. */
export async function checkPrivileges(
  session: Session,
  user: string,
  tables: readonly Relation[],
): Promise<void> {
  const found = await session.rows(unreadableQuery(tables.map(({ oid }) => oid)), Unreadable);
  if (found.length === 0) return;
  const what = {
    schema: "schema",
    table: "table",
    sequence: "sequence",
    policy: "all rows, because of row security, of",
  };
  const names = found.map(({ name, reason }) => `${what[reason]} ${name}`).join(", ");
  const grants = found.flatMap(({ grant }) => grant ?? []);
  const bypass = found.some(({ reason }) => reason === "policy")
    ? ["a role with BYPASSRLS, or the owner"]
    : [];
  const remedy = [...(grants.length > 0 ? [`"${grants.join("; ")}"`] : []), ...bypass].join(", and ");
  throw new Failure(
    "privilege-missing",
    `Role "${user}" may not read ${names}. Use another role, or give it: ${remedy}.`,
  );
}
