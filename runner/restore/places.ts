/** Whether the tables can go to their places. */
import { escapeLiteral } from "../postgres/escape";
import { z } from "zod";
import { Attempts, Failure } from "../failure";
import type { Session } from "../postgres/session";
import { refuseDependents } from "./dependents";
import { type Existing, findExisting } from "./members";
import type { RestoreRun } from "./run";
import type { Staging } from "./staging";

/** False where all tables exist and are to be left alone; fails where the request does not allow what is there. */
export async function checkPlaces(run: RestoreRun, staging: Staging, attempts: Attempts): Promise<boolean> {
  const { session, request } = run;
  const places = staging.tables.map(({ place }) => place);
  const existing = await findExisting(session, places);
  const replaces = request.ifExists === "replace" || request.ifExists === "swap";
  if (request.ifExists === "skip" && existing.length === places.length) return false;
  const others = existing.filter(({ kind }) => kind !== "r" && kind !== "p");
  if (existing.length > 0 && !replaces) attempts.add(tablesExist(run, existing, places.length));
  else if (others.length > 0) attempts.add(notTables(others));
  if (replaces) {
    attempts.runSync(() => {
      refuseForeign(run, existing);
    });
    await attempts.run(() =>
      refuseDependents(
        session,
        existing.map(({ oid }) => oid),
      ),
    );
  }
  await attempts.run(() => checkSchemas(session, staging));
  await attempts.run(() => checkReferences(session, staging));
  return true;
}

const nameList = (existing: readonly Existing[]) => {
  const names = existing.slice(0, 20).map(({ sqlName }) => sqlName);
  return names.join(", ") + (existing.length > 20 ? ` and ${existing.length - 20} more` : "");
};

function tablesExist({ request }: RestoreRun, existing: readonly Existing[], wanted: number): Failure {
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

function refuseForeign({ request }: RestoreRun, existing: readonly Existing[]): void {
  const foreign = existing.filter(({ owned }) => !owned);
  if (foreign.length === 0) return;
  throw new Failure(
    "privilege-missing",
    `Role "${request.user}" may not take away ${nameList(foreign)}, which others own. Restore as a superuser or as their owner.`,
  );
}

async function checkSchemas(session: Session, { finalOf }: Staging): Promise<void> {
  const names = [...finalOf.values()].map((name) => escapeLiteral(name)).join(", ");
  const refused = await session.rows(
    `SELECT format('%I', nspname) AS name, format('GRANT CREATE ON SCHEMA %I TO %I', nspname, current_user) AS remedy
     FROM pg_namespace WHERE nspname IN (${names}) AND NOT has_schema_privilege(oid, 'CREATE')`,
    z.object({ name: z.string(), remedy: z.string() }),
  );
  if (refused.length === 0) return;
  throw new Failure(
    "privilege-missing",
    `The role may not create tables in schema ${refused.map(({ name }) => name).join(", ")}. Give it: "${refused.map(({ remedy }) => remedy).join("; ")}".`,
  );
}

/** Foreign keys to tables that are not restored need those in the target. */
async function checkReferences(session: Session, { selection }: Staging): Promise<void> {
  const attempts = new Attempts();
  for (const { from, constraint, sqlName } of selection.acceptedReferences) {
    const { there } = await session.row(
      `SELECT to_regclass(${escapeLiteral(sqlName)}) IS NOT NULL AS there`,
      z.object({ there: z.boolean() }),
    );
    if (there) continue;
    attempts.add(
      new Failure(
        "reference-outside-selection",
        `${from} refers to ${sqlName} by the foreign key "${constraint ?? ""}"; it is neither restored nor in the target. Restore it too.`,
      ),
    );
  }
  attempts.end();
}
