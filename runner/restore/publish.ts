/**
 * Moves finished tables to their final places. They take the place of the old ones in publications; what else these had and the
 * new ones lack is told.
 */
import * as z from "zod";
import { Failure } from "../lib/failure";
import { firstUserOid } from "../postgres/catalog/catalog";
import { escapeIdentifier } from "../postgres/session/escape";
import { sqlName, literalList, oidList, withSuffix } from "../postgres/session/names";
import { openSession, type Session, SqlError } from "../postgres/session/session";
import { beginAndWait } from "../postgres/session/snapshot";
import { backupId } from "../repository/backup-id";
import type { RestoreRequest } from "../request";
import type { Caller, Target } from "./begin";
import { forgetRecord } from "./clean-up";
import { moveMembers, advanceSequences, asTable, statisticsOf } from "./objects";
import { findExisting, refuseDependents, findMemberships, type Existing, Membership } from "./places";
import type { Staging } from "./staging";

/**
 * Moves the finished tables to their final places and drops the record of the restore, in one transaction. Returns the schemas
 * into which swap has moved the old tables.
 */
export async function publish(
  request: RestoreRequest,
  target: Target,
  staging: Staging,
  caller: Caller,
): Promise<string[]> {
  const { session } = target;
  try {
    return await move(request, target, staging, caller);
  } catch (error) {
    if (!caller.signal.aborted) await session.run("ROLLBACK").catch(() => undefined);
    throw inWords(error);
  }
}

async function move(
  request: RestoreRequest,
  { exec, session, serverInfo, names }: Target,
  staging: Staging,
  { progress, signal, notes }: Caller,
): Promise<string[]> {
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
      openObserver: () => openSession(exec, signal),
      note: (message) => {
        progress.note(message);
      },
    },
  );
  const oids = old.map(({ oid }) => oid);
  // Somebody may have made a view of them since the restore began.
  await refuseDependents(session, oids);
  const version = serverInfo.number;
  const memberships =
    old.length === 0 || version < 100000 ? [] : await findMemberships(session, old, version);
  const lost = version < 100000 ? [] : await findLost(session, pairsOf(staging, old));
  const time = backupId(new Date());
  const swapped = request.ifExists === "swap" ? await setAside(session, old, time) : [];
  if (request.ifExists === "replace" && locks !== "") await session.run(`DROP TABLE ${locks}`);
  for (const schema of staging.finalOf.values())
    await session.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
  await moveMembers(session, staging.members, (schema) => staging.finalOf.get(schema) ?? schema);
  if (!staging.direct) await rebuildLookups(session, staging, notes);
  const aside = new Map(
    old.map((table) => [table.sqlName, sqlName({ ...table, schema: nameBefore(table.schema, time) })]),
  );
  await exchange(session, memberships, (table) =>
    request.ifExists === "swap" ? aside.get(table) : undefined,
  );
  if (request.content === "all") await advanceSequences(session, staging.kept);
  // Not CASCADE, because nothing may be left in them.
  if (!staging.direct)
    for (const schema of staging.finalOf.keys()) await session.run(`DROP SCHEMA ${escapeIdentifier(schema)}`);
  await forgetRecord(session, names);
  signal.throwIfAborted();
  await session.run("COMMIT");
  notes.push(...lost);
  return swapped;
}

function pairsOf({ tables }: Staging, old: readonly Existing[]) {
  const stages = new Map(tables.map(({ place, stage }) => [sqlName(place), sqlName(stage)]));
  return old.flatMap((table) => {
    const replacement = stages.get(sqlName(table));
    return replacement === undefined ? [] : [{ old: table, replacement }];
  });
}

/** What `swap` calls the schema of the tables that were there before, or the database that was. */
export function nameBefore(name: string, time: string): string {
  return withSuffix(name, `_before_${time.toLowerCase()}`);
}

async function setAside(session: Session, old: readonly Existing[], time: string): Promise<string[]> {
  const schemas = [...new Set(old.map(({ schema }) => schema))];
  for (const schema of schemas)
    await session.run(`CREATE SCHEMA ${escapeIdentifier(nameBefore(schema, time))}`);
  const oids = old.map(({ oid }) => oid);
  const members = [...old.map(asTable), ...(await statisticsOf(session, oids))];
  await moveMembers(session, members, (schema) => nameBefore(schema, time));
  return schemas.map((schema) => nameBefore(schema, time));
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

/** Runs in the transaction that has moved the old tables away; they keep their oids. */
async function exchange(
  session: Session,
  memberships: readonly Membership[],
  asideOf: (table: string) => string | undefined,
): Promise<void> {
  for (const { publication, table, rest } of memberships) {
    const aside = asideOf(table);
    if (aside !== undefined) await session.run(`ALTER PUBLICATION ${publication} DROP TABLE ONLY ${aside}`);
    await session.run(`ALTER PUBLICATION ${publication} ADD TABLE ONLY ${table}${rest}`);
  }
}

/** What a table has besides rows and columns, in words. */
const propertiesQuery = (oids: string) => `
SELECT o.oid::text, p.what FROM pg_class o CROSS JOIN LATERAL (
  SELECT 'trigger ' || tgname AS what FROM pg_trigger WHERE tgrelid = o.oid AND NOT tgisinternal
  UNION ALL SELECT 'policy ' || polname FROM pg_policy WHERE polrelid = o.oid
  UNION ALL SELECT 'rule ' || rulename FROM pg_rewrite WHERE ev_class = o.oid
  UNION ALL SELECT 'statistics ' || stxname FROM pg_statistic_ext WHERE stxrelid = o.oid
  UNION ALL SELECT 'index ' || c.relname FROM pg_index i JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = o.oid
  UNION ALL SELECT 'constraint ' || conname FROM pg_constraint WHERE conrelid = o.oid AND contype IN ('c', 'f')
  UNION ALL SELECT 'index to cluster by' FROM pg_index WHERE indrelid = o.oid AND indisclustered
  UNION ALL SELECT CASE WHEN objsubid = 0 THEN 'comment' ELSE 'comment of column ' || attname END FROM pg_description d
    LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid WHERE d.classoid = 'pg_class'::regclass AND d.objoid = o.oid
  UNION ALL SELECT 'security label of ' || provider FROM pg_seclabel WHERE classoid = 'pg_class'::regclass AND objoid = o.oid
  UNION ALL SELECT 'row security' WHERE o.relrowsecurity
  UNION ALL SELECT 'forced row security' WHERE o.relforcerowsecurity
  UNION ALL SELECT 'replica identity' WHERE o.relreplident <> 'd'
  UNION ALL SELECT 'option ' || option FROM unnest(o.reloptions) option
  UNION ALL SELECT 'grant of ' || privilege_type || ' to ' || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END
    FROM aclexplode(o.relacl) WHERE grantee <> o.relowner
  UNION ALL SELECT 'subscription ' || srsubid FROM pg_subscription_rel WHERE srrelid = o.oid
) p WHERE o.oid IN (${oids})`;

/** What the old tables have and the new ones lack, in words. */
async function findLost(
  session: Session,
  pairs: readonly { readonly old: Existing; readonly replacement: string }[],
): Promise<string[]> {
  if (pairs.length === 0) return [];
  const names = pairs.map(({ replacement }) => replacement);
  const found = await session.rows(
    `SELECT name, to_regclass(name)::oid::text AS oid FROM unnest(ARRAY[${literalList(names)}]) name`,
    z.object({ name: z.string(), oid: z.string().nullable() }),
  );
  const oidOf = new Map(found.map(({ name, oid }) => [name, oid ?? "0"]));
  const oids = pairs.flatMap(({ old, replacement }) => [old.oid, oidOf.get(replacement) ?? "0"]);
  const properties = await session.rows(
    propertiesQuery(oidList(oids)),
    z.object({ oid: z.string(), what: z.string() }),
  );
  const propertiesOf = new Map<string, string[]>();
  for (const { oid, what } of properties) {
    const others = propertiesOf.get(oid);
    if (others === undefined) propertiesOf.set(oid, [what]);
    else others.push(what);
  }
  const of = (oid = "0") => propertiesOf.get(oid) ?? [];
  return pairs.flatMap(({ old, replacement }) => {
    const kept = new Set(of(oidOf.get(replacement)));
    const lost = of(old.oid).filter((what) => !kept.has(what));
    return lost.length === 0
      ? []
      : [`${old.sqlName} had what the backup does not have: ${lost.slice(0, 20).join(", ")}.`];
  });
}

/**
 * Rebuilds indexes over functions of users, once all tables are in their place. Such a function can look up a row of another
 * table, and while the index was built in a staging schema, that was still the old table.
 */
async function rebuildLookups(session: Session, { tables }: Staging, notes: string[]): Promise<void> {
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
