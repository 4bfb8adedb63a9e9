/** One run at a time of its kind: a lock in the database, which ends with the session that holds it. */
import { escapeLiteral } from "./escape";
import { z } from "zod";
import type { Failure } from "../../lib/failure";
import type { Progress } from "../../lib/progress";
import { type Session, SqlError } from "./session";

/** Seconds to wait for the lock: the session of a run that was just killed may be about to end. */
const waitSeconds = 5;

interface RunLock {
  readonly lock: string;
  /** Of all sessions of a run. */
  readonly applicationName: string;
}

/** Name of a session without the lock. The run that gets the lock ends all sessions with such a name. */
export const nameWithoutLock = "postgis-backup";

/**
 * Takes the lock for this session. All other sessions of such a run then belong to a killed run, and are ended. Returns their
 * number.
 */
export async function lockRuns(
  session: Session,
  { lock, applicationName }: RunLock,
  inProgress: (since: string) => Failure,
): Promise<number> {
  const key = `hashtextextended(${escapeLiteral(lock)}, 0)`;
  try {
    await session.run(`SET lock_timeout = '${waitSeconds}s'`);
    await session.run(`SELECT pg_advisory_lock(${key})`);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw inProgress(await holderOf(session, key));
  }
  await session.run(`SET application_name = ${escapeLiteral(applicationName)}`);
  const { ended } = await session.row(
    `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
     WHERE application_name = current_setting('application_name') AND datname = current_database()
       AND usename = current_user AND pid <> pg_backend_pid()`,
    z.object({ ended: z.int() }),
  );
  return ended;
}

export function noteEnded(sessions: number, progress: Progress): void {
  if (sessions > 0) progress.note(`Ended ${sessions} database sessions of a run that was killed.`);
}

async function holderOf(session: Session, key: string): Promise<string> {
  const [holder] = await session.rows(
    `SELECT a.pid, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = a.datid
       AND ((l.classid::bigint << 32) | l.objid::bigint) = ${key}`,
    z.object({ pid: z.int(), since: z.string() }),
  );
  return holder === undefined ? "" : ` since ${holder.since} UTC (server process ${holder.pid})`;
}
