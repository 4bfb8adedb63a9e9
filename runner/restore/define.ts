/** Makes in the target what comes before the rows: schemas, extensions, types, functions, tables. All of it goes into the record. */
import type { RestoreNames } from "./work";
import type { CustomSrid } from "../request/contents";
import { Readable } from "node:stream";
import { escapeIdentifier } from "../postgres/session/escape";
import { execFilter } from "../docker/exec";
import { Failure } from "../lib/failure";
import { withOnly } from "../postgres/archive/toc";
import { nobody } from "../postgres/session/restricted";
import { restriction } from "../postgres/archive/script-scanner";
import { endedWith, errorLines } from "../postgres/session/server";
import { recordNew, recordSystem } from "./record";
import { type ScratchDump, whole } from "./scratch";
import { readPieces, safePieces } from "../postgres/archive/script-pieces";
import type { WantedEntries } from "./wanted";
import type { RestoreRun } from "./begin";
import { installedSrids, postgisSchema } from "./target-check";
import { feedPsql, restoreFailure } from "./statements";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import { z } from "zod";
import { insertSrid } from "../postgres/catalog/prepare";

/** The script of some entries of the archive for the target. */
async function* scriptOf(
  { target, signal }: Pick<RestoreRun, "target" | "signal">,
  archive: Buffer,
  ids: readonly number[],
): AsyncGenerator<Uint8Array> {
  const part = withOnly(archive, ids);
  const input = { bytes: part.length, content: () => Readable.from([part]) };
  const own = { ...target, secretEnv: [] };
  const { chunks, ended } = execFilter(own, ["pg_restore", "--file=-"], input, signal, { user: nobody });
  yield* chunks as AsyncIterable<Uint8Array>;
  const { failed, stderr, exitCode } = await ended;
  signal.throwIfAborted();
  if (failed) throw restoreFailure("pg_restore", errorLines(stderr) || endedWith(exitCode));
}

/** Entries in one transaction: few enough that its locks fit into the server's table of locks. */
const entriesAtOnce = 250;

export async function define(
  run: Pick<RestoreRun, "manifest" | "target" | "session" | "names" | "signal">,
  { archive }: ScratchDump,
  { preData }: WantedEntries,
): Promise<void> {
  const { target, session, names, signal } = run;
  const script = inTransactions(scriptOf(run, archive, preData), recordNew(names), entriesAtOnce);
  await feedPsql(target, "definitions", await whole(script), signal);
  const made = `SELECT class, object FROM ${escapeIdentifier(names.record)}.made`;
  await asByDefault(
    session,
    `(class, oid) IN (${made}) OR class = 'pg_class'::regclass AND oid IN (
       SELECT objid FROM pg_depend d JOIN (${made}) m ON m.class = d.refclassid AND m.object = d.refobjid
       WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i')`,
  );
  await makeSystems(session, names, run.manifest.requires.customSrids);
}

const beginning = /^-- Name: .*; Type: .*; Schema: .*; Owner: /;
const end = "-- PostgreSQL database dump complete";

/** Puts the statements of so many entries into each transaction, with one more statement at its end. */
export async function* inTransactions(
  script: AsyncIterable<Uint8Array>,
  last: string,
  entries: number,
): AsyncGenerator<string, void> {
  let begun = 0;
  let complete = false;
  for await (const piece of safePieces(readPieces(script), "The script of the definitions")) {
    // feedPsql restricts psql already.
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

/** Adds the spatial reference systems that PostGIS does not bring. */
async function makeSystems(
  session: Session,
  names: RestoreNames,
  customSrids: readonly CustomSrid[],
): Promise<void> {
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

/** Grants come last, so that until then only the owner sees tables that are not complete. */
export async function giveRights(
  run: Pick<RestoreRun, "target" | "signal">,
  { archive }: ScratchDump,
  { rights }: WantedEntries,
): Promise<void> {
  const script = inTransactions(scriptOf(run, archive, rights), "", Number.POSITIVE_INFINITY);
  await feedPsql(run.target, "privileges", await whole(script), run.signal);
}

/** Objects that have privileges, except columns: each with the word that GRANT has for it, and the privileges of a new one. */
const objects = `
SELECT 'pg_class'::regclass::oid AS class, c.oid, n.nspname, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
  format('%I.%I', n.nspname, relname) AS name, relacl AS acl, relowner AS owner, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner) AS usual
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relacl IS NOT NULL
UNION ALL SELECT 'pg_proc'::regclass, p.oid, n.nspname, CASE WHEN current_setting('server_version_num')::int < 110000 THEN 'FUNCTION' ELSE 'ROUTINE' END,
  format('%I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid)), proacl, proowner, acldefault('f', proowner)
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proacl IS NOT NULL
UNION ALL SELECT 'pg_type'::regclass, t.oid, n.nspname, 'TYPE', format('%I.%I', n.nspname, typname), typacl, typowner, acldefault('T', typowner)
FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE typacl IS NOT NULL
UNION ALL SELECT 'pg_namespace'::regclass, oid, nspname, 'SCHEMA', format('%I', nspname), nspacl, nspowner, acldefault('n', nspowner)
FROM pg_namespace WHERE nspacl IS NOT NULL`;

const statementsQuery = (condition: string) => `
WITH o AS (SELECT * FROM (${objects}) o WHERE ${condition})
SELECT format('REVOKE ALL ON %s %s FROM %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(acl))) AS statement
FROM o WHERE cardinality(acl) > 0
UNION ALL SELECT format('GRANT ALL ON %s %s TO %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(usual)))
FROM o ORDER BY 1 DESC`;

/**
 * Takes away what default privileges of the target have added to the objects that meet the condition: restored objects have the
 * privileges of the source.
 */
export async function asByDefault(session: Session, condition: string): Promise<void> {
  const found = await withQualifiedNames(session, () =>
    session.rows(statementsQuery(condition), z.object({ statement: z.string() })),
  );
  await session.runAll(found.map(({ statement }) => statement));
}
