/**
 * Whether there is nothing to restore. A restore that a stack declares runs once in a database, even if the stack was destroyed
 * in between and its volume kept: by then the tables are the user's. A setting of the database remembers it. Somebody who forges
 * the setting only keeps rows from being overwritten.
 */
import type { Manifest } from "../repository/manifest";
import { z } from "zod";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { sqlName } from "../postgres/session/names";
import { SqlError, type Session } from "../postgres/session/session";
import type { RestoreRequest } from "../request";
import { finalPlace, findExisting } from "./members";
import { RestoreRun } from "./begin";

const setting = ({ by }: NonNullable<RestoreRequest["once"]>) => `postgis_backup.restored_${by}`;

/** The tables of the backup that exist, if the same declaration restored them before; none if the restore may run. */
export async function restoredBefore(run: RestoreRun): Promise<Manifest["tables"]> {
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

/** Call it once the tables are published. */
export async function rememberRestored(
  session: Session,
  request: RestoreRequest,
  notes: string[],
): Promise<void> {
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

/** Whether every table of the backup exists and is to be left as it is. */
export async function allExist(
  session: Session,
  request: RestoreRequest,
  manifest: Manifest,
): Promise<boolean> {
  if (request.ifExists !== "skip" || request.tables !== undefined || request.excludeTables.length > 0)
    return false;
  const places = manifest.tables.map((table) => finalPlace(request, table));
  return (await findExisting(session, places)).length === places.length;
}
