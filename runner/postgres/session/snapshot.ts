import { z } from "zod";
import { Failure } from "../../lib/failure";
import { measureSizes, type Relation } from "../catalog/catalog";
import { beginWithLocks } from "./locks";
import type { Needs } from "../catalog/needs";
import { resolveSelection } from "../catalog/resolve-selection";
import type { Selection, SelectionRequest } from "../catalog/select-tables";
import { type Session, SqlError } from "./session";

export interface Snapshot extends Selection {
  /** Name that other sessions import: `pg_dump --snapshot`, `SET TRANSACTION SNAPSHOT`. */
  readonly id: string;
  /** What the tables need, where that was looked at. */
  readonly needs?: Needs;
}

interface SnapshotOptions {
  readonly request: SelectionRequest;
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
