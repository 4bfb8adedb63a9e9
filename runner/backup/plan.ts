/** Finds what is wrong with a backup before anything is written, and locks it: each backup is taken by one run at a time. */
import { type Inspection, serviceNote } from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import { Attempts, Failure } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import type { Relation } from "../postgres/catalog/catalog";
import { chooseCompression, preferredCompression } from "../postgres/archive/compression";
import { type Connection, connectServer, noteEnded, lockRuns } from "../postgres/session/connect";
import {
  type DumpInfo,
  readDumpInfo,
  majorVersion,
  type ServerInfo,
  readServerInfo,
} from "../postgres/session/server";
import { resolveLogicalForeignKeys } from "../postgres/catalog/logical-foreign-keys";
import { refuseUnlogged } from "../postgres/session/hot-standby";
import { refuseHypertables } from "../postgres/catalog/timescale";
import { checkGlobals } from "../postgres/catalog/globals";
import { lookElsewhere } from "../postgres/catalog/elsewhere";
import { type Selection, type ResolvedSelection, resolveSelection } from "../postgres/catalog/select-tables";
import type { Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import {
  type ArchiveFormat,
  type BackupRequest,
  isStreamed,
  type VerifyLevel,
  type S3Settings,
} from "../request";
import type { Repositories } from "./repositories";
import { totalBytes } from "../lib/format";
import { chooseJobs } from "../lib/concurrency";
import { checkReadableNames, checkPrivileges } from "../postgres/catalog/readable";
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { parseRepository, s3Url, type S3Location } from "../request/location";
import { setting } from "../lib/setting";
type Sized = Pick<Relation, "bytes">;

/** A backup that can be taken. */
export interface Plan {
  /** No two runs with the same key are in progress at a time. */
  readonly key: string;
  readonly container: Inspection;
  /** Its session holds the lock of this backup until it is closed. */
  readonly connection: Connection;
  readonly server: ServerInfo;
  readonly pgDumpVersion: string;
  readonly selection: ResolvedSelection;
  readonly archive: {
    readonly format: ArchiveFormat;
    readonly compression: string;
    readonly jobs: number;
  };
  /** The size of a backup of these tables, going by the last backup; undefined without one. */
  readonly expect: (tables: readonly Sized[]) => number | undefined;
  /** The same, or a guess. */
  readonly estimate: (tables: readonly Sized[]) => number;
}

/** Fails with all that is wrong, in one message. The caller closes the session of the plan. */
export async function planBackup(
  request: BackupRequest,
  running: () => Promise<Inspection>,
  repositories: Repositories,
  progress: Progress,
  signal: AbortSignal,
): Promise<Plan> {
  const attempts = new Attempts();
  const docker = await dockerFor(request.dockerHost, signal);
  const last = await attempts.run(() => repositories.survey());
  const container = await attempts.run(running);
  if (container === undefined) throw attempts.failure();
  const note = serviceNote(container, request.container);
  if (note !== undefined) progress.note(note);
  const format = attempts.runSync(() => repositories.chooseFormat(container, progress));
  const key = await backupKey({ ...request, containerId: container.Id });
  const [connection, dump] = await Promise.all([
    attempts.run(() => connectServer(docker, container, request, applicationName(key, request.name), signal)),
    attempts.run(() => readDumpInfo(docker, container, request.compression ?? preferredCompression)),
  ]);
  if (connection === undefined) throw attempts.failure();
  try {
    const found = await planWithServer(
      request,
      repositories,
      format ?? "custom",
      key,
      connection,
      dump,
      last,
      attempts,
      progress,
      signal,
    );
    return { key, container, connection, ...found };
  } catch (error) {
    await connection.session.close();
    throw error;
  }
}

async function planWithServer(
  request: BackupRequest,
  repositories: Repositories,
  format: ArchiveFormat,
  key: string,
  { session, target }: Connection,
  dump: DumpInfo | undefined,
  last: Manifest | undefined,
  attempts: Attempts,
  progress: Progress,
  signal: AbortSignal,
): Promise<Omit<Plan, "key" | "container" | "connection">> {
  const server = await attempts.run(() => readServerInfo(session));
  if (server === undefined || dump === undefined) throw attempts.failure();
  attempts.runSync(() => {
    checkDumpVersion(server.version, dump.version);
  });
  const compression = attempts.runSync(() =>
    chooseCompression(request.compression, format, dump, format === "directory" && isStreamed(request)),
  );
  const ended = await attempts.run(() => lockBackup(session, key, request.name));
  noteEnded(ended ?? 0, progress);

  const selection = await attempts.run(() =>
    resolveSelection(session, request).catch(async (error: unknown) => {
      throw await lookElsewhere(error, session, target, signal);
    }),
  );
  if (selection === undefined || compression === undefined) throw attempts.failure();
  await attempts.run(() => checkReadableNames(session, server, selection.tables));
  await attempts.run(() => checkPrivileges(session, request.user, selection.tables));
  await attempts.run(() => refuseUnlogged(session, selection.tables));
  if (!request.all) await attempts.run(() => refuseHypertables(session, selection.tables));
  await attempts.run(() => checkGlobals(session, request.globals));
  await attempts.run(() => resolveLogicalForeignKeys(session, request.logicalForeignKeys, selection.tables));
  attempts.runSync(() => {
    checkAccepted(request.verify, selection.ignoredReferences);
  });
  const expect = (tables: readonly Sized[]) => expectBytes(tables, compression, last);
  const estimate = (tables: readonly Sized[]) =>
    expect(tables) ?? Math.round(totalBytes(tables) * (compression === "none" ? 1 : typicalRatio));
  await attempts.run(() => repositories.checkSpace(estimate(selection.tables)));
  attempts.end();
  return {
    server,
    pgDumpVersion: dump.version,
    selection,
    archive: { format, compression, jobs: chooseJobs(request.jobs) },
    expect,
    estimate,
  };
}

function checkDumpVersion(serverVersion: string, dumpVersion: string): void {
  if (majorVersion(dumpVersion) >= majorVersion(serverVersion)) return;
  throw new Failure(
    "pg-dump-too-old",
    `pg_dump in the container is version ${dumpVersion}, the server is ${serverVersion}: pg_dump refuses servers newer than itself. ` +
      "Use an image whose client programs belong to its server.",
  );
}

/** A restore test would fail because of the references that are accepted to be lost. */
function checkAccepted(verify: VerifyLevel, ignoredReferences: Selection["ignoredReferences"]): void {
  if (verify !== "restore" || ignoredReferences.length === 0) return;
  const names = ignoredReferences.map(({ from, sqlName }) => `${from} to ${sqlName}`).join(", ");
  throw new Failure(
    "reference-outside-selection",
    `Foreign keys to tables that are not selected cannot be restored, so a restore test would fail: ${names}. ` +
      `Select these tables too, or set ${setting("--verify archive", 'verify: "archive"')}.`,
  );
}

/** Used without an earlier backup. It is low, because to refuse a backup that would fit is worse than to break one off. */
const typicalRatio = 0.2;

/** Goes by the last backup; undefined without one that was compressed in the same way. */
function expectBytes(
  tables: readonly Sized[],
  compression: string,
  last: Pick<Manifest, "compression" | "tables" | "files"> | undefined,
): number | undefined {
  const lastTables = last?.compression === compression ? totalBytes(last.tables) : 0;
  if (last === undefined || lastTables === 0) return undefined;
  return Math.round((totalBytes(tables) * totalBytes(last.files)) / lastTables);
}

/** The text of numbers and geometries is longer than what the database stores. */
const longestTextRatio = 4;

/** More than the size that an archive will have. */
export function mostArchiveBytes(tables: readonly Sized[], compression: string): number {
  return totalBytes(tables) * (compression === "none" ? longestTextRatio : 1);
}

interface BackupIdentity {
  /** The id, because a container can be renamed. */
  readonly containerId: string;
  readonly database: string;
  readonly repository: string;
  readonly s3?: Pick<S3Settings, "endpoint"> | undefined;
  readonly name: string;
}

/**
 * Identifies a backup, however its container and its repository are written. It is part of names that must be short. Runs with
 * the same key exclude each other.
 */
export async function backupKey({
  containerId,
  database,
  repository,
  s3,
  name,
}: BackupIdentity): Promise<string> {
  const location = parseRepository(repository);
  const place =
    location.kind === "s3"
      ? `${s3Place(location, s3?.endpoint)}/${name}`
      : await realPlace(path.join(location.path, name));
  const identity = JSON.stringify([containerId, database, place]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 8);
}

/** The name of all sessions of a run, by which sessions of killed runs are found. The server cuts it to 63 bytes. */
function applicationName(key: string, name: string): string {
  return `postgis-backup ${key} ${name}`;
}

/** Takes the lock of this backup, and ends the sessions of killed runs; returns their number. */
function lockBackup(session: Session, key: string, name: string): Promise<number> {
  const lock = { lock: `postgis-backup ${key}`, applicationName: applicationName(key, name) };
  return lockRuns(session, lock, (since) => {
    return new Failure(
      "backup-in-progress",
      `Another run of backup "${name}" to the same repository is in progress${since}. Wait for it, or use another name.`,
    );
  });
}

/** The same bucket and prefix on two servers are two repositories. */
function s3Place(location: S3Location, endpoint: string | undefined): string {
  const server = endpoint ?? process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const url = server !== undefined && URL.canParse(server) ? new URL(server).href : (server ?? "");
  return `${url.replace(/\/+$/, "")} ${s3Url(location, location.prefix)}`;
}

/** The path without symbolic links; it need not exist. */
async function realPlace(folder: string): Promise<string> {
  const absolute = path.resolve(folder);
  const parent = path.dirname(absolute);
  return realpath(absolute).catch(async () =>
    parent === absolute ? absolute : path.join(await realPlace(parent), path.basename(absolute)),
  );
}
