/** What clients of the old server would miss on the new one. */
import { z } from "zod";
import { Failure, Failures } from "../failure";
import { kindName, type Selection } from "../postgres/select-tables";
import type { Session } from "../postgres/session";
import type { MigrateRequest } from "../request";

const Name = z.object({ name: z.string() });

const roles = "SELECT rolname AS name FROM pg_roles WHERE rolcanlogin";
const databases = "SELECT datname AS name FROM pg_database WHERE datallowconn AND NOT datistemplate";

/** Fails with all of it: views and other databases, which a migration does not bring, and roles that could not log in any more. */
export async function checkLeftBehind(
  old: Session,
  fresh: Session,
  { skipped }: Selection,
  request: MigrateRequest,
): Promise<void> {
  const views = skipped.map((relation) => `${kindName(relation)} ${relation.sqlName}`);
  const expected = new Set([request.database, "postgres", ...request.excludeDatabases]);
  const others = (await old.rows(databases, Name)).filter(({ name }) => !expected.has(name));
  const known = new Set((await fresh.rows(roles, Name)).map(({ name }) => name));
  const missing = (await old.rows(roles, Name)).filter(({ name }) => !known.has(name));
  const list = (found: readonly { readonly name: string }[]) => found.map(({ name }) => name).join(", ");
  Failures.throwIfAny([
    ...when(
      views.length > 0,
      "left-behind",
      () =>
        `A migration brings tables only, not these: ${views.join(", ")}. Exclude them with --exclude-table, and create them on the new ` +
        "server once their tables are there.",
    ),
    ...when(
      others.length > 0,
      "left-behind",
      () =>
        `The old server has other databases: ${list(others)}. Exclude them with --exclude-database, if nobody needs them on the new one.`,
    ),
    ...when(
      missing.length > 0,
      "requirement-missing",
      () =>
        `These roles can log in to container "${request.container}" and not to "${request.toContainer}": ${list(missing)}. ` +
        "Create them there, with their passwords.",
    ),
  ]);
}

function when(wrong: boolean, code: Failure["code"], message: () => string): Failure[] {
  return wrong ? [new Failure(code, message())] : [];
}
