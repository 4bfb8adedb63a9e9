import { planBackup } from "./backup/plan";
import { pruneAfterBackup } from "./backup/prune-after";
import { writeBackup } from "./backup/write";
import { totalBytes } from "./bytes";
import { docker as dockerFor } from "./docker/docker";
import { whileRunning } from "./docker/watch";
import type { Manifest } from "./manifest";
import { resolveRelations } from "./postgres/relations";
import { kindName, type Selection } from "./postgres/select-tables";
import { seriesKey } from "./postgres/series-lock";
import { openSession } from "./postgres/session";
import { takeSnapshot } from "./postgres/snapshot";
import type { Progress } from "./progress";
import type { BackupCheck, BackupRequest, BackupResult } from "./request";
import { summarizeTables } from "./result";
import { abandonBackup } from "./store/abandon";
import { beginBackup } from "./store/folder";
import { openStore } from "./store/open-store";
import { isGood } from "./store/store";

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
    databaseBytes: totalBytes(selection.tables),
    estimatedBytes,
  };
}

/** Of the newest good backup, if there is one that can be read; whether there should be is none of this run's business. */
async function lastManifest(request: BackupRequest): Promise<Manifest | undefined> {
  const backups = await openStore(request)
    .backups(request.name)
    .catch(() => []);
  return backups.findLast(isGood)?.manifest;
}

function noteSkipped({ skipped }: Selection, progress: Progress): void {
  if (skipped.length === 0) return;
  const names = skipped.map((relation) => `${kindName(relation)} ${relation.sqlName}`).join(", ");
  progress.note(`Not in the backup, because they hold no rows of their own: ${names}.`);
}
