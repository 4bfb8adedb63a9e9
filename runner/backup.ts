import os from "node:os";
import path from "node:path";
import { type Inspection, imageDigest, pathInContainer, runningContainer } from "./docker/container";
import { docker as dockerFor, spawnDocker } from "./docker/docker";
import { execArguments, type ExecTarget } from "./docker/exec";
import { Failure } from "./failure";
import { describeBackup, manifestFile } from "./manifest";
import { chooseCompression, preferredCompression } from "./postgres/compression";
import { findDefinitions } from "./postgres/definitions";
import { dump, type DumpDestination } from "./postgres/dump";
import { dumpFacts, serverFacts } from "./postgres/facts";
import { fingerprintMethod, type MeasureOptions, measureTables } from "./postgres/fingerprint";
import { objectDefinitions } from "./postgres/own-objects";
import { prepareSql } from "./postgres/prepare";
import { withQualifiedNames } from "./postgres/qualified-names";
import { findRequirements } from "./postgres/requirements";
import { serverTarget } from "./postgres/server";
import { openSession, type Session } from "./postgres/session";
import { type Snapshot, takeSnapshot } from "./postgres/snapshot";
import { formatBytes, type Progress } from "./progress";
import type { BackupRequest, BackupResult } from "./request";
import { archiveName, prepareFile, restoreCommand } from "./restore-command";
import { summarizeTables } from "./result";
import { bytesBelow, sealFiles, writeDurably } from "./store/files";
import { beginBackup, discardBackup, type PendingBackup, publishBackup } from "./store/folder";
import { sealBackup } from "./store/seal";
import { verifyBackup } from "./verification";

interface Run {
  readonly request: BackupRequest;
  readonly container: Inspection;
  readonly target: ExecTarget;
  readonly session: Session;
  readonly snapshot: Snapshot;
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
  const docker = dockerFor(request.dockerHost);
  const container = await runningContainer(docker, request.container);
  const target = serverTarget(docker, container, request, `postgis-backup ${request.name}`);
  const session = openSession(target, signal);
  try {
    const snapshot = await takeSnapshot(session, request);
    const pending = await beginBackup(request.directory, request.name);
    try {
      return await writeBackup({ request, container, target, session, snapshot, pending, progress, signal });
    } catch (error) {
      await discardBackup(pending);
      throw error;
    }
  } finally {
    await session.close();
  }
}

async function writeBackup(run: Run): Promise<BackupResult> {
  const { request, container, target, session, snapshot, pending, progress } = run;
  const facts = await serverFacts(session);
  const { format, jobs = Math.min(os.availableParallelism(), 4) } = request;
  const pgDump = await dumpFacts(target, request.compression ?? preferredCompression);
  const compression = chooseCompression(request.compression, format, pgDump);
  const containerFolder = await folderInContainer(run);
  const archive = archiveName(format, compression);
  const destination: DumpDestination =
    containerFolder === undefined
      ? { hostFile: path.join(pending.workPath, archive) }
      : { containerPath: path.posix.join(containerFolder, archive), user: callerIds() };

  const { requires, definitions, preparation } = await describeTables(run);
  await writeDurably(path.join(pending.workPath, prepareFile), preparation);
  const method = fingerprintMethod(facts.number);
  const options = { format, jobs, compression, version: pgDump.major, sequences: requires.sequences };
  const measures = await dumpAndMeasure(run, destination, options, {
    method,
    validity: request.verify === "restore",
  });
  progress.note("Reading the files back for their checksums.");
  const files = await sealFiles(pending.workPath);

  const described = describeBackup({
    pending,
    request,
    container,
    snapshot,
    facts,
    requires,
    files,
    format,
    compression,
    jobs,
    measures,
    definitions,
    imageDigest: await imageDigest(target.docker, container),
    pgDumpVersion: pgDump.version,
    fingerprintMethod: method,
  });
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
  await publishBackup(pending);
  return {
    backupId: pending.id,
    location: pending.finalPath,
    manifest: path.join(pending.finalPath, manifestFile),
    createdAt: manifest.startedAt,
    sizeBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
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

/** Counts and fingerprints are read while pg_dump runs; when one of the two fails, the other is ended. */
async function dumpAndMeasure(
  { target, session, snapshot, pending, progress, signal }: Run,
  destination: DumpDestination,
  options: Parameters<typeof dump>[1],
  measuring: MeasureOptions,
) {
  const size = snapshot.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  progress.note(`Dumping ${snapshot.tables.length} tables, ${formatBytes(size)} in the database.`);
  let current = "table definitions";
  const stop = progress.follow(
    () => current,
    () => bytesBelow(pending.workPath),
  );
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const endBoth = (error: unknown) => {
    failed.abort();
    throw error;
  };
  const work = [
    dump(target, options, snapshot, destination, (tables) => (current = tables || current), either).catch(
      endBoth,
    ),
    measureTables(session, target, snapshot, measuring, either).catch(endBoth),
  ] as const;
  try {
    const [, measures] = await Promise.all(work);
    signal.throwIfAborted();
    return measures;
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
  throw new Failure(
    "directory-not-mounted",
    `Container "${request.container}" has no writable mount of ${path.dirname(pending.finalPath)}, and pg_dump writes the directory format ` +
      `inside the container. Mount that folder into it, or take --format custom, which is streamed out.`,
  );
}

/** Files that a process in the container writes belong to the caller. */
function callerIds(): string {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}
