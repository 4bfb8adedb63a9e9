/** Checks whether the tables can go to their places. */
import type { RestoreRequest } from "../request";
import { escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { Attempts, Failure } from "../lib/failure";
import type { Session } from "../postgres/session/session";
import { type Existing, findExisting } from "./members";
import { type Name, oidList, literalList } from "../postgres/session/names";
import type { DanglingReference } from "../postgres/catalog/select-tables";
import type { RestoreRun } from "./begin";
import { refuseDependents, checkPublications } from "./replaced";

interface Planned {
  readonly places: readonly Name[];
  /** The schemas that they end up in. */
  readonly finals: readonly string[];
  /** Foreign keys to tables that are not restored. */
  readonly references: readonly DanglingReference[];
}

/** False if all tables exist and are left as they are. Collects what is in the way. */
export async function checkPlaces(
  run: RestoreRun,
  { places, finals, references }: Planned,
  attempts: Attempts,
): Promise<boolean> {
  const { session, request } = run;
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
  if (replaces)
    await attempts.run(() => checkPublications(session, existing, run.serverInfo.number, request));
  await attempts.run(() => checkSchemas(session, finals));
  await attempts.run(() => checkReferences(session, references));
  return true;
}

const nameList = (existing: readonly Existing[]) => {
  const names = existing.slice(0, 20).map(({ sqlName }) => sqlName);
  return names.join(", ") + (existing.length > 20 ? ` and ${existing.length - 20} more` : "");
};

function tablesExist(request: RestoreRequest, existing: readonly Existing[], wanted: number): Failure {
  const some = request.ifExists === "skip" ? `, but not all of the ${wanted} tables` : "";
  return new Failure(
    "table-exists",
    `Database "${request.database}" has ${nameList(existing)} already${some}. Nothing was changed. Replace them with --if-exists replace, ` +
      "keep them in another schema with --if-exists swap, or restore beside them with --schema FROM=TO.",
  );
}

function notTables(others: readonly Existing[]): Failure {
  return new Failure(
    "table-exists",
    `${nameList(others)} is in the way, and is not a table. Rename or drop it, or restore into another schema with --schema FROM=TO.`,
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
      "Rename or drop them, or restore into another schema with --schema FROM=TO.",
  );
}
