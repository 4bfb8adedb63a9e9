import type { Destination } from "./destination";
import { openDestination } from "./open-destination";
import { mostArchiveBytes, planBackup } from "./plan";
import { copyAfterBackup } from "./copy-after";
import { pruneAfterBackup } from "./prune-after";
import { type TakenBackup, writeBackup } from "./write";
import { totalBytes } from "../lib/bytes";
import { docker as dockerFor } from "../docker/docker";
import { whileRunning } from "../docker/watch";
import { measureUnseen, type Relation } from "../postgres/catalog/catalog";
import type { Needs } from "../postgres/catalog/needs";
import { resolveSelection } from "../postgres/catalog/resolve-selection";
import {
  checkOutsideContent,
  describeContent,
  findOutsideContent,
  type OutsideContent,
} from "../postgres/catalog/outside-content";
import { withQualifiedNames } from "../postgres/session/qualified-names";
import { resolveLogicalForeignKeys } from "../postgres/catalog/logical-foreign-keys";
import { extensionsOf } from "../postgres/catalog/requirements";
import { kindName, type Selection } from "../postgres/catalog/select-tables";
import { openSession, type Session } from "../postgres/session/session";
import { takeSnapshot } from "../postgres/session/snapshot";
import { openStore } from "../repository/open";
import type { Store } from "../repository/repository";
import type { Progress } from "../lib/progress";
import type { BackupCheck, BackupRequest, BackupResult } from "../request";
import { summarizeTables } from "../request/result";

/** Takes one consistent backup; it appears under its final name only when it is complete and checked. */
export async function backup(
  request: BackupRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<BackupResult> {
  const copies = openCopies(request, signal);
  const destination = openDestination(request, copies, signal);
  const taken = await whileRunning(dockerFor(request.dockerHost), request.container, signal, (watched) =>
    takeBackup(request, destination, progress, watched),
  );
  const { store } = destination;
  return {
    ...taken,
    copies: await copyAfterBackup({ store, copies }, request, taken, progress, signal),
    ...(await pruneAfterBackup([store, ...copies], request, taken.backupId, progress, signal)),
  };
}

async function takeBackup(
  request: BackupRequest,
  destination: Destination,
  progress: Progress,
  signal: AbortSignal,
): Promise<TakenBackup> {
  const plan = await planBackup(request, destination, progress, signal);
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
    const logicalForeignKeys = await resolveLogicalForeignKeys(
      session,
      request.logicalForeignKeys,
      snapshot.tables,
    );
    const outside = await checkedContent(session, snapshot, request, progress);
    noteSkipped(snapshot, progress);
    // Until the tables were locked, their sizes were those that the last VACUUM or ANALYZE saw.
    await destination.checkSpace(plan.estimate(snapshot.tables));
    const mostBytes = mostArchiveBytes(snapshot, plan.compression);
    const draft = await destination.begin({ key: plan.key, mostBytes });
    try {
      return await writeBackup({ ...plan, snapshot, logicalForeignKeys, outside, draft, progress, signal });
    } catch (error) {
      // Others wait for the tables, and cleaning up can take long; the session still holds the lock of this backup.
      await session.run("ROLLBACK").catch(() => undefined);
      throw await draft.abandon(error);
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
  const destination = openDestination(request, openCopies(request, signal), signal);
  const { session, selection, estimate } = await planBackup(request, destination, progress, signal);
  let tables: readonly Relation[];
  try {
    await session.run(`SET lock_timeout = '${request.lockTimeout}s'`);
    await resolveSelection(session, request, () => true);
    await checkedContent(session, selection, request, progress);
    tables = await measureUnseen(session, selection.tables);
    await destination.checkSpace(estimate(tables));
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

const openCopies = ({ copies, s3 }: BackupRequest, signal: AbortSignal): Store[] =>
  copies.map((repository) => openStore({ repository, s3 }, signal));

/** What the backup is to be taken without; fails where that was not accepted. */
async function checkedContent(
  session: Session,
  selection: Selection & { readonly needs?: Needs },
  { accept }: BackupRequest,
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
