import path from "node:path";
import { imageDigest, pathInContainer } from "./docker/container";
import { docker as dockerFor, spawnDocker } from "./docker/docker";
import { execArguments } from "./docker/exec";
import { whileRunning } from "./docker/watch";
import { abandonBackup } from "./abandon";
import { describeBackup, type Manifest, manifestFile } from "./manifest";
import { findDefinitions } from "./postgres/definitions";
import { dump, type DumpDestination } from "./postgres/dump";
import { majorVersion } from "./postgres/facts";
import { fingerprintMethod, type MeasureOptions, measureTables } from "./postgres/fingerprint";
import { countOrphans } from "./postgres/orphans";
import { objectDefinitions } from "./postgres/own-objects";
import { prepareSql } from "./postgres/prepare";
import { withQualifiedNames } from "./postgres/qualified-names";
import { resolveRelations, type TableRelation } from "./postgres/relations";
import { findRequirements } from "./postgres/requirements";
import { kindName, type Selection } from "./postgres/select-tables";
import { seriesKey } from "./postgres/series-lock";
import { openSession } from "./postgres/session";
import { type Snapshot, takeSnapshot } from "./postgres/snapshot";
import { notMounted, type Plan, planBackup } from "./plan";
import { formatBytes, type Progress } from "./progress";
import { pruneAfterBackup } from "./prune-after-backup";
import type { BackupCheck, BackupRequest, BackupResult } from "./request";
import { archiveName, prepareFile, restoreCommand } from "./restore-command";
import { guideFile, restoreGuide } from "./restore-guide";
import { summarizeTables } from "./result";
import { bytesBelow, sealFiles, writeDurably } from "./store/files";
import { folderStore } from "./store/folder-store";
import { openToReaders } from "./store/modes";
import { beginBackup, type PendingBackup, publishBackup } from "./store/folder";
import { sealBackup } from "./store/seal";
import { isGood } from "./store/store";
import { verifyBackup } from "./verification";

interface Run extends Plan {
  readonly snapshot: Snapshot;
  readonly relations: readonly TableRelation[];
  readonly pending: PendingBackup;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Takes one consistent backup; it appears under its final name only when it is complete and checked. */
export async function backup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupResult> {
  const result = await whileRunning(dockerFor(request.dockerHost), request.container, signal, (watched) =>
    takeBackup(request, progress, watched),
  );
  return { ...result, ...(await pruneAfterBackup(request, progress, signal)) };
}

async function takeBackup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupResult> {
  const plan = await planBackup(request, await lastManifest(request), progress, signal);
  const { session, target } = plan;
  try {
    const snapshot = await takeSnapshot(session, plan.selection, {
      request,
      lockTimeout: request.lockTimeout,
      openObserver: () => openSession(target, signal),
      note: (message) => {
        progress.note(message);
      },
    });
    const relations = await resolveRelations(session, request.relations, snapshot.tables);
    noteSkipped(snapshot, progress);
    const pending = await beginBackup(request.directory, request.name, seriesKey(request));
    try {
      return await writeBackup({ ...plan, snapshot, relations, pending, progress, signal });
    } catch (error) {
      throw await abandonBackup(pending, error);
    }
  } finally {
    await session.close();
  }
}

/** Looks for everything that would keep a backup from being taken; takes none. */
export async function checkBackup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupCheck> {
  const { session, selection, estimatedBytes } = await planBackup(
    request,
    await lastManifest(request),
    progress,
    signal,
  );
  await session.close();
  noteSkipped(selection, progress);
  return {
    tables: summarizeTables(selection.tables.map(({ sqlName }) => sqlName)),
    tableCount: selection.tables.length,
    databaseBytes: totalBytes(selection),
    estimatedBytes,
  };
}

/** Of the newest good backup, if there is one that can be read; whether there should be is none of this run's business. */
async function lastManifest({ directory, name }: BackupRequest): Promise<Manifest | undefined> {
  const backups = await folderStore(directory)
    .backups(name)
    .catch(() => []);
  return backups.findLast(isGood)?.manifest;
}

const totalBytes = ({ tables }: Selection) => tables.reduce((sum, { bytes }) => sum + bytes, 0);

function noteSkipped({ skipped }: Selection, progress: Progress): void {
  if (skipped.length === 0) return;
  const names = skipped.map((relation) => `${kindName(relation)} ${relation.sqlName}`).join(", ");
  progress.note(`Not in the backup, because they hold no rows of their own: ${names}.`);
}

async function writeBackup(run: Run): Promise<BackupResult> {
  const { request, container, target, snapshot, pending, progress } = run;
  const { facts, format, compression, jobs } = run;
  const version = majorVersion(run.pgDumpVersion);
  const containerFolder = await folderInContainer(run);
  const archive = archiveName(format, compression);
  const destination: DumpDestination =
    containerFolder === undefined
      ? { hostFile: path.join(pending.workPath, archive) }
      : { containerPath: path.posix.join(containerFolder, archive), user: callerIds() };

  const { requires, definitions, preparation } = await describeTables(run);
  await writeDurably(path.join(pending.workPath, prepareFile), preparation);
  const method = fingerprintMethod(facts.number);
  const { lockTimeout } = request;
  const { measures, relations } = await dumpAndMeasure(
    run,
    destination,
    { format, jobs, compression, version, sequences: requires.sequences, lockTimeout },
    { method, validity: request.verify === "restore" },
  );

  const description = describeBackup({
    pending,
    request,
    container,
    snapshot,
    facts,
    requires,
    format,
    compression,
    jobs,
    measures,
    relations,
    definitions,
    imageDigest: await imageDigest(target.docker, container),
    pgDumpVersion: run.pgDumpVersion,
    fingerprintMethod: method,
  });
  await writeDurably(path.join(pending.workPath, guideFile), restoreGuide(description));
  progress.note("Reading the files back for their checksums.");
  const described = { ...description, files: await sealFiles(pending.workPath) };
  const verification = await verifyBackup({
    docker: target.docker,
    folder: pending.workPath,
    manifest: described,
    level: request.verify,
    image: described.source.imageDigest,
    progress,
    signal: run.signal,
  });
  const manifest = { ...described, finishedAt: new Date().toISOString(), verification };
  await sealBackup(pending.workPath, manifest);
  run.signal.throwIfAborted();
  await openToReaders(pending.workPath, Number.parseInt(request.fileMode, 8));
  await publishBackup(pending);
  return {
    backupId: pending.id,
    location: pending.finalPath,
    manifest: path.join(pending.finalPath, manifestFile),
    createdAt: manifest.startedAt,
    sizeBytes: manifest.files.reduce((sum, { bytes }) => sum + bytes, 0),
    verification,
    pruned: [],
    tables: summarizeTables(snapshot.tables.map(({ sqlName }) => sqlName)),
    restoreCommand: restoreCommand({
      container: request.container,
      user: request.user,
      database: request.database,
      format,
      compression,
      jobs,
      location: pending.finalPath,
      containerLocation: containerFolder && path.posix.join(path.posix.dirname(containerFolder), pending.id),
    }),
  };
}

/** Counts and fingerprints are read while pg_dump runs; when one of them fails, the others are ended. */
async function dumpAndMeasure(
  { request, target, session, snapshot, relations, pending, progress, signal }: Run,
  destination: DumpDestination,
  options: Parameters<typeof dump>[1],
  measuring: MeasureOptions,
) {
  progress.note(
    `Dumping ${snapshot.tables.length} tables, ${formatBytes(totalBytes(snapshot))} in the database.`,
  );
  let current = "table definitions";
  const stop = progress.follow(
    () => current,
    () => bytesBelow(pending.workPath),
  );
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const endAll = (error: unknown) => {
    failed.abort();
    throw error;
  };
  const work = [
    dump(target, options, snapshot, destination, (tables) => (current = tables || current), either).catch(
      endAll,
    ),
    measureTables(session, target, snapshot, measuring, either).catch(endAll),
    countOrphans(target, snapshot.id, relations, request.maxOrphans, either).catch(endAll),
  ] as const;
  try {
    const [, measures, counted] = await Promise.all(work);
    signal.throwIfAborted();
    return { measures, relations: counted };
  } catch (error) {
    // Where the session that holds the snapshot has died, what failed after it is a consequence.
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  } finally {
    await Promise.allSettled(work);
    stop();
  }
}

/** What the tables are and need, as the snapshot shows it. */
async function describeTables({ session, target, snapshot, signal }: Run) {
  const found = await withQualifiedNames(session, async () => ({
    ...(await findRequirements(session, snapshot.tables)),
    definitions: await findDefinitions(
      session,
      snapshot.tables.map(({ oid }) => oid),
    ),
  }));
  const ownObjects = await objectDefinitions(target, snapshot, found.objects, signal);
  return { ...found, preparation: prepareSql(found.requires, ownObjects) };
}

/**
 * The work folder as the container sees it. A mount of the same path can belong to another machine, when the daemon is
 * remote; so the folder just made must be there and writable for the caller.
 */
async function folderInContainer({ request, container, target, pending }: Run): Promise<string | undefined> {
  const candidate = pathInContainer(container, pending.workPath);
  if (candidate !== undefined) {
    const probe = execArguments(target, ["test", "-w", candidate], callerIds());
    const { failed } = await spawnDocker(target.docker, probe, { reject: false });
    if (!failed) return candidate;
  }
  if (request.format !== "directory") return undefined;
  throw notMounted(request, path.dirname(pending.finalPath));
}

/** Files that a process in the container writes belong to the caller. */
function callerIds(): string {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}
