import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { Failure } from "../../lib/failure";
import { measureSizes, type Relation } from "../catalog/catalog";
import type { Needs } from "../catalog/needs";
import { resolveSelection, type Selection, type SelectionRequest } from "../catalog/select-tables";
import { type Session, SqlError } from "./session";
import { setting } from "../../lib/setting";

export interface Snapshot extends Selection {
  /** Name that other sessions import: `pg_dump --snapshot`, `SET TRANSACTION SNAPSHOT`. */
  readonly id: string;
  /** What the tables need; absent if that was not determined. */
  readonly needs?: Needs;
}

interface SnapshotOptions {
  readonly request: SelectionRequest & { readonly database: string };
  /** Seconds to wait for a table that somebody else has locked. */
  readonly lockTimeout: number;
  /** Opens a second session, which sees who blocks the first. */
  readonly openObserver: () => Session;
  readonly note: (message: string) => void;
}

const attempts = 5;

/** Errors of LOCK TABLE for a table that was dropped, or whose schema was, after it was listed. */
const goneStates = new Set(["42P01", "3F000"]);

/**
 * Locks the selected tables against changes of their definition, then takes one snapshot for all of them. The
 * selection is made again under the locks, because a table can be dropped, renamed or given a partition in between.
 */
export async function takeSnapshot(
  session: Session,
  selected: Selection,
  options: SnapshotOptions,
): Promise<Snapshot> {
  let expected = selected;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      await beginWithLocks(session, expected.tables, options);
      const { id } = await session.row("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
      const locks = new Set(expected.tables.map(({ oid }) => oid));
      const locked = await resolveSelection(session, options.request, (oid) => locks.has(oid));
      if (sameTables(expected.tables, locked.tables)) {
        return { id, ...locked, tables: await measureSizes(session, locked.tables) };
      }
      expected = locked;
      await session.run("ROLLBACK");
    } catch (error) {
      if (!(error instanceof SqlError && goneStates.has(error.sqlState))) throw error;
      await session.run("ROLLBACK");
      expected = await resolveSelection(session, options.request);
    }
  }
  throw new Failure(
    "tables-changing",
    "The selected tables kept changing while they were being locked. Try again when no migration runs.",
  );
}

function sameTables(a: readonly Relation[], b: readonly Relation[]): boolean {
  return (
    a.length === b.length && a.every(({ oid, sqlName }, i) => oid === b[i]?.oid && sqlName === b[i].sqlName)
  );
}

const Blocker = z.object({
  table: z.string().nullable(),
  pid: z.int(),
  user: z.string().nullable(),
  application: z.string(),
  state: z.string().nullable(),
  query: z.string(),
  /** Seconds since its transaction began. */
  age: z.number().nullable(),
  /** Of a standby: the process that applies the changes of the primary, and has the locks of transactions there. */
  replays: z.boolean(),
});

type Blocker = z.infer<typeof Blocker>;

interface LockOptions {
  readonly lockTimeout: number;
  readonly openObserver: () => Session;
  readonly note: (message: string) => void;
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: lock_not_available */
const lockNotAvailable = "55P03";

/** A free lock is granted at once. After this time, a second session looks who holds it. */
const patienceMilliseconds = 1_000;

/**
 * Begins a transaction that has no snapshot yet, and locks tables in it against changes of their definition; others go on
 * reading and writing. Nothing may be read before the lock: an earlier snapshot would show old tables, or empty ones if
 * somebody rewrote them meanwhile.
 */
async function beginWithLocks(
  session: Session,
  tables: readonly Relation[],
  options: LockOptions,
): Promise<void> {
  const names = tables.map(({ sqlName }) => sqlName);
  const lock = names.length === 0 ? "" : `LOCK TABLE ONLY ${names.join(", ONLY ")} IN ACCESS SHARE MODE`;
  await beginAndWait(session, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", lock, options);
}

/** Begins a transaction with a statement that waits for locks, and says who has them. */
export async function beginAndWait(
  session: Session,
  begin: string,
  lock: string,
  { lockTimeout, openObserver, note }: LockOptions,
): Promise<void> {
  const { pid } = await session.row("SELECT pg_backend_pid() AS pid", z.object({ pid: z.int() }));
  await session.run(`SET lock_timeout = '${lockTimeout}s'`);
  await session.run(begin);
  const done = new AbortController();
  const watched = watchBlockers(pid, openObserver, note, done.signal);
  // Handled here and not only below: it may fail while the lock is still being waited for.
  watched.catch(() => undefined);
  try {
    await session.run(lock);
  } catch (error) {
    done.abort();
    if (!(error instanceof SqlError && error.sqlState === lockNotAvailable)) throw error;
    throw lockTimeoutFailure(lockTimeout, await watched.catch(() => []));
  } finally {
    done.abort();
    await watched.catch(() => undefined);
  }
}

/** Looks once a second who blocks a session, until it is told to stop. Returns the last blockers seen. */
async function watchBlockers(
  pid: number,
  openObserver: () => Session,
  note: (message: string) => void,
  signal: AbortSignal,
): Promise<readonly Blocker[]> {
  if (!(await waited(signal))) return [];
  const observer = openObserver();
  let last: readonly Blocker[] = [];
  try {
    do {
      const now = await observer.rows(blockersQuery(pid), Blocker);
      if (last.length === 0 && now.length > 0)
        note(`Waiting for a lock. ${now.map(describeBlocker).join(" ")}`);
      if (now.length > 0) last = now;
    } while (await waited(signal));
    return last;
  } finally {
    await observer.close();
  }
}

/** Returns false if the signal came first. */
function waited(signal: AbortSignal): Promise<boolean> {
  return sleep(patienceMilliseconds, undefined, { signal }).then(
    () => true,
    () => false,
  );
}

const blockersQuery = (pid: number) => `
SELECT (SELECT format('%I.%I', n.nspname, c.relname) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = ${pid} AND NOT l.granted LIMIT 1) AS "table",
       a.pid, a.usename AS user, a.application_name AS application, a.state, left(a.query, 200) AS query,
       extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS age, a.backend_type = 'startup' AS replays
FROM unnest(pg_blocking_pids(${pid})) AS blocker JOIN pg_stat_activity a ON a.pid = blocker ORDER BY a.xact_start`;

function describeBlocker({ table, pid, user, application, state, query, age, replays }: Blocker): string {
  if (replays) return `${table ?? "A table"} is locked by a transaction of the primary.`;
  const who = [user ?? "no user", application].filter((part) => part !== "").join(", ");
  const since = age === null ? "" : ` for ${Math.round(age)} s`;
  return `${table ?? "A table"} is locked by process ${pid} (${who}), ${state ?? "running"}${since}: ${query}`;
}

function lockTimeoutFailure(seconds: number, blockers: readonly Blocker[]): Failure {
  const longer = `wait longer with ${setting("--lock-timeout", "lockTimeout")}`;
  const sessions = blockers.filter(({ replays }) => !replays);
  const remedy = sessions.map(({ pid }) => `"SELECT pg_terminate_backend(${pid})"`).join(", ");
  return new Failure(
    "lock-timeout",
    blockers.length === 0
      ? `A table was locked by somebody else for ${seconds} s. Try again, or ${longer}.`
      : `Gave up after ${seconds} s. ${blockers.map(describeBlocker).join("\n")}\n` +
          `Wait until that transaction ends, ${longer}, or end it${remedy === "" ? " there" : `: ${remedy}`}.`,
  );
}
