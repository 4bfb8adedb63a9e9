/** Moves the finished tables to their final places and drops the record of the restore, in one transaction. */
import { escapeIdentifier } from "../postgres/session/escape";
import { Failure } from "../lib/failure";
import { sqlName } from "../postgres/session/names";
import { openSession, type Session, SqlError } from "../postgres/session/session";
import {
  asTable,
  type Existing,
  findExisting,
  moveMembers,
  statisticsOf,
  schemaBefore,
  advanceSequences,
} from "./members";
import { forgetRecord } from "./record";
import type { Staging } from "./staging";
import { backupId } from "../repository/backup-id";
import type { RestoreRun } from "./begin";
import { refuseDependents, exchange, findLost, findMemberships } from "./replaced";
import { z } from "zod";
import { firstUserOid } from "../postgres/catalog/catalog";
import { beginAndWait } from "../postgres/session/snapshot";

/** Returns the schemas into which swap has moved the old tables. */
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
  // Somebody may have made a view of them since the restore began.
  await refuseDependents(session, oids);
  const version = run.serverInfo.number;
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
  // Not CASCADE, because nothing may be left in them.
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

/**
 * Rebuilds indexes over functions of users, once all tables are in their place. Such a function can look up a row of another
 * table, and while the index was built in a staging schema, that was still the old table.
 */
async function rebuildLookups({ session, notes }: RestoreRun, { tables }: Staging): Promise<void> {
  for (const index of await overOwnFunctions(session, new Set(tables.map(({ place }) => sqlName(place))))) {
    await session.run("SAVEPOINT before_reindex");
    try {
      await session.run(`REINDEX INDEX ${index}`);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      await session.run("ROLLBACK TO SAVEPOINT before_reindex");
      notes.push(
        `Index ${index} was built while the tables that were replaced were still there. If its function reads one of them, run ` +
          `"REINDEX INDEX ${index}". It failed here: ${error.message}`,
      );
    }
  }
}

/** Indexes over functions of users. Functions in C, and those of extensions, read no tables of users. */
async function overOwnFunctions(session: Session, places: ReadonlySet<string>): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT tn.nspname AS schema, t.relname AS name, format('%I.%I', n.nspname, i.relname) AS index
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
       JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid
       LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
       JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
       JOIN pg_language l ON l.oid = p.prolang
     WHERE i.relkind = 'i' AND p.oid >= ${firstUserOid} AND l.lanname NOT IN ('c', 'internal')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
     ORDER BY 3`,
    z.object({ schema: z.string(), name: z.string(), index: z.string() }),
  );
  return [...new Set(found.filter((table) => places.has(sqlName(table))).map(({ index }) => index))];
}
