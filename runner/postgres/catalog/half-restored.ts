/** Recognises what a running or killed restore has in a database, so that it is not taken for the user's tables. */
import * as z from "zod";
import { Failure } from "../../lib/failure";
import type { Relation } from "./catalog";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";

/** Prefix of the schema in which a restore records what it makes; a hash of the database's name follows. */
export const recordPrefix = "postgis_backup_restore_";

/** Prefix of the schemas in which a restore loads tables that will replace others. */
export const stagePrefix = "postgis_backup_stage_";

const recordSchema = `${recordPrefix}[0-9a-f]{8}`;
const ownSchema = new RegExp(`^(?:${recordSchema}|${stagePrefix}[0-9a-f]{8}_\\d+)$`);

/** Whether a relation is in a schema of a restore, which the restore removes at its end. */
export function isOfRestore({ schema }: Pick<Relation, "schema">): boolean {
  return ownSchema.test(schema);
}

const named = 10;

/** Fails if an unfinished restore is making one of the tables under its final name. */
export async function refuseHalfRestored(session: Session, tables: readonly Relation[]): Promise<void> {
  const records = await session.rows(
    `SELECT nspname AS name, has_schema_privilege(oid, 'USAGE')
       AND coalesce(has_table_privilege(to_regclass(format('%I.made', nspname)), 'SELECT'), true) AS readable
     FROM pg_namespace WHERE nspname ~ ${escapeLiteral(`^${recordSchema}$`)}`,
    z.object({ name: z.string(), readable: z.boolean() }),
  );
  for (const { name, readable } of records) {
    const made = readable ? await tablesMade(session, name) : undefined;
    const half = tables.filter(({ oid }) => made?.has(oid) ?? true).map(({ sqlName }) => sqlName);
    if (half.length === 0) continue;
    const more = half.length > named ? ` and ${half.length - named} more` : "";
    throw new Failure(
      "restore-in-progress",
      `An unfinished restore ${readable ? "makes" : "may make"} ${half.slice(0, named).join(", ")}${more}: rows may be missing. ` +
        "Wait until it ends. If it was killed, run it again; that removes what the first run made.",
    );
  }
}

async function tablesMade(session: Session, record: string): Promise<ReadonlySet<string>> {
  const found = await session.rows(
    `SELECT object::text AS oid FROM ${escapeIdentifier(record)}.made WHERE class = 'pg_class'::regclass`,
    z.object({ oid: z.string() }),
  );
  return new Set(found.map(({ oid }) => oid));
}
