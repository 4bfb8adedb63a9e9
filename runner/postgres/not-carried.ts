/** What tables need and a backup of tables cannot bring: named, before anything is written. */
import { z } from "zod";
import { Failure } from "../failure";
import type { ObjectId } from "./needs";
import type { Session } from "./session";

export function notCarried(what: readonly string[]): Failure {
  return new Failure(
    "not-carried",
    `The tables need what a backup of tables cannot bring back: ${what.join("; ")}. A restore would fail. ` +
      "Leave these tables out, or change what needs it.",
  );
}

export function plainImpossible(what: readonly string[]): Failure {
  return new Failure(
    "not-carried",
    `A plain archive cannot bring back ${what.join(", ")}: they refer to tables of the backup, and have to be created between its ` +
      'tables and its rows. Take the format "directory" or "custom".',
  );
}

/** As the server describes them. */
export async function describeObjects(session: Session, objects: readonly ObjectId[]): Promise<string[]> {
  const list = objects.map((id) => `(${id.replace(" ", ", ")})`).join(", ");
  const rows = await session.rows(
    `SELECT pg_describe_object(class::oid, object::oid, 0) AS name FROM (VALUES ${list}) AS o (class, object)`,
    z.object({ name: z.string() }),
  );
  return rows.map(({ name }) => name);
}
