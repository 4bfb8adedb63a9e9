/** What depends on tables that are to be taken away, and would be lost or go on with the old rows. */
import { z } from "zod";
import { Failure } from "../lib/failure";
import type { Session } from "../postgres/session/session";
import { oidList } from "./members";

const dependentsQuery = (oids: readonly string[]) => `
WITH old AS (SELECT oid, reltype FROM pg_class WHERE oid IN (${oidList(oids)})),
part AS (
  SELECT 'pg_class'::regclass::oid AS class, oid AS object FROM old
  UNION SELECT d.classid, d.objid FROM old JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = old.oid
    AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('i', 'I', 'S')
  UNION SELECT 'pg_type'::regclass, t.oid FROM old JOIN pg_type t ON t.oid = old.reltype
  UNION SELECT 'pg_type'::regclass, t.typarray FROM old JOIN pg_type t ON t.oid = old.reltype
), dependent AS (
  SELECT d.classid AS class, d.objid AS object, coalesce(r.ev_class, k.conrelid, a.adrelid, p.polrelid, g.tgrelid,
    CASE d.classid WHEN 'pg_class'::regclass THEN d.objid END, 0) AS relation
  FROM part JOIN pg_depend d ON d.refclassid = part.class AND d.refobjid = part.object AND d.deptype = 'n'
  LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
  LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
  LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
  LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
), foreign_object AS (
  -- Publications are given the new table instead.
  SELECT class, object, relation FROM dependent WHERE class IS DISTINCT FROM to_regclass('pg_catalog.pg_publication_rel')::oid AND relation NOT IN (SELECT oid FROM old) AND NOT EXISTS (
    SELECT FROM part WHERE part.class = dependent.class AND part.object = dependent.object)
  UNION SELECT 'pg_class'::regclass, inhrelid, 0 FROM pg_inherits
  WHERE inhparent IN (SELECT oid FROM old) AND inhrelid NOT IN (SELECT oid FROM old)
)
SELECT DISTINCT CASE class WHEN 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, relation, 0)
  ELSE pg_describe_object(class, object, 0) END AS name FROM foreign_object ORDER BY 1`;

const shown = 10;

/** Fails if anything outside the set depends on a table of the set. */
export async function refuseDependents(session: Session, oids: readonly string[]): Promise<void> {
  const found = await session.rows(dependentsQuery(oids), z.object({ name: z.string() }));
  if (found.length === 0) return;
  const names = found.map(({ name }) => name);
  const more = names.length > shown ? ` and ${names.length - shown} more` : "";
  throw new Failure(
    "dependent-object",
    `These depend on tables that are to be replaced, and are not replaced with them: ${names.slice(0, shown).join(", ")}${more}. ` +
      "Drop them and create them again afterwards, restore their tables too, or restore into another schema with --schema FROM=TO.",
  );
}
