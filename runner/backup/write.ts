import path from "node:path";
import { imageDigest } from "../docker/container";
import type { Progress } from "../lib/progress";
import { type DatabaseObject, readDatabaseObjects } from "../postgres/catalog/database-objects";
import {
  databaseRequirements,
  extensionRowsAreLinked,
  readDatabaseProperties,
} from "../postgres/catalog/database-settings";
import { type Definitions, findDefinitions, statisticsStatements } from "../postgres/catalog/definitions";
import { readGlobals } from "../postgres/catalog/globals";
import { fingerprintMethod } from "../postgres/catalog/fingerprint";
import {
  describeObjects,
  notCarried,
  plainImpossible,
  refuseUnreadable,
  refuseUnreadableProperties,
  type OutsideContent,
} from "../postgres/catalog/not-carried";
import { afterTablesSql, prepareSql, definitionScripts } from "../postgres/catalog/prepare";
import { aroundTimescale } from "../postgres/catalog/timescale";
import { findRequirements, type ObjectId } from "../postgres/catalog/requirements";
import type { Connection } from "../postgres/session/connect";
import { isReadable, suffixOf } from "../postgres/archive/compression";
import { addressOf, majorVersion, isConvertible } from "../postgres/session/server";
import { withQualifiedNames } from "../postgres/session/session";
import type { Snapshot } from "../postgres/session/snapshot";
import { afterTablesFile, databaseFile, globalsFile, objectsFile, prepareFile } from "../repository/layout";
import type { Manifest } from "../repository/manifest";
import type { Requirements } from "../request/contents";
import type { ArchiveFormat, BackupRequest, BackupResult } from "../request";
import { summarizeTables } from "../request/result";
import { describeBackup, serverOf } from "./describe-backup";
import { type BegunBackup, notMounted, type Repositories } from "./repositories";
import { onceOnly } from "../repository/checksums";
import { destinationOf, folderInContainer, mustSplit } from "./destination";
import { dumpAndMeasure } from "./dump";
import { dumpedSince, type Earlier, lastAlike, rowsProven } from "./unchanged";
import type { Plan } from "./plan";
import { type EarlyContainer, noEarlyContainer, ownReader, proveArchive, startEarlyContainer } from "./prove";
import { restoreCommand, guideFile, restoreGuide } from "./restore-guide";
import { totalBytes } from "../lib/format";
import type { LogicalForeignKey } from "../postgres/catalog/logical-foreign-keys";

/** What the tables are under their locks. */
interface Taken {
  readonly snapshot: Snapshot;
  readonly logicalForeignKeys: readonly LogicalForeignKey[];
  /** Content that is left out, as the request accepts. */
  readonly outside: readonly OutsideContent[];
}

/** What is known of a backup as soon as it is published. */
export type TakenBackup = Omit<BackupResult, "pruned" | "alarm">;

/** Writes, verifies and publishes a backup of what the snapshot shows. */
export async function writeBackup(
  request: BackupRequest,
  plan: Plan,
  taken: Taken,
  repositories: Repositories,
  writer: BegunBackup,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenBackup> {
  const { container, connection, server, archive } = plan;
  const { target } = connection;
  const describe = taken.snapshot.whole === undefined ? describeTables : describeDatabase;
  const [needs, folder] = await Promise.all([
    describe(connection, taken.snapshot, server.encoding, archive.format, signal),
    folderInContainer(container, target, writer.files.folder),
  ]);
  const { folder: hostFolder } = writer.files;
  if (archive.format === "directory" && hostFolder !== undefined && folder === undefined)
    throw notMounted(request, path.dirname(hostFolder));
  await writer.write(prepareFile, textOf(needs.preparation));
  if (needs.whole !== undefined) {
    await writer.write(databaseFile, textOf(needs.whole.script));
    await writer.write(objectsFile, textOf(JSON.stringify(needs.whole.objects)));
  }
  if (request.globals !== undefined) {
    const script = await readGlobals(connection.session, request.globals);
    if (!isConvertible(server.encoding)) refuseUnreadableProperties([script]);
    await writer.write(globalsFile, textOf(script));
    if (request.globals === "with-passwords")
      progress.note(
        `warning: The backup has hashes of passwords, in ${globalsFile}. Keep others from its repositories.`,
      );
  }
  if (needs.afterTables !== "") await writer.write(afterTablesFile, textOf(needs.afterTables));
  const reader = readerOf(request, plan, taken.snapshot, writer, folder, progress, signal);
  try {
    return await writeArchive(
      request,
      plan,
      taken,
      repositories,
      writer,
      needs,
      folder,
      reader,
      progress,
      signal,
    );
  } finally {
    await reader.close();
  }
}

async function writeArchive(
  request: BackupRequest,
  { container, connection, server, pgDumpVersion, archive, expect }: Plan,
  { snapshot, logicalForeignKeys, outside }: Taken,
  repositories: Repositories,
  writer: BegunBackup,
  { requires, definitions, afterTables, whole }: Needed,
  folder: string | undefined,
  reader: EarlyContainer,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenBackup> {
  const { session, target } = connection;
  const { format, compression, jobs } = archive;
  const { lockTimeout, maxOrphans } = request;
  const digest = imageDigest(target.docker, container);
  const method = fingerprintMethod(server);
  const version = majorVersion(pgDumpVersion);
  const earlier = earlierOf(request, repositories, writer, {
    ...{ format, compression, pgDumpVersion, fingerprintMethod: method },
    source: serverOf(request.database, server),
  });
  const dumped = await dumpAndMeasure(
    connection,
    {
      snapshot,
      options: {
        ...{ jobs, compression, version, sequences: requires.sequences, lockTimeout },
        format: mustSplit(writer, format) ? "custom" : format,
      },
      destination: destinationOf(writer, folder, archive),
      splitFrom: request.splitTablesFrom,
      serverVersion: server.number,
      earlier,
      expectedBytes: expect(snapshot.tables),
    },
    {
      measuring: {
        ...{ method, validity: request.verify === "restore", ...countingWorkers(jobs) },
        places: request.fullEvery !== undefined && format === "directory" && method.startsWith("values"),
      },
      logicalForeignKeys,
      maxOrphans,
    },
    () => writer.bytes(),
    progress,
    signal,
  );
  // The rest can take long, and others may change the tables now.
  await session.run("COMMIT");

  const { id, startedAt, newerThan } = writer;
  const description = describeBackup({
    ...{ id, startedAt, newerThan, name: request.name, database: request.database },
    ...{ container, imageDigest: await digest, server, pgDumpVersion },
    ...{ snapshot, requires, definitions, outside, fingerprintMethod: method },
    wholeDatabase: describeWhole(snapshot, whole, request),
    ...archive,
    ...dumped,
  });
  const restoreJobs = whole?.inOrder === true ? 1 : jobs;
  const guide = restoreGuide({ ...description, jobs: restoreJobs }, afterTables !== "");
  await writer.write(guideFile, textOf(guide));
  const { files, verification } = await proveArchive(
    target.docker,
    writer.files,
    () =>
      writer.checksums(
        progress,
        [...dumped.shared.values()].map(({ stored }) => stored),
      ),
    description,
    rowsProven(earlier, dumped),
    request.verify,
    reader,
    progress,
    signal,
  );
  const closed = reader.close();
  const manifest = { ...description, files, finishedAt: new Date().toISOString(), verification };
  signal.throwIfAborted();
  const [place] = await Promise.all([repositories.publish(writer, manifest, { progress, signal }), closed]);
  return {
    backupId: id,
    ...place,
    createdAt: manifest.startedAt,
    sizeBytes: totalBytes(files),
    verification,
    tables: summarizeTables(snapshot.tables.map(({ sqlName }) => sqlName)),
    restoreCommand: restoreCommand({
      container: request.container,
      address: addressOf(target),
      needsPassword: target.secretEnv.length > 0,
      user: request.user,
      database: request.database,
      ...archive,
      jobs: restoreJobs,
      afterTables: afterTables !== "",
      wholeDatabase: whole !== undefined,
      location: writer.location,
      containerLocation: folder && path.posix.join(path.posix.dirname(folder), id),
      s3: request.s3,
      locale: description.source,
    }),
  };
}

/** Tables of this size, all together, are read back in a moment. */
const smallBytes = 1 << 24;

/** What reads the archive as soon as it is written. */
function readerOf(
  { verify }: BackupRequest,
  { container, connection, archive: { format, compression } }: Plan,
  { tables }: Snapshot,
  { files }: BegunBackup,
  folder: string | undefined,
  progress: Progress,
  signal: AbortSignal,
): EarlyContainer {
  if (verify !== "archive" || format === "plain") return noEarlyContainer;
  const { target } = connection;
  const isSmall = format === "directory" && totalBytes(tables) <= smallBytes;
  if (isSmall && folder !== undefined && isReadable(suffixOf(compression)))
    return ownReader(target, folder, files, progress, signal);
  return startEarlyContainer(target.docker, container.Image, files, progress, signal);
}

/** The backup to share rows with, if that was asked for and there is one. */
function earlierOf(
  { fullEvery, full, fileMode }: BackupRequest,
  repositories: Repositories,
  { files: { folder }, copyFrom }: BegunBackup,
  wanted: Parameters<typeof lastAlike>[1],
): Earlier | undefined {
  const manifest = fullEvery === undefined ? undefined : lastAlike(repositories.earlier, wanted);
  const inFolder = folder === undefined ? undefined : { folder, fileMode: Number.parseInt(fileMode, 8) };
  const sharing = inFolder ?? (copyFrom && { copyFrom });
  if (manifest === undefined || fullEvery === undefined || sharing === undefined) return undefined;
  return {
    ...{ manifest, sharing },
    files: repositories.earlierFiles(manifest),
    notBefore: dumpedSince(fullEvery, full),
  };
}

const textOf = (text: string) => onceOnly(Buffer.from(text));

/** With one or two jobs, `pg_dump` and the server keep all processors busy; counting takes less of them without workers. */
const countingWorkers = (jobs: number): { workers?: number } => (jobs > 2 ? {} : { workers: 0 });

/** What a restore needs besides the archive. */
interface Needed {
  readonly requires: Requirements;
  readonly definitions: ReadonlyMap<string, Definitions>;
  readonly preparation: string;
  /** Empty: nothing is created between the definitions and the rows. */
  readonly afterTables: string;
  /** Of a whole database. */
  readonly whole?: {
    readonly owner: string;
    readonly script: string;
    /** Whether rows can be restored by one job alone. */
    readonly inOrder: boolean;
    readonly objects: readonly DatabaseObject[];
  };
}

/** The objects of the whole database, in the snapshot. The archive creates all of them. */
async function describeDatabase(
  { session }: Connection,
  snapshot: Snapshot,
  encoding: string,
): Promise<Needed> {
  const oids = snapshot.tables.map(({ oid }) => oid);
  return withQualifiedNames(session, async () => {
    const [requires, properties] = [
      await databaseRequirements(session),
      await readDatabaseProperties(session),
    ];
    if (!isConvertible(encoding)) refuseUnreadableProperties([...requires.roles, properties.script]);
    const around = aroundTimescale(requires.extensions);
    return {
      requires,
      definitions: await findDefinitions(session, oids),
      preparation: `-- The archive is a dump of the whole database and creates everything itself.\n${around.before}`,
      afterTables: "",
      whole: {
        owner: properties.owner,
        script: `${around.after}${properties.script}`,
        inOrder: await extensionRowsAreLinked(session),
        objects: await readDatabaseObjects(session, snapshot.whole?.excludeSchemas ?? []),
      },
    };
  });
}

function describeWhole(
  { whole }: Snapshot,
  found: Needed["whole"],
  { globals }: Pick<BackupRequest, "globals">,
): Manifest["wholeDatabase"] {
  if (whole === undefined || found === undefined) return undefined;
  const counts = new Map<string, number>();
  for (const { kind } of found.objects) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return {
    owner: found.owner,
    ...(globals === undefined ? {} : { globals }),
    objects: [...counts].map(([kind, count]) => ({ kind, count })),
    excludedSchemas: [...whole.excludeSchemas],
    withoutRows: whole.withoutRows.map(({ schema, name }) => ({ schema, name })),
  };
}

/** The definitions of the tables and of what they need, in the snapshot. */
async function describeTables(
  { session, target }: Connection,
  snapshot: Snapshot,
  encoding: string,
  format: ArchiveFormat,
  signal: AbortSignal,
): Promise<Needed> {
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
  if (!isConvertible(encoding)) refuseUnreadable(found.statistics);
  const [early = "", late = ""] = scripts;
  if (late !== "" && format === "plain") throw plainImpossible(await described(found.late));
  return {
    ...found,
    preparation: prepareSql({ ...found.requires, schemaOwners: found.schemaOwners }, early),
    afterTables: afterTablesSql(late, found.statistics),
  };
}
