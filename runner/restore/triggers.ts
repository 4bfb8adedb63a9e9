/**
 * The order in which existing tables are filled, and what is turned off meanwhile. A trigger that fired on the rows of a backup would
 * change or drop some, so triggers are off until the transaction has filled the tables, as with `pg_restore --disable-triggers`.
 * Foreign keys are checked all the same; those of tables that refer to each other in a circle, at the end.
 */
import type { Session } from "../postgres/session/session";

import { z } from "zod";
import { FilledTable } from "./fill";
import { Failure } from "../lib/failure";
import { escapeIdentifier } from "../postgres/session/escape";
import { sqlName, oidList } from "../postgres/session/names";

/** Tables that can be filled at once; those of a circle refer to each other. */
interface Level {
  readonly tables: readonly FilledTable[];
  readonly circle: boolean;
}

/** First the tables without foreign keys to the others, then those with foreign keys to these only, and so on. */
export async function parentsFirst(session: Session, tables: readonly FilledTable[]): Promise<Level[]> {
  const keys = await session.rows(
    `SELECT conrelid::text AS child, confrelid::text AS parent FROM pg_constraint
     WHERE contype = 'f' AND conrelid <> confrelid AND conrelid IN (${oidList(tables.map(({ oid }) => oid))})`,
    z.object({ child: z.string(), parent: z.string() }),
  );
  const levels: Level[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ oid }) => oid));
    const ready = left.filter(({ oid }) => !keys.some((key) => key.child === oid && waiting.has(key.parent)));
    const circle = ready.length === 0;
    const next = circle ? left : ready;
    levels.push({ tables: next, circle });
    left = left.filter((table) => !next.includes(table));
  }
  return levels;
}

const Trigger = z.object({ table: z.string(), name: z.string(), enabled: z.string(), owned: z.boolean() });

type Trigger = z.infer<typeof Trigger>;

/** The words of ALTER TABLE. */
const states: Record<string, string> = { O: "ENABLE", R: "ENABLE REPLICA", A: "ENABLE ALWAYS" };

/** Triggers that are on, except those by which the server checks foreign keys. */
function findTriggers(session: Session, tables: readonly FilledTable[]): Promise<Trigger[]> {
  return session.rows(
    `SELECT format('%I.%I', n.nspname, c.relname) AS "table", t.tgname AS name, t.tgenabled::text AS enabled, pg_has_role(c.relowner, 'USAGE') AS owned
     FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_constraint k ON k.oid = t.tgconstraint
     WHERE t.tgrelid IN (${oidList(tables.map(({ oid }) => oid))}) AND t.tgenabled <> 'D' AND coalesce(k.contype, 't') = 't'
       AND t.tgtype & 4 > 0 AND (NOT t.tgisinternal OR coalesce(to_jsonb(t)->>'tgparentid', '0') <> '0')`,
    Trigger,
  );
}

/** Fails if the role may not turn off a trigger that would fire. */
export async function checkTriggers(session: Session, tables: readonly FilledTable[]): Promise<void> {
  const foreign = (await findTriggers(session, tables)).filter(({ owned }) => !owned);
  if (foreign.length === 0) return;
  const names = foreign.map(({ table, name }) => `${name} of ${table}`).join(", ");
  throw new Failure(
    "privilege-missing",
    `Triggers would fire and could change the rows: ${names}. Only a superuser or the owner of the table may turn them off for the restore. Restore as one, or disable them.`,
  );
}

/** Turns triggers off; `turnOn` gives each its state back. */
export async function turnOffTriggers(
  session: Session,
  tables: readonly FilledTable[],
): Promise<{ readonly names: string[]; readonly turnOn: () => Promise<void> }> {
  const triggers = await findTriggers(session, tables);
  const set = (state: string, { table, name }: Trigger) =>
    session.run(`ALTER TABLE ONLY ${table} ${state} TRIGGER ${escapeIdentifier(name)}`);
  for (const trigger of triggers) await set("DISABLE", trigger);
  return {
    names: triggers.map(({ table, name }) => `${name} of ${table}`),
    turnOn: async () => {
      for (const trigger of triggers) await set(states[trigger.enabled] ?? "ENABLE", trigger);
    },
  };
}

const Key = z.object({ child: z.string(), parent: z.string(), name: z.string(), deferred: z.boolean() });

/**
 * Defers the foreign keys among tables that refer to each other in a circle until all their rows are there. The returned
 * function checks them and gives them their properties back.
 */
export async function deferCircle(
  session: Session,
  tables: readonly FilledTable[],
): Promise<() => Promise<void>> {
  const oids = oidList(tables.map(({ oid }) => oid));
  const keys = await session.rows(
    `SELECT conrelid::text AS child, confrelid::text AS parent, conname AS name, condeferrable AS deferred FROM pg_constraint k
     WHERE contype = 'f' AND conrelid <> confrelid AND conrelid IN (${oids}) AND confrelid IN (${oids})
       AND coalesce(to_jsonb(k)->>'conparentid', '0') = '0'`,
    Key,
  );
  const nameOf = new Map(tables.map(({ oid, place }) => [oid, sqlName(place)]));
  const alter = (child: string, name: string, how: string) =>
    session.run(`ALTER TABLE ${nameOf.get(child) ?? ""} ALTER CONSTRAINT ${escapeIdentifier(name)} ${how}`);
  const strict = keys.filter(({ deferred }) => !deferred);
  for (const { child, name } of strict) await alter(child, name, "DEFERRABLE");
  await session.run("SET CONSTRAINTS ALL DEFERRED");
  return async () => {
    await session.run("SET CONSTRAINTS ALL IMMEDIATE");
    for (const { child, name } of strict) await alter(child, name, "NOT DEFERRABLE");
  };
}
