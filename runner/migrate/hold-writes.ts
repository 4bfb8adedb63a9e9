import { setTimeout } from "node:timers/promises";
import * as z from "zod";
import type { ExecTarget } from "../docker/exec";
import { Failure } from "../lib/failure";
import { readCatalog, type Relation } from "../postgres/catalog/catalog";
import { compareObjects, DatabaseObject, readDefinitions } from "../postgres/catalog/database-objects";
import { type Selection, selectTables } from "../postgres/catalog/select-tables";
import { openSession, type Session, SqlError, withQualifiedNames } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { MigrateRequest } from "../request";
import { databaseItems } from "./inventory/database";
import { inWords, type Acceptance, notAccepted, type Item } from "./inventory/items";
import type { Brought } from "./inventory/objects";
import { beginAndWait } from "../postgres/session/snapshot";

/** All tables of the database except the excluded ones, and the oids of those. */
export async function selectAll(
  session: Session,
  { excludeTables }: Pick<MigrateRequest, "excludeTables">,
): Promise<Selection & { readonly excluded: string[] }> {
  const own = (await readCatalog(session)).filter(({ extension }) => extension === null);
  const selection = selectTables(
    own,
    { tables: ["*.*"], excludeTables, missingReferences: "fail" },
    "the database",
  );
  const rest = new Set([...selection.tables, ...selection.skipped].map(({ oid }) => oid));
  return { ...selection, excluded: own.map(({ oid }) => oid).filter((oid) => !rest.has(oid)) };
}

/**
 * Makes writers wait, but not readers, as long as the session lives. However this program ends, the locks go with it, and writers
 * go on. First it waits for transactions that are writing.
 */
export async function holdWrites(
  session: Session,
  tables: readonly Relation[],
  target: ExecTarget,
  { lockTimeout, all }: Pick<MigrateRequest, "lockTimeout" | "all">,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  await session.run("SET idle_in_transaction_session_timeout = 0");
  const others = all ? await otherRows(session) : [];
  const names = [...tables.map(({ sqlName }) => sqlName), ...others].join(", ONLY ");
  await beginAndWait(session, "BEGIN", `LOCK TABLE ONLY ${names} IN EXCLUSIVE MODE`, {
    lockTimeout,
    openObserver: () => openSession(target, signal),
    note: (message) => {
      progress.note(message);
    },
  });
}

/**
 * What else users write to: tables of extensions that keep rows of theirs, and the list of large objects. Their content cannot be
 * locked, because whoever reads it takes the same lock as who writes.
 */
async function otherRows(session: Session): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE c.oid = 'pg_largeobject_metadata'::regclass
       OR relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_extension WHERE c.oid = ANY (extconfig))`,
    z.object({ name: z.string() }),
  );
  return found.map(({ name }) => name);
}

/** How often other sessions are ended before the migration fails because somebody keeps coming back. */
const attempts = 10;

const attemptMilliseconds = 500;

/**
 * Ends all other sessions and lets nobody connect: transactions that are not committed are rolled back, and no client is told of a
 * commit from now on. New connections wait for the list of databases, which is locked, until the server has stopped. This lock
 * goes with the session too.
 */
export async function endSessions(session: Session): Promise<void> {
  await session.run(`SET LOCAL lock_timeout = '${attemptMilliseconds}ms'`);
  let locked = false;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const left = await terminateOthers(session);
    if (locked && left === 0) return;
    if (locked) await setTimeout(attemptMilliseconds);
    else locked = await lockDatabases(session);
  }
  throw new Failure(
    "lock-timeout",
    "Sessions of the old server cannot be ended: others keep the list of databases locked, or do not end. Try again when they have gone.",
  );
}

async function lockDatabases(session: Session): Promise<boolean> {
  await session.run("SAVEPOINT before_lock");
  try {
    await session.run("LOCK TABLE pg_catalog.pg_database IN ACCESS EXCLUSIVE MODE");
    return true;
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    // A failed statement would end the transaction, and the locks on the tables with it.
    await session.run("ROLLBACK TO SAVEPOINT before_lock");
    return false;
  }
}

/** Ends every other process that is in a database; returns how many there were. */
async function terminateOthers(session: Session): Promise<number> {
  // Within a transaction the server would repeat its first answer.
  await session.run("SELECT pg_stat_clear_snapshot()");
  const { ended } = await session.row(
    `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
     WHERE datid IS NOT NULL AND pid <> pg_backend_pid()`,
    z.object({ ended: z.int() }),
  );
  return ended;
}

/** What the old server had when both were compared. */
export interface Known {
  /** The tables that are locked. */
  readonly tables: readonly Relation[];
  readonly brought: Brought;
  readonly items: readonly Item[];
  /** Where the whole database is moved, what it is made of. */
  readonly definitions: readonly DatabaseObject[];
}

/** A piece that is written has another place, or is of another transaction. */
const largeObjectsQuery = `
SELECT 'content of' AS kind, 'large objects' AS name,
  coalesce(sum(hashtextextended(format('%s %s %s %s', loid, pageno, ctid, xmin), 0)), 0)::text AS definition FROM pg_largeobject`;

/** The definitions of all objects, where they are moved, and what tells whether large objects were written. */
export async function definitionsOf(
  session: Session,
  { all }: Pick<MigrateRequest, "all">,
): Promise<readonly DatabaseObject[]> {
  if (!all) return [];
  return withQualifiedNames(session, async () => [
    ...(await readDefinitions(session)),
    await session.row(largeObjectsQuery, DatabaseObject),
  ]);
}

/** Fails if tables, views, functions and the like have changed since both servers were compared. */
export async function checkUnchanged(
  session: Session,
  { tables, brought, items, definitions }: Known,
  request: MigrateRequest & Acceptance,
): Promise<void> {
  const now = await selectAll(session, request);
  const expected = new Map(tables.map(({ oid, sqlName }) => [oid, sqlName]));
  const others = now.tables
    .filter(({ oid, sqlName }) => expected.get(oid) !== sqlName)
    .map(({ sqlName }) => `table ${sqlName}`);
  const before = new Map(items.map(({ key, detail }) => [key, detail]));
  const changed = (await databaseItems(session, brought)).filter(
    ({ key, detail }) => !before.has(key) || before.get(key) !== detail,
  );
  const { missing, changed: different } = compareObjects(definitions, await definitionsOf(session, request), {
    sameVersion: true,
  });
  const names = new Set([...others, ...notAccepted(changed, request).map(inWords), ...missing, ...different]);
  if (names.size === 0 && now.tables.length === tables.length) return;
  throw new Failure(
    "tables-changing",
    `Database "${request.database}" was changed while its tables were migrated${names.size > 0 ? `: ${[...names].slice(0, 10).join(", ")}` : ""}. ` +
      "Try again when nobody changes it.",
  );
}
