/** Puts the finished tables in their place, in one transaction, and ends the record of what the restore made. */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { Failure } from "../lib/failure";
import { sqlName } from "../postgres/session/names";
import { openSession, type Session, SqlError } from "../postgres/session/session";
import { refuseDependents } from "./dependents";
import { rebuildLookups } from "./lookup-indexes";
import { asTable, type Existing, findExisting, moveMembers, statisticsOf } from "./members";
import { schemaBefore } from "./names";
import { exchange, findLost, findMemberships } from "./publications";
import { forgetRecord } from "./record";
import type { RestoreRun } from "./run";
import type { Staging } from "./staging";
import { backupId } from "../repository/backup-id";
import { beginAndWait } from "../postgres/session/snapshot";

/** Schemas that now hold the tables that were there before. */
export async function publish(run: RestoreRun, staging: Staging): Promise<string[]> {
  const { session } = run;
  try {
    return await move(run, staging);
  } catch (error) {
    if (!run.signal.aborted) await session.run("ROLLBACK").catch(() => undefined);
    throw inWords(error);
  }
}

async function move(run: RestoreRun, staging: Staging): Promise<string[]> {
  const { request, session, target, signal, progress } = run;
  const places = staging.direct ? [] : staging.tables.map(({ place }) => place);
  const old =
    request.ifExists === "replace" || request.ifExists === "swap" ? await findExisting(session, places) : [];
  const locks = old.map(({ sqlName }) => sqlName).join(", ");
  await beginAndWait(
    session,
    "BEGIN",
    locks === "" ? "SELECT 1" : `LOCK TABLE ${locks} IN ACCESS EXCLUSIVE MODE`,
    {
      lockTimeout: request.lockTimeout,
      openObserver: () => openSession(target, signal),
      note: (message) => {
        progress.note(message);
      },
    },
  );
  const oids = old.map(({ oid }) => oid);
  // Somebody may have made a view since the restore began.
  await refuseDependents(session, oids);
  const version = run.facts.number;
  const memberships =
    old.length === 0 || version < 100000 ? [] : await findMemberships(session, old, version);
  const lost = version < 100000 ? [] : await findLost(session, pairsOf(staging, old));
  const time = backupId(new Date());
  const swapped = request.ifExists === "swap" ? await setAside(session, old, time) : [];
  if (request.ifExists === "replace" && locks !== "") await session.run(`DROP TABLE ${locks}`);
  for (const schema of staging.finalOf.values())
    await session.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
  await moveMembers(session, staging.members, (schema) => staging.finalOf.get(schema) ?? schema);
  if (!staging.direct) await rebuildLookups(run, staging);
  const aside = new Map(
    old.map((table) => [table.sqlName, sqlName({ ...table, schema: schemaBefore(table.schema, time) })]),
  );
  await exchange(session, memberships, (table) =>
    request.ifExists === "swap" ? aside.get(table) : undefined,
  );
  if (request.content === "all") await advanceSequences(session, staging);
  // Not CASCADE: nothing may be left in them.
  if (!staging.direct)
    for (const schema of staging.finalOf.keys()) await session.run(`DROP SCHEMA ${escapeIdentifier(schema)}`);
  await forgetRecord(session, run.names);
  signal.throwIfAborted();
  await session.run("COMMIT");
  run.notes.push(...lost);
  return swapped;
}

function pairsOf({ tables }: Staging, old: readonly Existing[]) {
  const stages = new Map(tables.map(({ place, stage }) => [sqlName(place), sqlName(stage)]));
  return old.flatMap((table) => {
    const replacement = stages.get(sqlName(table));
    return replacement === undefined ? [] : [{ old: table, replacement }];
  });
}

async function setAside(session: Session, old: readonly Existing[], time: string): Promise<string[]> {
  const schemas = [...new Set(old.map(({ schema }) => schema))];
  for (const schema of schemas)
    await session.run(`CREATE SCHEMA ${escapeIdentifier(schemaBefore(schema, time))}`);
  const oids = old.map(({ oid }) => oid);
  const members = [...old.map(asTable), ...(await statisticsOf(session, oids))];
  await moveMembers(session, members, (schema) => schemaBefore(schema, time));
  return schemas.map((schema) => schemaBefore(schema, time));
}

/** A sequence that was there goes on where it was, or where the backup's was, whichever is further. */
async function advanceSequences(session: Session, { kept }: Staging): Promise<void> {
  for (const { place, last, called, ascending } of kept) {
    const name = sqlName(place);
    await session.run(
      `SELECT setval(${escapeLiteral(name)}, ${last}, ${String(called)}) FROM ${name} WHERE last_value ${ascending ? "<" : ">"} ${last}`,
    );
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codes = {
  "42P07": "table-exists",
  "42710": "table-exists",
  "2BP01": "dependent-object",
  "55P03": "lock-timeout",
} as const;

function inWords(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  const code = Object.entries(codes).find(([state]) => state === error.sqlState)?.[1];
  if (code === undefined) return error;
  return new Failure(
    code,
    `The tables could not be put in their place, and nothing changed. ${error.message}`,
  );
}
