import path from "node:path";
import { totalBytes } from "../lib/bytes";
import { imageDigest, pathInContainer } from "../docker/container";
import { spawnDocker } from "../docker/docker";
import { callerIds, execArguments } from "../docker/exec";
import { type Manifest } from "../repository/manifest";
import { findDefinitions } from "../postgres/catalog/definitions";
import type { DumpDestination } from "../postgres/archive/dump";
import { isConvertible } from "../postgres/session/encoding";
import { statisticsStatements } from "../postgres/catalog/extended-statistics";
import { majorVersion } from "../postgres/session/server-info";
import { addressOf } from "../postgres/session/server";
import { fingerprintMethod } from "../postgres/catalog/fingerprint";
import {
  describeObjects,
  notCarried,
  plainImpossible,
  refuseUnreadable,
} from "../postgres/catalog/not-carried";
import { definitionScripts } from "../postgres/catalog/own-objects";
import { afterTablesSql, prepareSql } from "../postgres/catalog/prepare";
import { withQualifiedNames } from "../postgres/session/qualified-names";
import { findRequirements, type ObjectId } from "../postgres/catalog/requirements";
import type { BackupResult } from "../request";
import { restoreCommand } from "./restore-command";
import { guideFile, restoreGuide } from "./restore-guide";
import { summarizeTables } from "../request/result";
import { secondsSince } from "../lib/seconds";
import { verifyBackup } from "../verify";
import { type EarlyContainer, startEarlyContainer } from "./early-container";
import { notMounted } from "./folder-destination";
import { dumpAndMeasure } from "./measure";
import type { Run } from "./run";
import { afterTablesFile, prepareFile } from "../repository/layout";
import { archiveName } from "../postgres/archive/archive-name";
import { type Description, describeBackup } from "./describe-backup";

/** What is known of a backup as soon as it is published. */
export type TakenBackup = Omit<BackupResult, "copies" | "pruned" | "alarm">;

/** Writes, verifies and publishes a backup of what the snapshot shows. */
export async function writeBackup(run: Run): Promise<TakenBackup> {
  const [needs, containerFolder] = await Promise.all([describeTables(run), folderInContainer(run)]);
  await run.draft.write(prepareFile, needs.preparation);
  if (needs.afterTables !== "") await run.draft.write(afterTablesFile, needs.afterTables);
  const reader = startEarlyContainer(run);
  try {
    return await writeArchive(run, needs, containerFolder, reader);
  } finally {
    await reader.close();
  }
}

async function writeArchive(
  run: Run,
  { requires, definitions, afterTables }: Awaited<ReturnType<typeof describeTables>>,
  containerFolder: string | undefined,
  reader: EarlyContainer,
): Promise<TakenBackup> {
  const { request, container, target, session, snapshot, draft, progress, signal } = run;
  const { facts, format, compression, jobs } = run;
  const version = majorVersion(run.pgDumpVersion);
  const archive = archiveName(format, compression);
  const { folder } = draft.stored;
  const destination: DumpDestination =
    containerFolder === undefined || folder === undefined
      ? draft.archive(archive)
      : {
          containerPath: path.posix.join(containerFolder, archive),
          hostPath: path.join(folder, archive),
          user: callerIds(),
        };

  const digest = imageDigest(target.docker, container);
  const method = fingerprintMethod(facts);
  const { lockTimeout } = request;
  const { measures, logicalForeignKeys } = await dumpAndMeasure(
    run,
    destination,
    { format, jobs, compression, version, sequences: requires.sequences, lockTimeout },
    { method, validity: request.verify === "restore", ...countingWorkers(jobs) },
  );
  // What follows can take long, and others may change the tables now.
  await session.run("COMMIT");

  const description = describeBackup({
    id: draft.id,
    startedAt: draft.startedAt,
    newerThan: draft.newerThan,
    request,
    container,
    snapshot,
    facts,
    requires,
    format,
    compression,
    jobs,
    measures,
    logicalForeignKeys,
    outside: run.outside,
    definitions,
    imageDigest: await digest,
    pgDumpVersion: run.pgDumpVersion,
    fingerprintMethod: method,
  });
  await draft.write(guideFile, restoreGuide(description, afterTables !== ""));
  const { files, verification } = await proveArchive(run, description, reader);
  const closed = reader.close();
  const manifest = { ...description, files, finishedAt: new Date().toISOString(), verification };
  signal.throwIfAborted();
  const [place] = await Promise.all([draft.publish(manifest, { progress, signal }), closed]);
  return {
    backupId: draft.id,
    ...place,
    createdAt: manifest.startedAt,
    sizeBytes: totalBytes(manifest.files),
    verification,
    tables: summarizeTables(snapshot.tables.map(({ sqlName }) => sqlName)),
    restoreCommand: restoreCommand({
      container: request.container,
      address: addressOf(target),
      needsPassword: target.secretEnv.length > 0,
      user: request.user,
      database: request.database,
      format,
      compression,
      jobs,
      afterTables: afterTables !== "",
      location: place.location,
      containerLocation: containerFolder && path.posix.join(path.posix.dirname(containerFolder), draft.id),
      s3: request.s3,
      locale: description.source,
    }),
  };
}

/** Two jobs are as many as `pg_dump` and the server keep busy with one table; and without workers, counting is less work. */
const countingWorkers = (jobs: number): { workers?: number } => (jobs > 2 ? {} : { workers: 0 });

/** To read for checksums waits for the disk, and to read what is in the archive for the processor; so they go together. */
async function proveArchive(
  { request, target, draft, progress, signal }: Run,
  description: Description,
  reader: EarlyContainer,
): Promise<Pick<Manifest, "files" | "verification">> {
  const started = performance.now();
  const sealing = draft.files(progress);
  const checking = reader.check(description);
  const [files, checked] = await Promise.all([sealing, checking]).finally(() =>
    Promise.allSettled([sealing, checking]),
  );
  const level = request.verify;
  if (checked) return { files, verification: { level, seconds: secondsSince(started) } };
  const verification = await verifyBackup({
    docker: target.docker,
    files: draft.stored,
    manifest: { ...description, files },
    level,
    justRead: draft.stored.folder !== undefined,
    image: description.source.imageDigest,
    asked: false,
    progress,
    signal,
  });
  return { files, verification };
}

/** What the tables are and need, as the snapshot shows it. */
async function describeTables({ session, target, snapshot, facts, format, signal }: Run) {
  const oids = snapshot.tables.map(({ oid }) => oid);
  const found = await withQualifiedNames(session, async () => ({
    ...(await findRequirements(session, snapshot.tables, snapshot.needs)),
    definitions: await findDefinitions(session, oids),
    statistics: await statisticsStatements(session, oids),
  }));
  const described = (objects: readonly ObjectId[]) =>
    withQualifiedNames(session, () => describeObjects(session, objects));
  const wanted = [{ create: found.early, annotate: found.annotated }, { create: found.late }];
  const { scripts, unknown } = await definitionScripts(target, snapshot, wanted, signal);
  if (unknown.length > 0) throw notCarried(await described(unknown));
  if (!isConvertible(facts.encoding)) refuseUnreadable(found.statistics);
  const [early = "", late = ""] = scripts;
  if (late !== "" && format === "plain") throw plainImpossible(await described(found.late));
  return {
    ...found,
    preparation: prepareSql({ ...found.requires, schemaOwners: found.schemaOwners }, early),
    afterTables: afterTablesSql(late, found.statistics),
  };
}

/**
 * The work folder as the container sees it. A mount of the same path can belong to another machine, when the daemon is
 * remote; so the folder just made must be there and writable for the caller.
 */
async function folderInContainer({
  request,
  format,
  container,
  target,
  draft,
}: Run): Promise<string | undefined> {
  const { folder } = draft.stored;
  if (folder === undefined) return undefined;
  const candidate = pathInContainer(container, folder);
  if (candidate !== undefined) {
    const probe = execArguments(target, ["test", "-w", candidate], callerIds());
    const { failed } = await spawnDocker(target.docker, probe, { reject: false });
    if (!failed) return candidate;
  }
  if (format !== "directory") return undefined;
  throw notMounted(request, path.dirname(folder));
}
