import { Repositories } from "./repositories";
import { mostArchiveBytes, planBackup } from "./plan";
import { pruneAfterBackup } from "./prune-after";
import { writeBackup, type TakenBackup } from "./write";
import { docker as dockerFor } from "../docker/docker";
import { whileRunning } from "../docker/watch";
import { measureUnseen, type Relation } from "../postgres/catalog/catalog";
import type { Needs } from "../postgres/catalog/needs";
import { withQualifiedNames } from "../postgres/session/settings";
import { extensionsOf } from "../postgres/catalog/requirements";
import { kindName, type Selection, resolveSelection } from "../postgres/catalog/select-tables";
import { openSession, type Session } from "../postgres/session/session";
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

/** Takes one consistent backup; it appears under its final name only when it is complete and checked. */
export async function backup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupResult> {
  const repositories = new Repositories(request, signal);
  const taken = await whileRunning(dockerFor(request.dockerHost), request.container, signal, (watched) =>
    takeBackup(request, repositories, progress, watched),
  );
  return {
    ...taken,
    ...(await pruneAfterBackup(repositories.kept, request, taken.backupId, progress, signal)),
  };
}

async function takeBackup(
  request: BackupRequest,
  repositories: Repositories,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenBackup> {
  const plan = await planBackup(request, repositories, progress, signal);
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
  const { connection, selection, estimate } = await planBackup(request, repositories, progress, signal);
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
  checkOutsideContent(outside, accept);
  for (const content of outside) progress.note(`Left out, as accepted: ${describeContent(content)}`);
  return outside;
}

function noteSkipped({ skipped }: Selection, progress: Progress): void {
  if (skipped.length === 0) return;
  const names = skipped.map((relation) => `${kindName(relation)} ${relation.sqlName}`).join(", ");
  progress.note(`Not in the backup, because they hold no rows of their own: ${names}.`);
}
