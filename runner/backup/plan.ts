/** Everything that can be found wrong with a backup before anything is written. */
import { totalBytes } from "../lib/bytes";
import { type Inspection, runningContainer } from "../docker/container";
import { docker as dockerFor } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import { Attempts, Failure } from "../lib/failure";
import { chooseJobs } from "../lib/jobs";
import type { Manifest } from "../repository/manifest";
import type { Relation } from "../postgres/catalog/catalog";
import { chooseCompression, preferredCompression } from "../postgres/archive/compression";
import { connectServer } from "../postgres/session/connect";
import {
  type DumpFacts,
  dumpFacts,
  majorVersion,
  type ServerFacts,
  serverFacts,
} from "../postgres/session/server-info";
import { checkPrivileges } from "../postgres/session/privileges";
import { checkReadableNames } from "../postgres/catalog/readable-names";
import { resolveLogicalForeignKeys } from "../postgres/catalog/logical-foreign-keys";
import { type ResolvedSelection, resolveSelection } from "../postgres/catalog/resolve-selection";
import { noteEnded } from "../postgres/session/run-lock";
import type { Selection } from "../postgres/catalog/select-tables";
import { applicationName, lockSeries, seriesKey } from "./backup-lock";
import type { Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { ArchiveFormat, BackupRequest } from "../request";
import type { Destination } from "./destination";

type Sized = Pick<Relation, "bytes">;

/** A backup that can be taken. */
export interface Plan {
  readonly request: BackupRequest;
  /** No two runs with the same are in progress at a time. */
  readonly key: string;
  readonly destination: Destination;
  readonly container: Inspection;
  readonly target: ExecTarget;
  /** Holds the lock of this series of backups until it is closed. */
  readonly session: Session;
  readonly facts: ServerFacts;
  readonly pgDumpVersion: string;
  readonly selection: ResolvedSelection;
  readonly format: ArchiveFormat;
  readonly compression: string;
  readonly jobs: number;
  /** What a backup of these tables is expected to take. */
  readonly estimate: (tables: readonly Sized[]) => number;
}

/** Fails with all that is wrong, in one message. The caller closes the session of the plan. */
export async function planBackup(
  request: BackupRequest,
  destination: Destination,
  progress: Progress,
  signal: AbortSignal,
): Promise<Plan> {
  const attempts = new Attempts();
  const docker = dockerFor(request.dockerHost);
  const last = await attempts.run(() => destination.survey());
  const container = await attempts.run(() => runningContainer(docker, request.container));
  if (container === undefined) throw attempts.failure();
  attempts.runSync(() => {
    destination.checkContainer(container);
  });
  const key = await seriesKey({ ...request, containerId: container.Id });
  const [connection, dump] = await Promise.all([
    attempts.run(() => connectServer(docker, container, request, applicationName(key, request.name), signal)),
    attempts.run(() => dumpFacts(docker, container, request.compression ?? preferredCompression)),
  ]);
  if (connection === undefined) throw attempts.failure();
  const { target, session } = connection;
  try {
    return await planWithServer(
      { request, key, destination, container, target, session },
      dump,
      last,
      attempts,
      progress,
    );
  } catch (error) {
    await session.close();
    throw error;
  }
}

async function planWithServer(
  base: Pick<Plan, "request" | "key" | "destination" | "container" | "target" | "session">,
  dump: DumpFacts | undefined,
  last: Manifest | undefined,
  attempts: Attempts,
  progress: Progress,
): Promise<Plan> {
  const { request, destination, session } = base;
  const format = request.format ?? destination.format;
  const facts = await attempts.run(() => serverFacts(session));
  if (facts === undefined || dump === undefined) throw attempts.failure();
  attempts.runSync(() => {
    checkDumpVersion(facts, dump.version);
  });
  const compression = attempts.runSync(() => chooseCompression(request.compression, format, dump));
  const ended = await attempts.run(() => lockSeries(session, base.key, request.name));
  noteEnded(ended ?? 0, progress);

  const selection = await attempts.run(() => resolveSelection(session, request));
  if (selection === undefined || compression === undefined) throw attempts.failure();
  await attempts.run(() => checkReadableNames(session, facts, selection.tables));
  await attempts.run(() => checkPrivileges(session, request.user, selection.tables));
  await attempts.run(() => resolveLogicalForeignKeys(session, request.logicalForeignKeys, selection.tables));
  attempts.runSync(() => {
    checkAccepted(request, selection);
  });
  const estimate = (tables: readonly Sized[]) => estimateBytes(tables, compression, last);
  await attempts.run(() => destination.checkSpace(estimate(selection.tables)));
  attempts.end();
  return {
    ...base,
    facts,
    pgDumpVersion: dump.version,
    selection,
    format,
    compression,
    jobs: chooseJobs(request.jobs),
    estimate,
  };
}

function checkDumpVersion(facts: ServerFacts, dumpVersion: string): void {
  if (majorVersion(dumpVersion) >= majorVersion(facts.version)) return;
  throw new Failure(
    "pg-dump-too-old",
    `pg_dump in the container is version ${dumpVersion}, the server is ${facts.version}: pg_dump refuses servers newer than itself. ` +
      "Use an image whose client programs belong to its server.",
  );
}

/** What is accepted to fail in a restore would fail the drill. */
function checkAccepted({ verify }: BackupRequest, { ignoredReferences }: Selection): void {
  if (verify !== "restore" || ignoredReferences.length === 0) return;
  const names = ignoredReferences.map(({ from, sqlName }) => `${from} to ${sqlName}`).join(", ");
  throw new Failure(
    "reference-outside-selection",
    `Foreign keys to tables that are not selected cannot be restored, so a restore drill would fail: ${names}. ` +
      'Select these tables too, or take "verify: archive".',
  );
}

/** Without an earlier backup to go by: low, because refusing a backup that would fit is worse than one that breaks off. */
const typicalRatio = 0.2;

/** By the last backup of the series, if there is one and it was compressed alike. */
function estimateBytes(
  tables: readonly Sized[],
  compression: string,
  last: Pick<Manifest, "compression" | "tables" | "files"> | undefined,
): number {
  const lastTables = last?.compression === compression ? totalBytes(last.tables) : 0;
  const ratio =
    last !== undefined && lastTables > 0
      ? totalBytes(last.files) / lastTables
      : compression === "none"
        ? 1
        : typicalRatio;
  return Math.round(totalBytes(tables) * ratio);
}

/** The text of numbers and geometries is longer than what the database stores. */
const longestTextRatio = 4;

/** More than an archive will have. */
export function mostArchiveBytes(selection: Selection, compression: string): number {
  return totalBytes(selection.tables) * (compression === "none" ? longestTextRatio : 1);
}
