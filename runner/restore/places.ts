/** The places of the tables in the target: how they are called, what is there already, and whether the tables can go there. */
import * as z from "zod";
import { Attempts, Failure } from "../lib/failure";
import { setting } from "../lib/setting";
import type { DanglingReference } from "../postgres/catalog/select-tables";
import { escapeLiteral } from "../postgres/session/escape";
import { type Name, literalList, oidList } from "../postgres/session/names";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import type { RestoreRequest } from "../request";
import type { Target } from "./begin";

/** The schema in which the objects of a schema of the backup end up. */
export const finalSchema = ({ schemas }: Pick<RestoreRequest, "schemas">, schema: string): string =>
  schemas[schema] ?? schema;

/** Where an object of the backup ends up. */
export const finalPlace = (request: Pick<RestoreRequest, "schemas">, { schema, name }: Name): Name => ({
  schema: finalSchema(request, schema),
  name,
});

const Existing = z.object({
  schema: z.string(),
  name: z.string(),
  oid: z.string(),
  kind: z.string(),
  sqlName: z.string(),
  owned: z.boolean(),
});

/** A relation of any kind that has a name which a restored one is to have. */
export type Existing = z.infer<typeof Existing>;

export function findExisting(session: Session, places: readonly Name[]): Promise<Existing[]> {
  const names = places.map(({ schema, name }) => `(${escapeLiteral(schema)}, ${escapeLiteral(name)})`);
  if (names.length === 0) return Promise.resolve([]);
  // A join, because the server would compare a list with every relation, one by one.
  return session.rows(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::text, c.relkind::text AS kind,
            format('%I.%I', n.nspname, c.relname) AS "sqlName", pg_has_role(c.relowner, 'USAGE') AS owned
     FROM (SELECT DISTINCT schema::name, name::name FROM (VALUES ${names.join(", ")}) v (schema, name)) p
     JOIN pg_namespace n ON n.nspname = p.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.name
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    Existing,
  );
}

interface Planned {
  readonly places: readonly Name[];
  /** The schemas that they end up in. */
  readonly finals: readonly string[];
  /** Foreign keys to tables that are not restored. */
  readonly references: readonly DanglingReference[];
}

/** False if all tables exist and are left as they are. Collects what is in the way. */
export async function checkPlaces(
  request: RestoreRequest,
  { session, serverInfo }: Pick<Target, "session" | "serverInfo">,
  { places, finals, references }: Planned,
  attempts: Attempts,
): Promise<boolean> {
  const existing = await findExisting(session, places);
  const replaces = request.ifExists === "replace" || request.ifExists === "swap";
  if (request.ifExists === "skip" && existing.length === places.length) return false;
  const others = existing.filter(({ kind }) => kind !== "r" && kind !== "p");
  if (existing.length > 0 && !replaces) attempts.add(tablesExist(request, existing, places.length));
  else if (others.length > 0) attempts.add(notTables(others));
  if (replaces) {
    attempts.runSync(() => {
      refuseForeign(request.user, existing);
    });
    await attempts.run(() =>
      refuseDependents(
        session,
        existing.map(({ oid }) => oid),
      ),
    );
  }
  if (replaces) await attempts.run(() => checkPublications(session, existing, serverInfo.number, request));
  await attempts.run(() => checkSchemas(session, finals));
  await attempts.run(() => checkReferences(session, references));
  return true;
}

const nameList = (existing: readonly Existing[]) => {
  const names = existing.slice(0, 20).map(({ sqlName }) => sqlName);
  return names.join(", ") + (existing.length > 20 ? ` and ${existing.length - 20} more` : "");
};

const replaceThem = () => setting("--if-exists replace", 'ifExists: "replace"');

const intoOther = () => setting("--schema FROM=TO", 'schemas: { FROM: "TO" }');

function tablesExist(request: RestoreRequest, existing: readonly Existing[], wanted: number): Failure {
  const some = request.ifExists === "skip" ? `, but not all of the ${wanted} tables` : "";
  return new Failure(
    "table-exists",
    `Database "${request.database}" has ${nameList(existing)} already${some}. Nothing was changed. Replace them with ${replaceThem()}, ` +
      `keep them in another schema with ${setting("--if-exists swap", 'ifExists: "swap"')}, or restore beside them with ${intoOther()}.`,
  );
}

function notTables(others: readonly Existing[]): Failure {
  return new Failure(
    "table-exists",
    `${nameList(others)} is in the way, and is not a table. Rename or drop it, or restore into another schema with ${intoOther()}.`,
  );
}

function refuseForeign(user: string, existing: readonly Existing[]): void {
  const foreign = existing.filter(({ owned }) => !owned);
  if (foreign.length === 0) return;
  throw new Failure(
    "privilege-missing",
    `Role "${user}" may not replace ${nameList(foreign)}, which other roles own. Restore as a superuser or as their owner.`,
  );
}

async function checkSchemas(session: Session, finals: readonly string[]): Promise<void> {
  const refused = await session.rows(
    `SELECT format('%I', nspname) AS name, format('GRANT CREATE ON SCHEMA %I TO %I', nspname, current_user) AS remedy
     FROM pg_namespace WHERE nspname IN (${literalList(finals)}) AND NOT has_schema_privilege(oid, 'CREATE')`,
    z.object({ name: z.string(), remedy: z.string() }),
  );
  if (refused.length === 0) return;
  throw new Failure(
    "privilege-missing",
    `The role may not create tables in schema ${refused.map(({ name }) => name).join(", ")}. Give it: "${refused.map(({ remedy }) => remedy).join("; ")}".`,
  );
}

/** Foreign keys to tables that are not restored need those tables in the target. */
async function checkReferences(session: Session, references: readonly DanglingReference[]): Promise<void> {
  if (references.length === 0) return;
  const names = [...new Set(references.map(({ sqlName }) => sqlName))];
  const lacking = await session.rows(
    `SELECT name FROM unnest(ARRAY[${literalList(names)}]) name WHERE to_regclass(name) IS NULL`,
    z.object({ name: z.string() }),
  );
  const missing = new Set(lacking.map(({ name }) => name));
  const attempts = new Attempts();
  for (const { from, constraint, sqlName } of references) {
    if (!missing.has(sqlName)) continue;
    attempts.add(
      new Failure(
        "reference-outside-selection",
        `${from} refers to ${sqlName} by the foreign key "${constraint ?? ""}"; it is neither restored nor in the target. Restore it too.`,
      ),
    );
  }
  attempts.end();
}

/**
 * Values of regclass and the like name tables, and are stored as numbers. Loaded beside the tables that are replaced, they
 * would name those.
 */
export async function refuseNumbers(
  scratch: Session,
  oids: readonly string[],
  ifExists: RestoreRequest["ifExists"],
): Promise<void> {
  const found = await scratch.rows(
    `SELECT format('%I.%I', c.relname, a.attname) AS name, format_type(a.atttypid, a.atttypmod) AS type
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
     WHERE a.attrelid IN (${oidList(oids)}) AND a.attnum > 0 AND NOT a.attisdropped
       AND ARRAY['regclass'::regtype::oid, 'regtype'::regtype::oid] && ARRAY[t.oid, t.typelem, t.typbasetype]`,
    z.object({ name: z.string(), type: z.string() }),
  );
  if (found.length === 0 || (ifExists !== "replace" && ifExists !== "swap")) return;
  throw new Failure(
    "table-exists",
    `Values of ${found.map(({ name, type }) => `${name} (${type})`).join(", ")} name tables, and would name those that are to be replaced. ` +
      "Drop the tables first, or restore into another database.",
  );
}

interface NewName extends Name {
  readonly kind: string;
}

/**
 * Indexes, sequences and types share one space of names with tables, so objects of other tables can be in the way. Objects
 * that go with the tables that are replaced are not.
 */
export async function checkNames(
  session: Session,
  database: string,
  names: readonly NewName[],
  replaced: readonly Existing[],
): Promise<void> {
  if (names.length === 0) return;
  const values = names.map(
    ({ schema, name, kind }) => `(${escapeLiteral(schema)}, ${escapeLiteral(name)}, ${escapeLiteral(kind)})`,
  );
  const found = await session.rows(
    `WITH wanted (schema, name, kind) AS (SELECT DISTINCT schema::name, name::name, kind FROM (VALUES ${values.join(", ")}) v (schema, name, kind))
     SELECT w.kind, format('%I.%I', w.schema, w.name) AS name, pg_describe_object('pg_class'::regclass, c.oid, 0) AS taken
     FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE w.kind <> 'type' AND NOT EXISTS (
       SELECT FROM pg_depend d LEFT JOIN pg_constraint k ON d.refclassid = 'pg_constraint'::regclass AND k.oid = d.refobjid
       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
       AND coalesce(k.conrelid, CASE d.refclassid WHEN 'pg_class'::regclass THEN d.refobjid END) IN (${oidList(replaced.map(({ oid }) => oid))}))
     UNION ALL
     SELECT w.kind, format('%I.%I', w.schema, w.name), pg_describe_object('pg_type'::regclass, t.oid, 0)
     FROM wanted w JOIN pg_namespace n ON n.nspname = w.schema JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = w.name
     WHERE w.kind = 'table' AND t.typrelid = 0 AND t.typelem = 0`,
    z.object({ kind: z.string(), name: z.string(), taken: z.string() }),
  );
  if (found.length === 0) return;
  const shown = found.slice(0, 20).map(({ kind, name, taken }) => `${kind} ${name} (there is ${taken})`);
  throw new Failure(
    "table-exists",
    `Database "${database}" has other objects by names that the backup needs: ${shown.join(", ")}. Nothing was changed. ` +
      `Rename or drop them, or restore into another schema with ${intoOther()}.`,
  );
}

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
  -- Publications get the new table instead.
  SELECT class, object, relation FROM dependent WHERE class IS DISTINCT FROM to_regclass('pg_catalog.pg_publication_rel')::oid AND relation NOT IN (SELECT oid FROM old) AND NOT EXISTS (
    SELECT FROM part WHERE part.class = dependent.class AND part.object = dependent.object)
  UNION SELECT 'pg_class'::regclass, inhrelid, 0 FROM pg_inherits
  WHERE inhparent IN (SELECT oid FROM old) AND inhrelid NOT IN (SELECT oid FROM old)
)
SELECT DISTINCT CASE class WHEN 'pg_rewrite'::regclass THEN pg_describe_object('pg_class'::regclass, relation, 0)
  ELSE pg_describe_object(class, object, 0) END AS name FROM foreign_object ORDER BY 1`;

const shown = 10;

/** Fails if an object depends on a replaced table and is not replaced with it: it would be lost, or keep the old rows. */
export async function refuseDependents(session: Session, oids: readonly string[]): Promise<void> {
  const found = await session.rows(dependentsQuery(oids), z.object({ name: z.string() }));
  if (found.length === 0) return;
  const names = found.map(({ name }) => name);
  const more = names.length > shown ? ` and ${names.length - shown} more` : "";
  throw new Failure(
    "dependent-object",
    `These depend on tables that are to be replaced, and are not replaced with them: ${names.slice(0, shown).join(", ")}${more}. ` +
      `Drop them and create them again afterwards, restore their tables too, or restore into another schema with ${intoOther()}.`,
  );
}

const Membership = z.object({
  publication: z.string(),
  owned: z.boolean(),
  table: z.string(),
  rest: z.string(),
});

export type Membership = z.infer<typeof Membership>;

/** Row filters and lists of columns came with version 15. */
const restOf = (version: number) =>
  version < 150000
    ? "''"
    : `coalesce((SELECT format(' (%s)', string_agg(quote_ident(attname), ', ' ORDER BY attnum)) FROM pg_attribute
         WHERE attrelid = r.prrelid AND attnum = ANY (r.prattrs::int2[])), '') || coalesce(' WHERE (' || pg_get_expr(r.prqual, r.prrelid) || ')', '')`;

/** The publications that name these tables; the new tables take their place there too. */
export function findMemberships(
  session: Session,
  old: readonly Existing[],
  version: number,
): Promise<Membership[]> {
  return withQualifiedNames(session, () =>
    session.rows(
      `SELECT format('%I', p.pubname) AS publication, pg_has_role(p.pubowner, 'USAGE') AS owned,
              format('%I.%I', n.nspname, c.relname) AS "table", ${restOf(version)} AS rest
       FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON c.oid = r.prrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.prrelid IN (${oidList(old.map(({ oid }) => oid))})`,
      Membership,
    ),
  );
}

/** Fails if the role may not exchange the tables in a publication, or if a copy that swap keeps would be published. */
async function checkPublications(
  session: Session,
  old: readonly Existing[],
  version: number,
  { user, ifExists }: Pick<RestoreRequest, "user" | "ifExists">,
): Promise<void> {
  if (old.length === 0) return;
  if (version < 100000) return;
  const foreign = (await findMemberships(session, old, version)).filter(({ owned }) => !owned);
  if (foreign.length > 0) {
    throw new Failure(
      "privilege-missing",
      `Publication ${foreign.map(({ publication, table }) => `${publication} has ${table}`).join(", ")}, and belongs to a role that "${user}" is not. ` +
        "The new table could not take the place of the old one there. Restore as a superuser, or as the owner of the publication.",
    );
  }
  if (ifExists !== "swap") return;
  const all = await session.rows(
    "SELECT format('%I', pubname) AS name FROM pg_publication WHERE puballtables",
    z.object({ name: z.string() }),
  );
  if (all.length === 0) return;
  throw new Failure(
    "dependent-object",
    `Publication ${all.map(({ name }) => name).join(", ")} publishes all tables, and so the copy that swap would keep. ` +
      `Use ${replaceThem()}, or have the publication name its tables.`,
  );
}
