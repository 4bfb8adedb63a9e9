import { z } from "zod";
import { Failure } from "../failure";
import { type Relation, resolveTables } from "./catalog";
import type { Session } from "./session";

export interface Snapshot {
  /** Name that other sessions import: `pg_dump --snapshot`, `SET TRANSACTION SNAPSHOT`. */
  readonly id: string;
  readonly tables: readonly Relation[];
}

/** Seconds that a backup waits for a table that somebody else has locked. */
export const lockTimeoutSeconds = 60;

const attempts = 5;

/**
 * Locks the selected tables against changes of their definition, then takes one snapshot for all of them. The
 * selection is made again under the locks, because a table can be dropped, renamed or given a partition in between.
 */
export async function takeSnapshot(
  session: Session,
  request: { readonly tables: readonly string[]; readonly excludeTables: readonly string[] },
): Promise<Snapshot> {
  await session.run(`SET lock_timeout = '${lockTimeoutSeconds}s'; SET row_security = off`);
  let expected = await resolveTables(session, request);
  for (let attempt = 0; attempt < attempts; attempt++) {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await session.run(
      `LOCK TABLE ONLY ${expected.map(({ sqlName }) => sqlName).join(", ONLY ")} IN ACCESS SHARE MODE`,
    );
    const [row] = await session.rows("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
    const locked = await resolveTables(session, request);
    if (row !== undefined && sameRelations(expected, locked)) return { id: row.id, tables: locked };
    await session.run("ROLLBACK");
    expected = locked;
  }
  throw new Failure(
    "tables-changing",
    "The selected tables kept changing while they were being locked. Try again when no migration runs.",
  );
}

function sameRelations(a: readonly Relation[], b: readonly Relation[]): boolean {
  return (
    a.length === b.length && a.every(({ oid, sqlName }, i) => oid === b[i]?.oid && sqlName === b[i].sqlName)
  );
}
