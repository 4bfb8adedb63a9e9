/** How far a restore is: the size of its tables by now, of that which they had in their source. */
import { z } from "zod";
import { totalBytes } from "../lib/format";
import { escapeLiteral } from "../postgres/session/escape";
import { sqlName } from "../postgres/session/names";
import { openSession, type Session } from "../postgres/session/session";
import type { RestoreRun } from "./begin";
import type { StagedTable } from "./staging";

/** The session that asks is opened only if the work takes longer than a moment. */
export async function whileLoading(
  { target, progress, signal }: RestoreRun,
  tables: readonly StagedTable[],
  work: () => Promise<void>,
): Promise<void> {
  const names = tables.map(({ stage }) => escapeLiteral(sqlName(stage))).join(", ");
  const query = `SELECT coalesce(sum(pg_table_size(to_regclass(name))), 0)::float8 AS bytes FROM unnest(ARRAY[${names}]::text[]) name`;
  let session: Session | undefined;
  let last = 0;
  const measure = async () => {
    try {
      if (session === undefined) {
        session = openSession(target, signal);
        // A table whose index is being made is locked, and this must not wait for it.
        await session.run("SET lock_timeout = '500ms'");
      }
      last = (await session.row(query, z.object({ bytes: z.number() }))).bytes;
    } catch {
      // The restore needs no size, and a session that is gone is reported by those that it needs.
    }
    return last;
  };
  const stop = progress.follow(
    () => "rows and indexes",
    measure,
    totalBytes(tables.map(({ recorded }) => recorded)),
  );
  try {
    await work();
  } finally {
    stop();
    await session?.close();
  }
}
