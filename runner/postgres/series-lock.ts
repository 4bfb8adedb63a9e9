/** One run at a time of each backup: a lock in the database, which ends with the session that holds it. */
import { createHash } from "node:crypto";
import path from "node:path";
import { escapeLiteral } from "pg";
import { z } from "zod";
import { Failure } from "../failure";
import { type Session, SqlError } from "./session";

/** Seconds to wait for the lock of a run that was killed just now and whose session is about to end. */
const waitSeconds = 5;

interface Series {
  readonly container: string;
  readonly database: string;
  readonly directory: string;
  readonly name: string;
}

/** Tells this backup from every other; part of names that must be short. Runs with the same key exclude each other. */
export function seriesKey({ container, database, directory, name }: Series): string {
  const identity = JSON.stringify([container, database, path.resolve(directory, name)]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 8);
}

/** Name of all sessions of a run, cut by the server to 63 bytes; sessions without a run are known by it. */
export function applicationName(request: Series): string {
  return `postgis-backup ${seriesKey(request)} ${request.name}`;
}

/**
 * Takes the lock for this session. Whatever else of this backup is still in the server then has lost its run, and is
 * ended; the number of such sessions.
 */
export async function lockSeries(session: Session, request: Series): Promise<number> {
  const key = `hashtextextended(${escapeLiteral(`postgis-backup ${seriesKey(request)}`)}, 0)`;
  try {
    await session.run(`SET lock_timeout = '${waitSeconds}s'`);
    await session.run(`SELECT pg_advisory_lock(${key})`);
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    throw await inProgress(session, request.name, key);
  }
  const name = escapeLiteral(applicationName(request));
  await session.run(`SET application_name = ${name}`);
  const { ended } = await session.row(
    `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
     WHERE application_name = current_setting('application_name') AND datname = current_database()
       AND usename = current_user AND pid <> pg_backend_pid()`,
    z.object({ ended: z.int() }),
  );
  return ended;
}

async function inProgress(session: Session, name: string, key: string): Promise<Failure> {
  const [holder] = await session.rows(
    `SELECT a.pid, to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') AS since
     FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND l.database = a.datid
       AND ((l.classid::bigint << 32) | l.objid::bigint) = ${key}`,
    z.object({ pid: z.int(), since: z.string() }),
  );
  const since = holder === undefined ? "" : ` since ${holder.since} UTC (server process ${holder.pid})`;
  return new Failure(
    "backup-in-progress",
    `Another run of backup "${name}" to the same place is in progress${since}. Wait for it, or use another name.`,
  );
}
