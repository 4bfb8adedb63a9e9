/**
 * What a restore makes on its way: how it is named, and how it is removed after the restore, after a failure, and after a run
 * that was killed.
 */
import { inSession, type Session } from "../postgres/session/session";
import type { RestoreRun } from "./begin";
import { dropRecorded } from "./record";
import { escapeLiteral, escapeIdentifier } from "../postgres/session/escape";
import { z } from "zod";
import { Failure } from "../lib/failure";
import { linkFolder, removeLinks } from "./linked-rows";
import { lockRuns } from "../postgres/session/connect";
import { stagePrefix, recordPrefix } from "../postgres/catalog/half-restored";
import { createHash } from "node:crypto";
import { together } from "../lib/concurrency";

/** The clean-up takes at most this long, so that the process ends. */
const cleanUpMilliseconds = 10_000;

export async function dropWork(session: Session, names: RestoreNames): Promise<void> {
  await dropScratch(session, names);
  await dropRecorded(session, names);
}

/** Another role may have created a database with this name; that one is not dropped. */
async function dropScratch(session: Session, { scratch }: RestoreNames): Promise<void> {
  const [found] = await session.rows(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_get_userbyid(datdba) = current_user AS own FROM pg_database WHERE datname = ${escapeLiteral(scratch)}`,
    z.object({ owner: z.string(), own: z.boolean() }),
  );
  if (found === undefined) return;
  if (found.own) {
    // Versions before 13 have no DROP DATABASE WITH (FORCE).
    await session.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${escapeLiteral(scratch)}`,
    );
    await session.run(`DROP DATABASE IF EXISTS ${escapeIdentifier(scratch)}`);
    return;
  }
  throw new Failure(
    "privilege-missing",
    `The restore needs a database of its own named ${scratch}, and role "${found.owner}" has one of this name. Drop it.`,
  );
}

/** Removes what the restore made on its way, and closes its session. */
export async function cleanUp(run: RestoreRun, succeeded: boolean): Promise<void> {
  await together(AbortSignal.timeout(cleanUpMilliseconds), [
    () => removeLinks(linkFolder(run)),
    async (timeout) => {
      try {
        if (succeeded) await dropWork(run.session, run.names);
      } finally {
        await run.session.close();
      }
      if (!succeeded) await dropAfterFailure(run, timeout);
    },
  ]);
}

/**
 * Uses a session of its own, because the restore's session may be gone. If another restore has the lock by now, it has already
 * cleaned up; whatever cannot be removed now, the next restore removes.
 */
function dropAfterFailure(
  { target, names, request }: Pick<RestoreRun, "request" | "target" | "names">,
  timeout: AbortSignal,
): Promise<void> {
  return inSession(target, timeout, async (session) => {
    await lockRuns(session, names, restoreInProgress(request.database));
    await session.run("SET client_min_messages = error");
    await dropWork(session, names);
  });
}

export interface RestoreNames {
  /** Database in which the tables are renamed. */
  readonly scratch: string;
  /** Schema that lists what the restore has made, until it is done. */
  readonly record: string;
  /** Schemas into which tables are loaded if they replace others; a number follows. */
  readonly stagePrefix: string;
  readonly lock: string;
  readonly applicationName: string;
}

/** The key tells the databases of one server apart: they share the names of databases and roles. */
export function restoreNames(database: string): RestoreNames {
  const key = createHash("sha256").update(database).digest("hex").slice(0, 8);
  return {
    scratch: `postgis_backup_scratch_${key}`,
    record: `${recordPrefix}${key}`,
    stagePrefix: `${stagePrefix}${key}_`,
    lock: "postgis-backup restore",
    applicationName: `postgis-backup restore ${key}`,
  };
}

export function restoreInProgress(database: string): (since: string) => Failure {
  return (since) =>
    new Failure(
      "restore-in-progress",
      `Another restore into database "${database}" is in progress${since}. Wait for it.`,
    );
}
