/**
 * A restore that a stack declares runs once in a database, also when the stack was taken down in between and its volume kept: what
 * is there by then is the user's. The database remembers it. Whoever can write that only keeps rows from being overwritten.
 */
import { z } from "zod";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { sqlName } from "../postgres/session/names";
import { SqlError, type Session } from "../postgres/session/session";
import type { RestoreRequest } from "../request";
import { finalPlace, findExisting } from "./members";
import { RestoreRun } from "./begin";

const setting = ({ by }: NonNullable<RestoreRequest["once"]>) => `postgis_backup.restored_${by}`;

/** The tables of the backup that are there, if the restore ran before; none where it may run. */
export async function restoredBefore(run: RestoreRun): Promise<RestoreRun["manifest"]["tables"]> {
  const { request, session, manifest, notes, progress } = run;
  if (request.once === undefined) return [];
  const [found] = await session.rows(
    `SELECT split_part(value, '=', 2) AS what FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS value
     WHERE d.datname = current_database() AND s.setrole = 0 AND split_part(value, '=', 1) = ${escapeLiteral(setting(request.once))}`,
    z.object({ what: z.string() }),
  );
  if (found?.what !== request.once.what) return [];
  const existing = await findExisting(
    session,
    manifest.tables.map((table) => finalPlace(request, table)),
  );
  const places = new Set(existing.map((place) => sqlName(place)));
  const there = manifest.tables.filter((table) => places.has(sqlName(finalPlace(request, table))));
  if (there.length > 0) {
    const note =
      "These tables were restored by the same declaration before, and are left as they are. To restore them again, change its triggers.";
    notes.push(note);
    progress.note(note);
  }
  return there;
}

/** After the tables are in their place. */
export async function rememberRestored({ request, session, notes }: RestoreRun): Promise<void> {
  if (request.once === undefined) return;
  const database = escapeIdentifier(request.database);
  try {
    await session.run(
      `ALTER DATABASE ${database} SET ${setting(request.once)} = ${escapeLiteral(request.once.what)}`,
    );
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    notes.push(
      `The database could not remember that it was restored into, and a stack that is taken down and set up again restores again. ${error.message}`,
    );
  }
}

/** Whether there is nothing to do because every table of the backup is there, which is found out soonest. */
export async function allExist({
  request,
  manifest,
  session,
}: {
  readonly request: RestoreRequest;
  readonly manifest: RestoreRun["manifest"];
  readonly session: Session;
}): Promise<boolean> {
  if (request.ifExists !== "skip" || request.tables !== undefined || request.excludeTables.length > 0)
    return false;
  const places = manifest.tables.map((table) => finalPlace(request, table));
  return (await findExisting(session, places)).length === places.length;
}
