/**
 * Fills tables that exist, in one transaction. A trigger that fired on the rows of a backup would change or drop some, so
 * triggers are off until the transaction has filled the tables, as with `pg_restore --disable-triggers`. Foreign keys are
 * checked all the same; those of tables that refer to each other in a circle, at the end.
 */
import * as z from "zod";
import { Failure, Attempts } from "../lib/failure";
import { totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import { setting } from "../lib/setting";
import { tableKey } from "../postgres/archive/script";
import { readPieces } from "../postgres/archive/script-pieces";
import { readCatalog, type Relation } from "../postgres/catalog/catalog";
import { callsUnqualified, setSearchPath, noSearchPath } from "../postgres/catalog/unqualified";
import { escapeLiteral, escapeIdentifier } from "../postgres/session/escape";
import { sqlName, type Name, oidList } from "../postgres/session/names";
import { openSession, SqlError, type Session } from "../postgres/session/session";
import { beginAndWait } from "../postgres/session/snapshot";
import { compareFilled, type RecordedTable } from "../verify";
import type { RestoreRequest } from "../request";
import type { Caller, RequestedBackup, Target } from "./begin";
import { comparableMethod } from "./load";
import { looseSequences, selectRequested } from "./objects";
import { finalPlace, findExisting } from "./places";
import { type Reader, rowsEntries } from "./reader";
import { rowsInto, restoreFailure } from "./statements";

export async function restoreData(
  { request, manifest }: RequestedBackup,
  target: Target,
  reader: Reader,
  tables: readonly FilledTable[],
  caller: Caller,
): Promise<void> {
  const { session, serverInfo } = target;
  const { progress, signal, notes } = caller;
  const partitioned = new Map(
    manifest.tables
      .filter(({ kind }) => kind === "partitioned")
      .map((table) => [tableKey(table.schema, table.name), sqlName(finalPlace(request, table))]),
  );
  await obeyTriggers(session);
  const searchPath = (await callsUnqualified(session)) ? await setSearchPath([session]) : noSearchPath;
  const fire = request.tableTriggers === "fire";
  const fired: Trigger[] = [];
  try {
    await lockEmpty(request, target, tables, caller);
    const triggers = await findTriggers(session, tables);
    if (fire) fired.push(...triggers);
    const turnOn = fire ? undefined : await turnOff(session, triggers);
    const levels = await parentsFirst(session, tables);
    const { counted, stop } = followRows(
      progress,
      tables.map(({ recorded }) => recorded),
    );
    try {
      for (const { tables: level, circle } of levels) {
        const settle = circle ? await deferCircle(session, level) : undefined;
        const recorded = level.map((table) => table.recorded);
        const places = new Map(
          level.map(({ recorded: { schema, name }, place }) => [tableKey(schema, name), sqlName(place)]),
        );
        const script = reader.script(rowsEntries(reader.entries, recorded), signal);
        await session.feed(counted(rowsInto(script, places, searchPath, partitioned)));
        await session.run(noSearchPath);
        await settle?.();
      }
    } finally {
      stop();
    }
    await turnOn?.();
    if (triggers.length > 0)
      notes.push(`Triggers ${fire ? "fired" : "did not fire"}: ${namesOf(triggers.slice(0, 20))}.`);
    const oids = tables.map(({ oid }) => oid);
    await setSequences(session, reader, oids, (sequence) => finalPlace(request, sequence), signal);
    await compareFilled(session, tables, comparableMethod(manifest, serverInfo), progress);
    signal.throwIfAborted();
    await session.run("COMMIT");
  } catch (error) {
    throw becauseOf(fired, inWords(error));
  }
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: insufficient_privilege */
const notAllowed = "42501";

/** As a replica, a session fires no triggers, and those that check foreign keys are among them. */
async function obeyTriggers(session: Session): Promise<void> {
  const { replica } = await session.row(
    "SELECT current_setting('session_replication_role') = 'replica' AS replica",
    z.object({ replica: z.boolean() }),
  );
  if (!replica) return;
  try {
    await session.run("SET session_replication_role = origin");
  } catch (error) {
    if (!(error instanceof SqlError && error.sqlState === notAllowed)) throw error;
    throw new Failure(
      "privilege-missing",
      "session_replication_role is replica, for the server, the database or the role, so no foreign key would be checked, and this role may " +
        "not change that. Restore as a superuser, or set it to origin.",
    );
  }
}

async function lockEmpty(
  request: RestoreRequest,
  { exec, session }: Pick<Target, "exec" | "session">,
  tables: readonly FilledTable[],
  { progress, signal }: Pick<Caller, "progress" | "signal">,
): Promise<void> {
  const names = tables.map(({ place }) => sqlName(place));
  const replaces = request.ifExists === "replace";
  const mode = replaces ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE";
  await beginAndWait(session, "BEGIN", `LOCK TABLE ONLY ${names.join(", ONLY ")} IN ${mode} MODE`, {
    lockTimeout: request.lockTimeout,
    openObserver: () => openSession(exec, signal),
    note: (message) => {
      progress.note(message);
    },
  });
  if (replaces) {
    await session.run(`TRUNCATE ONLY ${names.join(", ONLY ")}`);
    return;
  }
  const full: string[] = [];
  for (const name of names) {
    const { rows } = await session.row(
      `SELECT EXISTS (SELECT FROM ONLY ${name}) AS rows`,
      z.object({ rows: z.boolean() }),
    );
    if (rows) full.push(name);
  }
  if (full.length === 0) return;
  throw new Failure(
    "table-exists",
    `${full.join(", ")} has rows already. Empty it, or have its rows replaced with ${setting("--if-exists replace", 'ifExists: "replace"')}.`,
  );
}

function inWords(error: unknown): unknown {
  if (error instanceof SqlError && error.sqlState === "0A000")
    return new Failure("dependent-object", `The tables cannot be emptied: ${error.message}`);
  if (error instanceof Failure && error.message.startsWith("The database session ended"))
    return restoreFailure("rows", error.message);
  return error;
}

interface FilledTable {
  readonly recorded: RecordedTable;
  readonly place: Name;
  readonly oid: string;
}

/** The tables that the request selects, as they are in the target. A table that does not exist there is an error. */
export async function selectFilled(
  { request, manifest }: RequestedBackup,
  session: Session,
): Promise<FilledTable[]> {
  const there = new Map((await readCatalog(session)).map((relation) => [sqlName(relation), relation]));
  const placeOf = (table: RecordedTable) => finalPlace(request, table);
  const relations = manifest.tables.map((recorded): Relation => {
    const { schema, name } = recorded;
    const found = there.get(sqlName(placeOf(recorded)));
    const kind = recorded.kind === "table" ? "r" : "p";
    const named = { schema, name, sqlName: sqlName(recorded), visible: schema === "public", kind } as const;
    const { owner, bytes } = recorded;
    const oid = found?.oid ?? sqlName(recorded);
    return { ...named, oid, owner, bytes, partOf: found?.partOf ?? [], references: [], extension: null };
  });
  const { tables } = selectRequested({ request, manifest }, relations);
  const recordedOf = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const attempts = new Attempts();
  const filled = tables.flatMap(({ sqlName: key, oid }) => {
    const recorded = recordedOf.get(key);
    if (recorded === undefined) return [];
    const place = placeOf(recorded);
    const found = there.get(sqlName(place));
    if (found !== undefined && (found.kind === "r" || found.kind === "p")) return [{ recorded, place, oid }];
    attempts.add(
      new Failure(
        "table-not-found",
        `${sqlName(place)} is no table of database "${request.database}", and only tables that exist can be filled. Restore without ${setting("--data-only", 'content: "data"')}.`,
      ),
    );
    return [];
  });
  attempts.end();
  return filled.filter(({ recorded }) => recorded.kind === "table");
}

const setval = /^SELECT pg_catalog\.setval\('(?<name>.*)', (?<last>-?\d+), (?<called>true|false)\);$/s;

/** Sets the sequences that the tables own or use to their values in the archive. */
export async function setSequences(
  session: Session,
  reader: Pick<Reader, "entries" | "script">,
  oids: readonly string[],
  placeOf: (sequence: Name) => Name,
  signal: AbortSignal,
): Promise<void> {
  const owned = await session.rows(
    `SELECT d.objid::text AS oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN (${oidList(oids)})`,
    z.object({ oid: z.string() }),
  );
  const loose = await findExisting(session, await looseSequences(session, oids));
  const used = new Set([...owned, ...loose].map(({ oid }) => oid));
  const entries = reader.entries.filter(({ kind }) => kind === "SEQUENCE SET");
  if (used.size === 0) return;
  for await (const piece of readPieces(reader.script(entries, signal))) {
    const { name, last, called } =
      (piece.kind === "line" ? setval.exec(piece.text)?.groups : undefined) ?? {};
    if (name === undefined || last === undefined || called === undefined) continue;
    const { parts } = await session.row(
      `SELECT parse_ident(${escapeLiteral(name.replaceAll("''", "'"))}) AS parts`,
      z.object({ parts: z.tuple([z.string(), z.string()]) }),
    );
    const place = placeOf({ schema: parts[0], name: parts[1] });
    const [sequence] = await findExisting(session, [place]);
    if (sequence === undefined || !used.has(sequence.oid)) continue;
    await session.run(`SELECT pg_catalog.setval(${escapeLiteral(sqlName(place))}, ${last}, ${called})`);
  }
}

/** Tables that can be filled at once; those of a circle refer to each other. */
interface Level {
  readonly tables: readonly FilledTable[];
  readonly circle: boolean;
}

/** First the tables without foreign keys to the others, then those with foreign keys to these only, and so on. */
async function parentsFirst(session: Session, tables: readonly FilledTable[]): Promise<Level[]> {
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
       AND t.tgtype & 4 > 0 AND (NOT t.tgisinternal OR coalesce(to_jsonb(t)->>'tgparentid', '0') <> '0')
     ORDER BY 1, 2`,
    Trigger,
  );
}

/** Fails if the role may not turn off a trigger. */
export async function checkTriggers(session: Session, tables: readonly FilledTable[]): Promise<void> {
  const foreign = (await findTriggers(session, tables)).filter(({ owned }) => !owned);
  if (foreign.length === 0) return;
  throw new Failure(
    "privilege-missing",
    `Only a superuser or the owner of the table may turn off these triggers: ${namesOf(foreign)}. Restore as one, or let them fire with ` +
      `${setting("--table-triggers fire", 'tableTriggers: "fire"')}.`,
  );
}

const namesOf = (triggers: readonly Trigger[]) =>
  triggers.map(({ table, name }) => `${name} of ${table}`).join(", ");

/** Triggers that fired may be why rows are refused, or differ. */
function becauseOf(triggers: readonly Trigger[], error: unknown): unknown {
  const isOfRows =
    error instanceof SqlError || (error instanceof Failure && error.code === "restore-mismatch");
  if (!isOfRows || triggers.length === 0) return error;
  return new Failure(
    error.code,
    `${error.message}\nThese triggers fired, and may have changed the rows: ${namesOf(triggers)}. Turn them off with ` +
      `${setting("--table-triggers disable", 'tableTriggers: "disable"')}.`,
  );
}

/** Turns triggers off; the returned function gives each its state back. */
async function turnOff(session: Session, triggers: readonly Trigger[]): Promise<() => Promise<void>> {
  const set = (state: string, { table, name }: Trigger) =>
    session.run(`ALTER TABLE ONLY ${table} ${state} TRIGGER ${escapeIdentifier(name)}`);
  for (const trigger of triggers) await set("DISABLE", trigger);
  return async () => {
    for (const trigger of triggers) await set(states[trigger.enabled] ?? "ENABLE", trigger);
  };
}

const Key = z.object({ child: z.string(), parent: z.string(), name: z.string(), deferred: z.boolean() });

/**
 * Defers the foreign keys among tables that refer to each other in a circle until all their rows are there. The returned
 * function checks them and gives them their properties back.
 */
async function deferCircle(session: Session, tables: readonly FilledTable[]): Promise<() => Promise<void>> {
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

const lineFeed = 10;

interface Followed {
  /** Passes a script on, and counts its rows. */
  readonly counted: (script: AsyncIterable<string | Buffer>) => AsyncGenerator<string | Buffer, void>;
  readonly stop: () => void;
}

/** Until `stop` is called, tells how many of the tables' rows have passed through `counted`, as a share of the tables' size. */
export function followRows(
  progress: Progress,
  tables: readonly Pick<RecordedTable, "rows" | "bytes">[],
): Followed {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = totalBytes(tables);
  let passed = 0;
  // The line that ends the rows of a table has a line feed too.
  const share = () => (rows === 0 ? 1 : Math.min(1, passed / rows));
  const stop = progress.follow(
    () => "rows",
    () => Promise.resolve(Math.round(share() * bytes)),
    bytes,
  );
  async function* counted(script: AsyncIterable<string | Buffer>): AsyncGenerator<string | Buffer, void> {
    for await (const piece of script) {
      if (typeof piece !== "string") passed += lineFeeds(piece);
      yield piece;
    }
  }
  return { counted, stop };
}

/** Each row is a line. */
function lineFeeds(data: Buffer): number {
  let count = 0;
  for (let at = data.indexOf(lineFeed); at >= 0; at = data.indexOf(lineFeed, at + 1)) count++;
  return count;
}
