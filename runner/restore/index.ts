import { z } from "zod";
import { docker as dockerFor } from "../docker/connection";
import { whileRunning } from "../docker/watch";
import { Failure, Attempts } from "../lib/failure";
import { secondsSince, formatBytes, totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import { whyNotComparable } from "../postgres/catalog/fingerprint";
import { resetSearchPath } from "../postgres/catalog/unqualified";
import { sqlName, type Name } from "../postgres/session/names";
import type { RestoreRequest, RestoreResult } from "../request";
import { summarizeTables } from "../request/result";
import { beginRestore, type RestoreRun, allExist, restoredBefore, rememberRestored } from "./begin";
import { checkRestore, dryRun, checkFreeSpace } from "./check";
import { cleanUp, openRecord, makeRoles } from "./clean-up";
import { selectFilled, checkTriggers, restoreData } from "./fill";
import { removeLinks, linkFolder } from "./linked-rows";
import { define, load, compareStaging, giveRights } from "./load";
import { finalPlace, checkPlaces, refuseNumbers, findExisting, checkNames } from "./places";
import { publish } from "./publish";
import { openReader, type Reader } from "./reader";
import {
  withScratch,
  type Scratch,
  dumpScratch,
  wantedEntries,
  type ScratchDump,
  type WantedEntries,
  isEmpty,
} from "./scratch";
import { stageTables, type Staging } from "./staging";

/** Restores tables of a backup into a database. Either all of them are there in the end and equal what was backed up, or nothing changes. */
export async function restore(
  request: RestoreRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const started = performance.now();
  const docker = await dockerFor(request.dockerHost, signal);
  return whileRunning(docker, request.container, signal, async (watched, running) => {
    const run = await beginRestore(request, running, progress, watched);
    let done: Outcome | undefined;
    try {
      done = await restoreTables(run);
    } finally {
      await cleanUp(run, done !== undefined).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        progress.note(
          `Not all that the restore made on its way is removed; the next one does that. ${error.message}`,
        );
      });
      if (done === undefined || request.dryRun) await run.own?.discard();
    }
    const { tables, restored, swappedInto } = done;
    return {
      backupId: run.manifest.id,
      database: request.database,
      tables: summarizeTables(tables.map(({ place }) => sqlName(place))),
      tableCount: tables.length,
      rows: request.content === "schema" ? 0 : tables.reduce((sum, { rows }) => sum + rows, 0),
      seconds: secondsSince(started),
      restored,
      swappedInto,
      notes: run.notes,
    };
  });
}

interface Outcome {
  readonly tables: readonly { readonly place: Name; readonly rows: number }[];
  readonly restored: boolean;
  readonly swappedInto: string[];
}

async function restoreTables(run: RestoreRun): Promise<Outcome> {
  const { request, manifest } = run;
  if (await allExist(run.session, request, manifest)) {
    const tables = manifest.tables.map((table) => ({ place: finalPlace(request, table), rows: table.rows }));
    return { tables, restored: false, swappedInto: [] };
  }
  const before = await restoredBefore(run);
  if (before.length > 0) {
    const tables = before.map((table) => ({ place: finalPlace(request, table), rows: table.rows }));
    return { tables, restored: false, swappedInto: [] };
  }
  await checkRestore(run);
  const { fingerprintMethod, source } = manifest;
  const why =
    request.content === "schema"
      ? undefined
      : whyNotComparable(fingerprintMethod, source.encoding, run.serverInfo);
  if (why !== undefined) run.notes.push(`Rows were counted, but their fingerprints not compared: ${why}.`);
  if (request.dryRun && request.content !== "data")
    return { tables: await dryRun(run), restored: false, swappedInto: [] };
  await removeLinks(linkFolder(run));
  if (request.content !== "data") await beginRecord(run);
  const reader = await openReader(run);
  try {
    const outcome = await (request.content === "data" ? fill(run, reader) : stageAndPublish(run, reader));
    if (outcome.restored) await rememberRestored(run.session, request, run.notes);
    return outcome;
  } finally {
    await reader.close();
  }
}

async function fill(run: RestoreRun, reader: Reader): Promise<Outcome> {
  const tables = await selectFilled(run);
  await checkTriggers(run.session, tables);
  await checkFreeSpace(run.session, run.target, tables);
  const outcome = tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (run.request.dryRun) return { tables: outcome, restored: false, swappedInto: [] };
  run.progress.note(`Filling ${tables.length} tables.`);
  await restoreData(run, reader, tables);
  return { tables: outcome, restored: true, swappedInto: [] };
}

/** Creates missing roles before the scratch database, which needs them too. */
async function beginRecord({
  session,
  manifest,
  request,
  names,
}: Pick<RestoreRun, "request" | "manifest" | "session" | "names">): Promise<void> {
  await openRecord(session, names);
  if (request.missingRoles !== "create") return;
  const found = await session.rows("SELECT rolname AS name FROM pg_roles", z.object({ name: z.string() }));
  const there = new Set(found.map(({ name }) => name));
  await makeRoles(
    session,
    names,
    manifest.requires.roles.filter((role) => !there.has(role)),
  );
}

function stageAndPublish(run: RestoreRun, reader: Reader): Promise<Outcome> {
  return withScratch(
    run,
    reader,
    (scratch) => plan(run, scratch),
    (planned) => bringIn(run, reader, planned),
  );
}

async function plan(run: RestoreRun, scratch: Scratch): Promise<Planned> {
  const { session } = run;
  const staging = await stageTables(run, scratch);
  const attempts = new Attempts();
  const places = staging.tables.map(({ place }) => place);
  const finals = [...staging.finalOf.values()];
  const references = staging.selection.ignoredReferences;
  const needed = await checkPlaces(run, { places, finals, references }, attempts);
  if (needed) {
    const oids = staging.selection.tables.map(({ oid }) => oid);
    if (!staging.direct) await attempts.run(() => refuseNumbers(scratch.session, oids, run.request.ifExists));
    if (run.request.content !== "schema")
      await attempts.run(() => checkFreeSpace(session, run.target, staging.tables));
    const existing = await findExisting(session, places);
    // checkPlaces has already reported the tables that exist.
    const there = new Set(existing.map((one) => sqlName(one)));
    const named = staging.names.filter((one) => !there.has(sqlName(one)));
    await attempts.run(() => checkNames(session, run.request.database, named, existing));
  }
  attempts.end();
  if (!needed) return { staging };
  const dump = await dumpScratch(run, staging.searchPath);
  return {
    staging,
    todo: { dump, wanted: await wantedEntries(scratch.session, dump.entries, staging.wanted) },
  };
}

interface Planned {
  readonly staging: Staging;
  /** Unset if all tables exist and are left as they are. */
  readonly todo?: { readonly dump: ScratchDump; readonly wanted: WantedEntries };
}

async function bringIn(run: RestoreRun, reader: Reader, planned: Planned): Promise<Outcome> {
  const { session, progress } = run;
  const { staging, todo } = planned;
  const tables = staging.tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (todo === undefined) return { tables, restored: false, swappedInto: [] };
  progress.note(
    `Restoring ${tables.length} tables, ${formatBytes(totalBytes(staging.tables.map(({ recorded }) => recorded)))} in the database they come from.`,
  );
  await define(run, todo.dump, todo.wanted);
  await load(run, reader, todo.dump, todo.wanted, staging.tables);
  progress.note("Comparing what was restored with what was backed up.");
  await compareStaging(run, staging.tables);
  await resetSearchPath(session, staging.unqualified);
  if (!isEmpty(todo.wanted.rights, todo.dump.entries)) await giveRights(run, todo.dump, todo.wanted);
  const swappedInto = await publish(run, staging);
  return { tables, restored: true, swappedInto };
}
