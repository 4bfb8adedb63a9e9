/** What tables need and a backup of tables cannot bring: named, before anything is written. */
import { z } from "zod";
import { Failure } from "../../lib/failure";
import type { ObjectId } from "./needs";
import type { Session } from "../session/session";

export function notCarried(what: readonly string[]): Failure {
  return new Failure(
    "not-carried",
    `The tables need what a backup of tables cannot bring back: ${what.join("; ")}. A restore would fail. ` +
      "Leave these tables out, or change what needs it.",
  );
}

/**
 * A child's identity column whose parent has a default for it: pg_dump makes the child first, which then has the parent's
 * default, and cannot give it an identity any more. Each is one sentence.
 */
export async function inheritedDefaults(session: Session, oids: readonly string[]): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT format('column %I of %I.%I is an identity, while the table that it inherits from has a default for it, and no dump can bring that back', a.attname, nspname, relname) AS text
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND NOT relispartition JOIN pg_namespace n ON n.oid = relnamespace
     JOIN pg_inherits ON inhrelid = a.attrelid JOIN pg_attribute p ON p.attrelid = inhparent AND p.attname = a.attname AND p.atthasdef
     WHERE a.attidentity <> '' AND a.attrelid = ANY ('{${oids.join(",")}}'::oid[])`,
    z.object({ text: z.string() }),
  );
  return found.map(({ text }) => text);
}

/** Statements that hold bytes which are no text, in a database without an encoding: what was read has other bytes there. */
export function refuseUnreadable(statements: readonly string[]): void {
  const unreadable = statements.filter((statement) => statement.includes("\uFFFD"));
  if (unreadable.length > 0)
    throw notCarried(unreadable.map((statement) => `"${statement}", which is not valid UTF-8`));
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
