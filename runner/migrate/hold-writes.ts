import { escapeIdentifier } from "../postgres/escape";
import { z } from "zod";
import type { ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import { readCatalog, type Relation } from "../postgres/catalog";
import { beginAndWait } from "../postgres/locks";
import { kindName, type Selection, selectTables } from "../postgres/select-tables";
import { openSession, type Session } from "../postgres/session";
import type { Progress } from "../progress";
import type { MigrateRequest } from "../request";

/** Everything in the database that somebody could miss, less what is to stay behind. */
export async function selectAll(
  session: Session,
  { excludeTables }: Pick<MigrateRequest, "excludeTables">,
): Promise<Selection> {
  const own = (await readCatalog(session)).filter(({ extension }) => extension === null);
  return selectTables(own, { tables: ["*.*"], excludeTables, references: "fail" });
}

/**
 * Makes writers wait and lets readers read, for as long as the session lives: however this program ends, the locks go with it,
 * and writing goes on. Transactions that are writing are waited for first.
 */
export async function holdWrites(
  session: Session,
  tables: readonly Relation[],
  target: ExecTarget,
  { lockTimeout }: Pick<MigrateRequest, "lockTimeout">,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  await session.run("SET idle_in_transaction_session_timeout = 0");
  const names = tables.map(({ sqlName }) => sqlName).join(", ONLY ");
  await beginAndWait(session, "BEGIN", `LOCK TABLE ONLY ${names} IN EXCLUSIVE MODE`, {
    lockTimeout,
    openObserver: () => openSession(target, signal),
    note: (message) => {
      progress.note(message);
    },
  });
}

/**
 * Sessions that begin from now on can only read. For the moment in which the server stops: locks of a session that is ended
 * before the server is would be gone, and nothing locks tables that do not exist yet.
 */
export function refuseWrites(session: Session, database: string): Promise<void> {
  return session.run(`ALTER DATABASE ${escapeIdentifier(database)} SET default_transaction_read_only = on`);
}

export async function allowWrites(session: Session, database: string): Promise<void> {
  await session.run("SET default_transaction_read_only = off");
  await session.run(`ALTER DATABASE ${escapeIdentifier(database)} RESET default_transaction_read_only`);
  await endSessions(session);
}

/** Ends all sessions of others: what they have not committed never happened. */
export async function endSessions(session: Session): Promise<void> {
  await session.row(
    `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
    z.object({ ended: z.int() }),
  );
}

/** Fails if there are other tables now, or views and the like, than those whose writers wait. */
export async function checkUnchanged(
  session: Session,
  tables: readonly Relation[],
  request: MigrateRequest,
): Promise<void> {
  const now = await selectAll(session, request);
  const expected = new Map(tables.map(({ oid, sqlName }) => [oid, sqlName]));
  const others = [...now.tables, ...now.skipped].filter(({ oid, sqlName }) => expected.get(oid) !== sqlName);
  if (others.length === 0 && now.tables.length === tables.length) return;
  const names = others.map((relation) => `${kindName(relation)} ${relation.sqlName}`).join(", ");
  throw new Failure(
    "tables-changing",
    `The tables of database "${request.database}" were changed while they were migrated${names && `: ${names}`}. ` +
      "Try again when nobody changes them.",
  );
}
