import { docker as dockerFor } from "../docker/connection";
import { whileRunning } from "../docker/watch";
import { Attempts, Failure } from "../lib/failure";
import { setting } from "../lib/setting";
import { secondsSince, formatBytes, totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import { whyNotComparable } from "../postgres/catalog/fingerprint";
import { resetSearchPath } from "../postgres/catalog/unqualified";
import { sqlName } from "../postgres/session/names";
import type { RestoreRequest, RestoreResult } from "../request";
import { summarizeTables } from "../request/result";
import {
  beginRestore,
  type Caller,
  findBoth,
  type RequestedBackup,
  type Target,
  allExist,
  restoredBefore,
  rememberRestored,
} from "./begin";
import { type Outcome, restoreDatabase } from "./whole-database";
import { checkRestore, dryRun, checkFreeSpace } from "./check";
import { cleanUp, openRecord, makeMissingRoles } from "./clean-up";
import { selectFilled, checkTriggers, restoreData } from "./fill";
import { removeLinks, linkFolder } from "./linked-rows";
import { define, load, compareStaging, giveRights } from "./load";
import { finalPlace, checkPlaces, refuseNumbers, findExisting, checkNames } from "./places";
import { publish } from "./publish";
import { openReader, type Reader } from "./reader";
import { withScratch, type Scratch, dumpScratch, readScripts, type ScratchDump } from "./scratch";
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
    const caller: Caller = { progress, signal: watched, notes: [] };
    const found = await findBoth(request, running, caller);
    refuseOtherKind(found.backup);
    refuseRoles(found.backup);
    if (found.backup.manifest.wholeDatabase !== undefined) {
      const outcome = await restoreDatabase(found, caller);
      return resultOf(found.backup, outcome, caller, started);
    }
    const { backup, target, own } = await beginRestore(found, caller);
    let done: Outcome | undefined;
    try {
      done = await restoreTables(backup, target, caller);
    } finally {
      await cleanUp(target, backup.files, done !== undefined, progress);
      if (done === undefined || request.dryRun) await own?.discard();
    }
    return resultOf(backup, done, caller, started);
  });
}

function resultOf(
  { request, manifest }: RequestedBackup,
  { tables, restored, swappedInto }: Outcome,
  { notes }: Caller,
  started: number,
): RestoreResult {
  return {
    backupId: manifest.id,
    database: request.database,
    tables: summarizeTables(tables.map(({ place }) => sqlName(place))),
    tableCount: tables.length,
    rows: request.content === "schema" ? 0 : tables.reduce((sum, { rows }) => sum + rows, 0),
    seconds: secondsSince(started),
    restored,
    swappedInto,
    notes,
  };
}

async function restoreTables(backup: RequestedBackup, target: Target, caller: Caller): Promise<Outcome> {
  const { request, manifest, files } = backup;
  const { session, serverInfo } = target;
  const { signal, notes } = caller;
  if (await allExist(backup, session)) {
    const tables = manifest.tables.map((table) => ({ place: finalPlace(request, table), rows: table.rows }));
    return { tables, restored: false, swappedInto: [] };
  }
  const before = await restoredBefore(backup, session, caller);
  if (before.length > 0) {
    const tables = before.map((table) => ({ place: finalPlace(request, table), rows: table.rows }));
    return { tables, restored: false, swappedInto: [] };
  }
  await checkRestore(backup, session, notes);
  const { fingerprintMethod, source } = manifest;
  const why =
    request.content === "schema"
      ? undefined
      : whyNotComparable(fingerprintMethod, source.encoding, serverInfo);
  if (why !== undefined) notes.push(`Rows were counted, but their fingerprints not compared: ${why}.`);
  if (request.dryRun && request.content !== "data")
    return { tables: await dryRun(backup, target, notes), restored: false, swappedInto: [] };
  await removeLinks(linkFolder(files, target));
  if (request.content !== "data") await beginRecord(backup, target);
  const reader = await openReader(backup, target, signal);
  try {
    const outcome = await (request.content === "data"
      ? fill(backup, target, reader, caller)
      : stageAndPublish(backup, target, reader, caller));
    if (outcome.restored) await rememberRestored(request, session, notes);
    return outcome;
  } finally {
    await reader.close();
  }
}

async function fill(
  backup: RequestedBackup,
  target: Target,
  reader: Reader,
  caller: Caller,
): Promise<Outcome> {
  const tables = await selectFilled(backup, target.session);
  if (backup.request.tableTriggers === "disable") await checkTriggers(target.session, tables);
  await checkFreeSpace(target, tables);
  const outcome = tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (backup.request.dryRun) return { tables: outcome, restored: false, swappedInto: [] };
  caller.progress.note(`Filling ${tables.length} tables.`);
  await restoreData(backup, target, reader, tables, caller);
  return { tables: outcome, restored: true, swappedInto: [] };
}

/** Creates missing roles before the scratch database, which needs them too. */
async function beginRecord(
  { request, manifest }: RequestedBackup,
  { session, names }: Target,
): Promise<void> {
  await openRecord(session, names);
  if (request.missingRoles !== "create") return;
  await makeMissingRoles(session, names, manifest.requires.roles);
}

async function stageAndPublish(
  backup: RequestedBackup,
  target: Target,
  reader: Reader,
  caller: Caller,
): Promise<Outcome> {
  const scripts = await readScripts(backup, target.session, reader, caller);
  return withScratch(
    target,
    scripts,
    caller.signal,
    (scratch) => plan(backup, target, scratch, caller.signal),
    (planned) => bringIn(backup, target, reader, planned, caller),
  );
}

async function plan(
  backup: RequestedBackup,
  target: Target,
  scratch: Scratch,
  signal: AbortSignal,
): Promise<Planned> {
  const { request } = backup;
  const { session, names } = target;
  const staging = await stageTables(backup, target, scratch);
  const attempts = new Attempts();
  const places = staging.tables.map(({ place }) => place);
  const finals = [...staging.finalOf.values()];
  const references = staging.selection.ignoredReferences;
  const needed = await checkPlaces(request, target, { places, finals, references }, attempts);
  if (needed) {
    const oids = staging.selection.tables.map(({ oid }) => oid);
    if (!staging.direct) await attempts.run(() => refuseNumbers(scratch.session, oids, request.ifExists));
    if (request.content !== "schema") await attempts.run(() => checkFreeSpace(target, staging.tables));
    const existing = await findExisting(session, places);
    // checkPlaces has already reported the tables that exist.
    const there = new Set(existing.map((one) => sqlName(one)));
    const named = staging.names.filter((one) => !there.has(sqlName(one)));
    await attempts.run(() => checkNames(session, names.database, named, existing));
  }
  attempts.end();
  if (!needed) return { staging };
  return { staging, dump: await dumpScratch(target, scratch.session, staging, signal) };
}

interface Planned {
  readonly staging: Staging;
  /** Unset if all tables exist and are left as they are. */
  readonly dump?: ScratchDump;
}

async function bringIn(
  backup: RequestedBackup,
  target: Target,
  reader: Reader,
  { staging, dump }: Planned,
  caller: Caller,
): Promise<Outcome> {
  const { request, manifest } = backup;
  const { progress, signal } = caller;
  const tables = staging.tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (dump === undefined) return { tables, restored: false, swappedInto: [] };
  progress.note(
    `Restoring ${tables.length} tables, ${formatBytes(totalBytes(staging.tables.map(({ recorded }) => recorded)))} in the database they come from.`,
  );
  await define(target, dump, manifest.requires.customSrids, signal);
  await load(backup, target, { reader, dump, tables: staging.tables }, caller);
  progress.note("Comparing what was restored with what was backed up.");
  await compareStaging(backup, target, staging.tables, progress);
  await resetSearchPath(target.session, staging.unqualified);
  await giveRights(target.exec, dump, signal);
  const swappedInto = await publish(request, target, staging, caller);
  return { tables, restored: true, swappedInto };
}

/** Only a backup of a whole database has the roles of its server. */
function refuseRoles({ request, manifest, files }: RequestedBackup): void {
  if (request.missingRoles !== "restore" || manifest.wholeDatabase !== undefined) return;
  throw new Failure(
    "usage",
    `Backup ${files.location} is of tables, and has no roles that could be restored. Create those that are missing, or set ` +
      `${setting("--missing-roles create", 'missingRoles: "create"')}.`,
  );
}

/** A restore of tables must not take the place of a whole database, nor the other way round. */
function refuseOtherKind({ request, manifest, files }: RequestedBackup): void {
  const isWhole = manifest.wholeDatabase !== undefined;
  if (request.all === undefined || request.all === isWhole) return;
  const [found, restore] = isWhole ? ["a whole database", "DatabaseRestore"] : ["tables", "TableRestore"];
  throw new Failure("usage", `Backup ${files.location} is of ${found}. Restore it by a ${restore}.`);
}
