/** A target may have default privileges, which add rights to whatever is created; what is restored has those of the source. */
import { z } from "zod";
import { withQualifiedNames } from "../postgres/session/settings";
import type { Session } from "../postgres/session/session";

/** Objects with rights of their own that are no column: each with what GRANT calls it, and the rights that a new one has. */
const objects = `
SELECT 'pg_class'::regclass::oid AS class, c.oid, n.nspname, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
  format('%I.%I', n.nspname, relname) AS name, relacl AS acl, relowner AS owner, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner) AS usual
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relacl IS NOT NULL
UNION ALL SELECT 'pg_proc'::regclass, p.oid, n.nspname, CASE WHEN current_setting('server_version_num')::int < 110000 THEN 'FUNCTION' ELSE 'ROUTINE' END,
  format('%I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid)), proacl, proowner, acldefault('f', proowner)
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proacl IS NOT NULL
UNION ALL SELECT 'pg_type'::regclass, t.oid, n.nspname, 'TYPE', format('%I.%I', n.nspname, typname), typacl, typowner, acldefault('T', typowner)
FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE typacl IS NOT NULL
UNION ALL SELECT 'pg_namespace'::regclass, oid, nspname, 'SCHEMA', format('%I', nspname), nspacl, nspowner, acldefault('n', nspowner)
FROM pg_namespace WHERE nspacl IS NOT NULL`;

const statementsQuery = (condition: string) => `
WITH o AS (SELECT * FROM (${objects}) o WHERE ${condition})
SELECT format('REVOKE ALL ON %s %s FROM %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(acl))) AS statement
FROM o WHERE cardinality(acl) > 0
UNION ALL SELECT format('GRANT ALL ON %s %s TO %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(usual)))
FROM o ORDER BY 1 DESC`;

/** Gives the objects that meet the condition the rights of such as are created where no default privileges are set. */
export async function asByDefault(session: Session, condition: string): Promise<void> {
  const found = await withQualifiedNames(session, () =>
    session.rows(statementsQuery(condition), z.object({ statement: z.string() })),
  );
  await session.runAll(found.map(({ statement }) => statement));
}
