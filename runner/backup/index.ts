import { Repositories } from "./repositories";
import { mostArchiveBytes, planBackup } from "./plan";
import { writeBackup, type TakenBackup } from "./write";
import { docker as dockerFor } from "../docker/connection";
import { failUnlessRunning, findByName, type Inspection } from "../docker/container";
import { whileRunning } from "../docker/watch";
import { measureUnseen, type Relation } from "../postgres/catalog/catalog";
import type { Needs } from "../postgres/catalog/needs";
import { withQualifiedNames, openSession, type Session } from "../postgres/session/session";
import { extensionsOf } from "../postgres/catalog/requirements";
import { calledUnqualified } from "../postgres/catalog/unqualified";
import { kindName, type Selection, resolveSelection } from "../postgres/catalog/select-tables";
import { standbyConflict } from "../postgres/session/hot-standby";
import { takeSnapshot } from "../postgres/session/snapshot";
import type { Progress } from "../lib/progress";
import type { BackupCheck, BackupRequest, BackupResult, NotCarried } from "../request";
import { summarizeTables } from "../request/result";
import { totalBytes } from "../lib/format";
import { resolveLogicalForeignKeys } from "../postgres/catalog/logical-foreign-keys";
import {
  checkOutsideContent,
  describeContent,
  findOutsideContent,
  type OutsideContent,
} from "../postgres/catalog/not-carried";
import { Failure } from "../lib/failure";
import { prune, type PruneResult, hasRules, notAfter, checkNewestSize } from "../prune";
import type { Repository } from "../repository/repository";

/** Takes one consistent backup; it appears under its final name only when it is complete and checked. */
export async function backup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupResult> {
  const repositories = new Repositories(request, signal);
  const taken = await whileRunning(
    await dockerFor(request.dockerHost, signal),
    request.container,
    signal,
    (watched, running) =>
      takeBackup(request, running, repositories, progress, watched).catch((error: unknown) => {
        throw standbyConflict(error, request.container) ?? error;
      }),
  );
  return {
    ...taken,
    ...(await pruneAfterBackup(repositories.kept, request, taken.backupId, progress, signal)),
  };
}

async function takeBackup(
  request: BackupRequest,
  running: () => Promise<Inspection>,
  repositories: Repositories,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenBackup> {
  const plan = await planBackup(request, running, repositories, progress, signal);
  const { session, target } = plan.connection;
  try {
    const snapshot = await takeSnapshot(session, plan.selection, {
      request,
      lockTimeout: request.lockTimeout,
      openObserver: () => openSession(target, signal),
      note: (message) => {
        progress.note(message);
      },
    });
    const logicalForeignKeys = await resolveLogicalForeignKeys(
      session,
      request.logicalForeignKeys,
      snapshot.tables,
    );
    const outside = await checkedContent(session, snapshot, request.accept, progress);
    noteSkipped(snapshot, progress);
    await noteUnqualified(session, snapshot.tables, progress);
    // Only now the sizes are exact; before, they were those of the last VACUUM or ANALYZE.
    await repositories.checkSpace(plan.estimate(snapshot.tables));
    const mostBytes = mostArchiveBytes(snapshot.tables, plan.archive.compression);
    const writer = await repositories.begin(plan.key, mostBytes);
    try {
      const taken = { snapshot, logicalForeignKeys, outside };
      return await writeBackup(request, plan, taken, repositories, writer, progress, signal);
    } catch (error) {
      // Others wait for the tables, and cleaning up can take long; the session still holds the lock of this backup.
      await session.run("ROLLBACK").catch(() => undefined);
      throw await writer.abandon(error);
    }
  } finally {
    await session.close();
  }
}

/** Checks everything that could prevent a backup, without taking one. */
export async function checkBackup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupCheck> {
  const repositories = new Repositories(request, signal);
  const docker = await dockerFor(request.dockerHost, signal);
  const { container: name } = request;
  const running = async () => failUnlessRunning(docker, name, await findByName(docker, name));
  const { connection, selection, estimate } = await planBackup(
    request,
    running,
    repositories,
    progress,
    signal,
  );
  const { session } = connection;
  let tables: readonly Relation[];
  try {
    await session.run(`SET lock_timeout = '${request.lockTimeout}s'`);
    await resolveSelection(session, request, () => true);
    await checkedContent(session, selection, request.accept, progress);
    tables = await measureUnseen(session, selection.tables);
    await repositories.checkSpace(estimate(tables));
  } finally {
    await session.close();
  }
  noteSkipped(selection, progress);
  return {
    tables: summarizeTables(tables.map(({ sqlName }) => sqlName)),
    tableCount: tables.length,
    databaseBytes: totalBytes(tables),
    estimatedBytes: estimate(tables),
  };
}

/** Finds content that a backup of tables leaves out; fails if that was not accepted. */
async function checkedContent(
  session: Session,
  selection: Selection & { readonly needs?: Needs },
  accept: readonly NotCarried[],
  progress: Progress,
): Promise<OutsideContent[]> {
  const extensions = await extensionsOf(session, selection.needs);
  const outside = await withQualifiedNames(session, () => findOutsideContent(session, selection, extensions));
  // After an upgrade of the extension or the server this can be wrong, and must not keep anybody from a backup.
  const isOnlyNamed = ({ kind }: OutsideContent) =>
    selection.whole !== undefined && kind === "extension-rows";
  checkOutsideContent(
    outside.filter((content) => !isOnlyNamed(content)),
    accept,
  );
  for (const content of outside)
    progress.note(
      `${isOnlyNamed(content) ? "warning:" : "Left out, as accepted:"} ${describeContent(content)}`,
    );
  return outside;
}

function noteSkipped({ skipped }: Selection, progress: Progress): void {
  if (skipped.length === 0) return;
  const names = skipped.map((relation) => `${kindName(relation)} ${relation.sqlName}`).join(", ");
  progress.note(`Not in the backup, because they hold no rows of their own: ${names}.`);
}

/** Functions that a message names. */
const namedFunctions = 5;

/** Tells of functions because of which the stock tools cannot restore the tables. */
async function noteUnqualified(
  session: Session,
  tables: readonly Relation[],
  progress: Progress,
): Promise<void> {
  const functions = await calledUnqualified(
    session,
    tables.map(({ oid }) => oid),
  );
  const [first] = functions;
  if (first === undefined) return;
  const more =
    functions.length > namedFunctions ? ` and ${functions.length - namedFunctions} more functions` : "";
  progress.note(
    `warning: pg_restore alone cannot restore the tables, but postgis-backup can: an index, a generated column or a check calls ` +
      `${functions.slice(0, namedFunctions).join(", ")}${more}, and the function names others without their schemas. Once each has a search path ` +
      `of its own, pg_restore can, too, such as by "ALTER FUNCTION ${first} SET search_path = public".`,
  );
}

/** A result must stay short: see {@link BackupResult}. */
const namedIds = 20;
const alarmLength = 600;

/**
 * Retention, once a new backup is complete, wherever it is kept. Whatever goes wrong here is an alarm: the backup
 * stays, and is a success. Backups of other databases under the same name are left to their own runs, which may have other rules.
 */
export async function pruneAfterBackup(
  repositories: readonly Repository[],
  request: BackupRequest,
  backupId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<BackupResult, "pruned" | "alarm">> {
  const removed = new Set<string>();
  const alarms = new Set<string>();
  const raise = (alarm: string) => {
    progress.note(`warning: ${shorten(alarm)}`);
    alarms.add(alarm);
  };
  if (hasRules(request.retention) && request.verify === "none") raise(notVerified);
  for (const repository of repositories) {
    try {
      const { removed: ids, left } = await pruneRepository(repository, request, backupId, progress, signal);
      for (const { id } of ids) removed.add(id);
      for (const { id, reason } of left) alarms.add(`Backup ${id} was not removed: ${reason}.`);
    } catch (error) {
      raise(describe(error, signal));
    }
  }
  const alarm = shorten([...alarms].join(" "));
  return { pruned: summarize([...removed]), ...(alarm === "" ? {} : { alarm }) };
}

async function pruneRepository(
  repository: Repository,
  request: BackupRequest,
  backupId: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pick<PruneResult, "removed" | "left">> {
  const { name, retention } = request;
  if (hasRules(retention) && request.verify !== "none") {
    const wanted = { repository: repository.location, name, retention, dryRun: false };
    return prune(repository, wanted, progress, signal, backupId);
  }
  if (retention.minSizeRatio !== undefined)
    checkNewestSize(notAfter(new Date(), await repository.backups(name)), retention.minSizeRatio);
  return { removed: [], left: [] };
}

const notVerified =
  "No earlier backup was removed, because this one was not verified. Ask for a verification, or prune by hand.";

function describe(error: unknown, signal: AbortSignal): string {
  if (signal.aborted)
    return "Interrupted while earlier backups were removed; the next backup or prune does the rest.";
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof Failure ? message : `Earlier backups were not all removed: ${message}`;
}

function summarize(ids: readonly string[]): string[] {
  return ids.length <= namedIds ? [...ids] : [...ids.slice(0, namedIds), `and ${ids.length - namedIds} more`];
}

function shorten(text: string): string {
  return text.length <= alarmLength ? text : `${text.slice(0, alarmLength)}…`;
}
