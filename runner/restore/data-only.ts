/** Fills tables that exist, in one transaction. */
import { escapeLiteral } from "pg";
import { z } from "zod";
import { compareTable, mismatch, type RecordedTable } from "../compare";
import { Attempts, Failure, Failures } from "../failure";
import { type Relation, readCatalog } from "../postgres/catalog";
import { measureHere } from "../postgres/fingerprint";
import { beginAndWait } from "../postgres/locks";
import { type Name, sqlName } from "../postgres/names";
import { tableKey } from "../postgres/script";
import { selectTables } from "../postgres/select-tables";
import { openSession, type Session, SqlError } from "../postgres/session";
import { comparesFingerprints } from "./comparison";
import { rowsEntry } from "./entries";
import { finalPlace, findExisting, looseSequences, oidList } from "./members";
import type { Reader } from "./reader";
import type { RestoreRun } from "./run";
import { readPieces } from "./script-pieces";
import { rowsInto } from "./statements";

export interface FilledTable {
  readonly recorded: RecordedTable;
  readonly place: Name;
  readonly oid: string;
}

/** The tables of the backup that the request means, in the target; those that lack one are an error. */
export async function selectFilled(run: RestoreRun): Promise<FilledTable[]> {
  const { session, manifest, request } = run;
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
  const { tables } = selectTables(relations, {
    tables: request.tables ?? ["*.*"],
    excludeTables: request.excludeTables,
    references: "accept",
  });
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
        `${sqlName(place)} is no table of database "${request.database}", and only tables that exist can be filled. Restore without --data-only.`,
      ),
    );
    return [];
  });
  attempts.end();
  return filled.filter(({ recorded }) => recorded.kind === "table");
}

export async function restoreData(
  run: RestoreRun,
  reader: Reader,
  tables: readonly FilledTable[],
): Promise<void> {
  const { session } = run;
  try {
    await lockEmpty(run, tables);
    for (const table of await parentsFirst(session, tables)) {
      const { recorded, place } = table;
      const entries =
        reader.entries.length === 0 ? [] : [rowsEntry(reader.entries, recorded, recorded.owner)];
      const { chunks, ended } = await reader.script(entries, run.signal);
      await session.feed(
        rowsInto(chunks, new Map([[tableKey(recorded.schema, recorded.name), sqlName(place)]])),
      );
      await ended;
    }
    await setSequences(run, reader, tables);
    await compare(run, tables);
    run.signal.throwIfAborted();
    await session.run("COMMIT");
  } catch (error) {
    throw inWords(error);
  }
}

async function lockEmpty(run: RestoreRun, tables: readonly FilledTable[]): Promise<void> {
  const { session, request, target, signal, progress } = run;
  const names = tables.map(({ place }) => sqlName(place));
  const replaces = request.ifExists === "replace";
  const mode = replaces ? "ACCESS EXCLUSIVE" : "SHARE ROW EXCLUSIVE";
  await beginAndWait(session, "BEGIN", `LOCK TABLE ONLY ${names.join(", ONLY ")} IN ${mode} MODE`, {
    lockTimeout: request.lockTimeout,
    openObserver: () => openSession(target, signal),
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
    `${full.join(", ")} has rows already. Empty it, or have its rows replaced with --if-exists replace.`,
  );
}

/** In an order in which foreign keys find what they refer to. */
async function parentsFirst(session: Session, tables: readonly FilledTable[]): Promise<FilledTable[]> {
  const keys = await session.rows(
    `SELECT conrelid::text AS child, confrelid::text AS parent FROM pg_constraint
     WHERE contype = 'f' AND conrelid <> confrelid AND conrelid IN (${oidList(tables.map(({ oid }) => oid))})`,
    z.object({ child: z.string(), parent: z.string() }),
  );
  const ordered: FilledTable[] = [];
  let left = [...tables];
  while (left.length > 0) {
    const waiting = new Set(left.map(({ oid }) => oid));
    const ready = left.filter(({ oid }) => !keys.some((key) => key.child === oid && waiting.has(key.parent)));
    // Tables that refer to each other in a circle: the server says which key minds.
    const next = ready.length > 0 ? ready : left;
    ordered.push(...next);
    left = left.filter((table) => !next.includes(table));
  }
  return ordered;
}

const setval = /^SELECT pg_catalog\.setval\('(?<name>.*)', (?<last>-?\d+), (?<called>true|false)\);$/;

/** Those that the tables own or use. */
async function setSequences(run: RestoreRun, reader: Reader, tables: readonly FilledTable[]): Promise<void> {
  const { session, request } = run;
  const oids = tables.map(({ oid }) => oid);
  const owned = await session.rows(
    `SELECT d.objid::text AS oid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN (${oidList(oids)})`,
    z.object({ oid: z.string() }),
  );
  const loose = await findExisting(session, await looseSequences(session, oids));
  const used = new Set([...owned, ...loose].map(({ oid }) => oid));
  const entries = reader.entries.filter((entry) => /^\d+; \d+ \d+ SEQUENCE SET /.test(entry));
  if (used.size === 0) return;
  const { chunks, ended } = await reader.script(entries, run.signal);
  for await (const piece of readPieces(chunks)) {
    const { name, last, called } =
      (piece.kind === "line" ? setval.exec(piece.text)?.groups : undefined) ?? {};
    if (name === undefined || last === undefined || called === undefined) continue;
    const { parts } = await session.row(
      `SELECT parse_ident(${escapeLiteral(name.replaceAll("''", "'"))}) AS parts`,
      z.object({ parts: z.tuple([z.string(), z.string()]) }),
    );
    const place = finalPlace(request, { schema: parts[0], name: parts[1] });
    const [sequence] = await findExisting(session, [place]);
    if (sequence === undefined || !used.has(sequence.oid)) continue;
    await session.run(`SELECT pg_catalog.setval(${escapeLiteral(sqlName(place))}, ${last}, ${called})`);
  }
  await ended;
}

async function compare(run: RestoreRun, tables: readonly FilledTable[]): Promise<void> {
  const exact = comparesFingerprints(run);
  const method = exact ? run.manifest.fingerprintMethod : "text";
  const oids = tables.map(({ oid }) => oid);
  const measures = await measureHere(run.session, oids, { method, validity: false });
  const nothing = { indexes: [], constraints: [] };
  const differences = tables.flatMap(({ recorded, place, oid }) => {
    const measure = measures.get(oid);
    const known =
      exact || measure === undefined ? measure : { ...measure, fingerprint: recorded.fingerprint };
    return compareTable({ ...recorded, ...nothing }, { ...nothing, measure: known }).map(
      (difference) => `${sqlName(place)}: ${difference}`,
    );
  });
  Failures.throwIfAny(differences.map(mismatch));
}

function inWords(error: unknown): unknown {
  if (error instanceof SqlError && error.sqlState === "0A000")
    return new Failure("dependent-object", `The tables cannot be emptied: ${error.message}`);
  if (error instanceof Failure && error.message.startsWith("The database session ended"))
    return new Failure(
      "restore-failed",
      `The rows cannot be restored, and nothing changed. ${error.message}`,
    );
  return error;
}
