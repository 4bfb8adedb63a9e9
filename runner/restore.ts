import { totalBytes } from "./bytes";
import { callerIds, execArguments } from "./docker/exec";
import { docker as dockerFor, dockerFailure, spawnDocker } from "./docker/docker";
import { whileRunning } from "./docker/watch";
import { Attempts, Failure } from "./failure";
import { type Name, sqlName } from "./postgres/names";
import { formatBytes, type Progress } from "./progress";
import type { RestoreRequest, RestoreResult } from "./request";
import { cleanUp } from "./restore/clean-up";
import { comparesFingerprints, compareStaging } from "./restore/comparison";
import { restoreData } from "./restore/data-only";
import { selectFilled } from "./restore/filled-tables";
import { checkFreeSpace } from "./restore/free-space";
import { loadStaging } from "./restore/load";
import { removeLinks } from "./restore/linked-rows";
import { finalPlace } from "./restore/members";
import { checkPlaces } from "./restore/places";
import { allExist, beginRestore, checkRestore } from "./restore/plan";
import { createMissingRoles, type Created, nothingCreated, prepareTarget } from "./restore/prepare-target";
import { publish } from "./restore/publish";
import { openReader, type Reader } from "./restore/reader";
import type { RestoreRun } from "./restore/run";
import { dumpStaging, withScratch } from "./restore/scratch";
import { stageTables } from "./restore/staging";
import { summarizeTables } from "./result";
import { secondsSince } from "./seconds";

/** Brings tables of a backup into a database: all of them, compared with what was backed up, or nothing changes. */
export function restore(
  request: RestoreRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const started = performance.now();
  return whileRunning(dockerFor(request.dockerHost), request.container, signal, async (watched) => {
    const run = await beginRestore(request, progress, watched);
    const created = nothingCreated();
    let done: Outcome | undefined;
    try {
      done = await restoreTables(run, created);
    } finally {
      await run.session.close();
      await cleanUp(run, done?.restored === true ? nothingCreated() : created).catch((error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        progress.note(
          `Not all that the restore made on its way is removed; the next one does that. ${error.message}`,
        );
      });
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

async function restoreTables(run: RestoreRun, created: Created): Promise<Outcome> {
  const { request, manifest } = run;
  if (await allExist(run)) {
    const tables = manifest.tables.map((table) => ({ place: finalPlace(request, table), rows: table.rows }));
    return { tables, restored: false, swappedInto: [] };
  }
  await checkRestore(run);
  if (request.content !== "schema" && !comparesFingerprints(run)) {
    run.notes.push(
      "Rows were counted, but their fingerprints not compared: those of the backup are of a kind that this server's version does not know.",
    );
  }
  await removeLinks(run);
  await makeWorkFolder(run);
  await createMissingRoles(run, created);
  const reader = await openReader(run);
  try {
    return await (request.content === "data" ? fill(run, reader) : stageAndPublish(run, reader, created));
  } finally {
    await reader.close();
  }
}

async function makeWorkFolder({ target, names }: RestoreRun): Promise<void> {
  const make = execArguments(
    { ...target, secretEnv: [] },
    ["mkdir", "-m", "700", names.workFolder],
    callerIds(),
  );
  try {
    await spawnDocker(target.docker, make, {});
  } catch (error) {
    throw dockerFailure(error);
  }
}

async function fill(run: RestoreRun, reader: Reader): Promise<Outcome> {
  const tables = await selectFilled(run);
  await checkFreeSpace(run, tables);
  const outcome = tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (run.request.dryRun) return { tables: outcome, restored: false, swappedInto: [] };
  run.progress.note(`Filling ${tables.length} tables.`);
  await restoreData(run, reader, tables);
  return { tables: outcome, restored: true, swappedInto: [] };
}

async function stageAndPublish(run: RestoreRun, reader: Reader, created: Created): Promise<Outcome> {
  const { request, progress } = run;
  const { staging, wanted } = await withScratch(run, reader, async (scratch) => {
    const staged = await stageTables(run, scratch);
    const attempts = new Attempts();
    const needed = await checkPlaces(run, staged, attempts);
    if (needed) await attempts.run(() => checkFreeSpace(run, staged.tables));
    attempts.end();
    if (needed && !request.dryRun) await dumpStaging(run);
    return { staging: staged, wanted: needed };
  });
  const tables = staging.tables.map(({ recorded, place }) => ({ place, rows: recorded.rows }));
  if (!wanted || request.dryRun) return { tables, restored: false, swappedInto: [] };
  progress.note(
    `Restoring ${tables.length} tables, ${formatBytes(totalBytes(staging.tables.map(({ recorded }) => recorded)))} in the database they come from.`,
  );
  await prepareTarget(run, staging, created);
  await loadStaging(run, reader, staging.tables);
  progress.note("Comparing what was restored with what was backed up.");
  await compareStaging(run, staging.tables);
  const swappedInto = await publish(run, staging);
  return { tables, restored: true, swappedInto };
}
