/** Fills tables that exist, in one transaction. */
import { z } from "zod";
import { compareTable, mismatch, settlePools, withFingerprints } from "../verify";
import { Failure, Failures } from "../lib/failure";
import { measureHere } from "../postgres/catalog/fingerprint";
import { sqlName } from "../postgres/session/names";
import { findPools } from "../postgres/session/pools";
import { tableKey } from "../postgres/archive/script";
import { openSession, SqlError } from "../postgres/session/session";
import { whyNotCompared } from "./comparison";
import { rowsEntries } from "./entries";
import { finalPlace } from "./members";
import { restoreFailure } from "./feed";
import { type FilledTable, parentsFirst } from "./filled-tables";
import type { Reader } from "./reader";
import type { RestoreRun } from "./run";
import { deferCircle, turnOffTriggers } from "./quiet-triggers";
import { setSequences } from "./sequence-values";
import { rowsInto } from "./statements";
import { callsUnqualified, noSearchPath, setSearchPath } from "../postgres/catalog/unqualified";
import { beginAndWait } from "../postgres/session/snapshot";

export async function restoreData(
  run: RestoreRun,
  reader: Reader,
  tables: readonly FilledTable[],
): Promise<void> {
  const { session, manifest, request } = run;
  const partitioned = new Map(
    manifest.tables
      .filter(({ kind }) => kind === "partitioned")
      .map((table) => [tableKey(table.schema, table.name), sqlName(finalPlace(request, table))]),
  );
  const searchPath = (await callsUnqualified(session)) ? await setSearchPath([session]) : noSearchPath;
  try {
    await lockEmpty(run, tables);
    const { names, turnOn } = await turnOffTriggers(session, tables);
    for (const { tables: level, circle } of await parentsFirst(session, tables)) {
      const settle = circle ? await deferCircle(session, level) : undefined;
      const recorded = level.map((table) => table.recorded);
      const places = new Map(
        level.map(({ recorded: { schema, name }, place }) => [tableKey(schema, name), sqlName(place)]),
      );
      const script = reader.script(rowsEntries(reader.entries, recorded), run.signal);
      await session.feed(rowsInto(script, places, searchPath, partitioned));
      await session.run(noSearchPath);
      await settle?.();
    }
    await turnOn();
    if (names.length > 0) run.notes.push(`Triggers did not fire: ${names.slice(0, 20).join(", ")}.`);
    await setSequences(
      run,
      reader,
      tables.map(({ oid }) => oid),
    );
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

async function compare(run: RestoreRun, tables: readonly FilledTable[]): Promise<void> {
  const exact = whyNotCompared(run) === undefined;
  const method = exact ? run.manifest.fingerprintMethod : "text";
  const oids = tables.map(({ oid }) => oid);
  const measures = await measureHere(run.session, oids, { method, validity: false });
  const nothing = { indexes: [], constraints: [] };
  const wanted = tables.map((table) => ({ ...table, expected: table.recorded }));
  const known = exact ? measures : withFingerprints(measures, wanted);
  const settled = settlePools(wanted, known, await findPools(run.session, oids));
  const differences = tables.flatMap(({ recorded, place, oid }) =>
    compareTable({ ...recorded, ...nothing }, { ...nothing, measure: settled.get(oid) }).map(
      (difference) => `${sqlName(place)}: ${difference}`,
    ),
  );
  Failures.throwIfAny(differences.map(mismatch));
}

function inWords(error: unknown): unknown {
  if (error instanceof SqlError && error.sqlState === "0A000")
    return new Failure("dependent-object", `The tables cannot be emptied: ${error.message}`);
  if (error instanceof Failure && error.message.startsWith("The database session ended"))
    return restoreFailure("rows", error.message);
  return error;
}
