/** Makes in the target what comes before the rows: schemas, extensions, types, functions, tables. All of it is recorded. */
import path from "node:path";
import { escapeIdentifier } from "../postgres/session/escape";
import { callerIds } from "../docker/exec";
import { Failure } from "../lib/failure";
import { startReading } from "../postgres/archive/archive";
import { restriction } from "../postgres/archive/script-scanner";
import { endedWith, errorLines } from "../postgres/session/server";
import { asByDefault } from "./default-privileges";
import { feedPsql, restoreFailure } from "./feed";
import { recordNew, recordSystem } from "./record";
import type { RestoreRun } from "./run";
import { stagedArchive, whole, writeInContainer } from "./scratch";
import { readPieces, safePieces } from "../postgres/archive/script-pieces";
import { installedSrids, postgisSchema } from "./srids";
import type { WantedEntries } from "./wanted";
import { insertSrid } from "../postgres/catalog/prepare";

/** Writes a list of entries for pg_restore, and says where. */
export async function writeList(run: RestoreRun, name: string, ids: readonly number[]): Promise<string> {
  const file = path.posix.join(run.names.workFolder, `${name}.list`);
  await writeInContainer(run, file, ids.map((id) => `${id};\n`).join(""));
  return file;
}

/** The script of some entries of the staged archive. */
async function* scriptOf(run: RestoreRun, name: string, ids: readonly number[]): AsyncGenerator<Uint8Array> {
  const list = await writeList(run, name, ids);
  const command = ["pg_restore", `--use-list=${list}`, "--file=-"];
  const archive = { path: stagedArchive(run), user: callerIds() };
  const { chunks, ended } = startReading(run.target, command, archive, run.signal);
  yield* chunks as AsyncIterable<Uint8Array>;
  const { failed, stderr, exitCode } = await ended;
  run.signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || endedWith(exitCode));
}

/** So many that the locks of a transaction that makes them fit into the server's table of locks. */
const entriesAtOnce = 250;

export async function define(run: RestoreRun, { preData }: WantedEntries): Promise<void> {
  const { target, session, names, signal } = run;
  const script = inTransactions(scriptOf(run, "pre-data", preData), recordNew(names), entriesAtOnce);
  await feedPsql(target, "definitions", await whole(script), signal);
  const made = `SELECT class, object FROM ${escapeIdentifier(names.record)}.made`;
  await asByDefault(
    session,
    `(class, oid) IN (${made}) OR class = 'pg_class'::regclass AND oid IN (
       SELECT objid FROM pg_depend d JOIN (${made}) m ON m.class = d.refclassid AND m.object = d.refobjid
       WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i')`,
  );
  await makeSystems(run);
}

const beginning = /^-- Name: .*; Type: .*; Schema: .*; Owner: /;
const end = "-- PostgreSQL database dump complete";

/** The statements of so many entries in one transaction, with one more at its end. */
export async function* inTransactions(
  script: AsyncIterable<Uint8Array>,
  last: string,
  entries: number,
): AsyncGenerator<string, void> {
  let begun = 0;
  let complete = false;
  for await (const piece of safePieces(readPieces(script), "The script of the definitions")) {
    // psql is restricted already, where it is fed.
    if (piece.kind !== "line" || restriction.test(piece.text)) continue;
    if (piece.text === end) {
      complete = true;
      if (begun > 0) yield `${last}\nCOMMIT;\n`;
    }
    if (!complete && beginning.test(piece.text)) {
      if (begun === 0) yield "BEGIN;\n";
      else if (begun % entries === 0) yield `${last}\nCOMMIT;\nBEGIN;\n`;
      begun++;
    }
    yield `${piece.text}\n`;
  }
  if (!complete) throw new Failure("restore-failed", "The definitions for the target are cut off.");
}

/** Spatial reference systems that PostGIS does not have. */
async function makeSystems({ session, manifest, names }: RestoreRun): Promise<void> {
  const { customSrids } = manifest.requires;
  if (customSrids.length === 0) return;
  const postgis = await postgisSchema(session);
  if (postgis === undefined) return;
  const there = new Set((await installedSrids(session, customSrids)).map(({ srid }) => srid));
  for (const system of customSrids.filter(({ srid }) => !there.has(srid))) {
    await session.run("BEGIN");
    await session.run(recordSystem(names, system.srid, system.srtext));
    await session.run(insertSrid(system, postgis).replace(/;$/, ""));
    await session.run("COMMIT");
  }
}

/** Grants come when all else is there, so that until then nobody but its owner takes what is being restored for the whole. */
export async function giveRights(run: RestoreRun, { rights }: WantedEntries): Promise<void> {
  const script = inTransactions(scriptOf(run, "rights", rights), "", Number.POSITIVE_INFINITY);
  await feedPsql(run.target, "privileges", await whole(script), run.signal);
}
