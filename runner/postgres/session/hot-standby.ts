/** Hot standbys: servers that follow another one, their primary, take no changes of their own, and can be read. */
import * as z from "zod";
import { Failure } from "../../lib/failure";
import { setting } from "../../lib/setting";
import type { Relation } from "../catalog/catalog";
import { oidList } from "./names";
import type { Session } from "./session";

export async function isHotStandby(session: Session): Promise<boolean> {
  const { standby } = await session.row(
    "SELECT pg_is_in_recovery() AS standby",
    z.object({ standby: z.boolean() }),
  );
  return standby;
}

/** A standby has no rows of unlogged tables, and `pg_dump` writes none there without a word. Fails with those that are selected. */
export async function refuseUnlogged(session: Session, tables: readonly Relation[]): Promise<void> {
  if (tables.length === 0) return;
  const found = await session.rows(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE pg_is_in_recovery() AND c.relpersistence = 'u' AND c.relkind = 'r' AND c.oid IN (${oidList(tables.map(({ oid }) => oid))})
     ORDER BY 1`,
    z.object({ name: z.string() }),
  );
  if (found.length === 0) return;
  throw new Failure(
    "not-carried",
    `The server is a hot standby, and has no rows of unlogged tables: ${found.map(({ name }) => name).join(", ")}. Back up its primary; ` +
      `or leave them out with ${setting("--exclude-table", "excludeTables")}, of a whole database their rows with ` +
      `${setting("--exclude-table-data", "excludeTableData")}.`,
  );
}

/**
 * A standby ends what reads rows or holds locks that a change of its primary takes away, if the change has waited long enough.
 * Undefined for other failures. https://www.postgresql.org/docs/current/hot-standby.html#HOT-STANDBY-CONFLICT
 */
export function standbyConflict(error: unknown, container: string): Failure | undefined {
  if (!(error instanceof Failure) || !error.message.includes("due to conflict with recovery"))
    return undefined;
  return new Failure(
    "standby-conflict",
    `The server in container "${container}" is a hot standby, and ended this run because it was in the way of changes of its primary. ` +
      "Set hot_standby_feedback = on there, so that the primary keeps rows as long as they are read, and a max_standby_streaming_delay " +
      "(max_standby_archive_delay where it reads archived WAL) that is longer than a backup takes, so that its locks are waited for; or back " +
      `up the primary. ${error.message}`,
  );
}
