import { backup } from "./backup";
import { findContainer, runningContainer } from "./docker/container";
import { docker as dockerFor } from "./docker/docker";
import { Attempts, Failure } from "./failure";
import { dataVolumes } from "./migrate/data-volumes";
import { checkUnchanged, endSessions, holdWrites, refuseWrites, selectAll } from "./migrate/hold-writes";
import { checkLeftBehind } from "./migrate/left-behind";
import { boundPorts, checkSwitchable } from "./migrate/published-port";
import { type MigrationRecord, readRecord, removalInWords, writeRecord } from "./migrate/record";
import { inDatabase, newDatabase, type NewServer, oldDatabase, type Sides } from "./migrate/sides";
import { giveBack, restart, stopServer, takePort, toTheEnd } from "./migrate/switch-port";
import type { Progress } from "./progress";
import { BackupRequest, type MigrateRequest, type MigrateResult, RestoreRequest } from "./request";
import { restore } from "./restore";

/**
 * Moves the tables of a server, and the port that clients know it by, to a new one. Writers wait from before the backup until
 * the port is the new server's; what fails before leaves the old one as it was, on its port, and lets them write again.
 */
export async function migrate(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const docker = dockerFor(request.dockerHost);
  const fresh = { docker, request, container: await runningContainer(docker, request.toContainer) };
  const record = await readRecord(fresh, signal);
  if (record !== undefined) return publishAgain(fresh, record, request, progress);
  const old = await runningContainer(docker, request.container);
  checkSwitchable(old, fresh.container);
  return moveTables({ docker, request, old, fresh, progress }, signal);
}

/** The data is the new server's already: at most its container was replaced, and lacks the port. */
async function publishAgain(
  fresh: NewServer,
  { from, result }: MigrationRecord,
  { container }: MigrateRequest,
  progress: Progress,
): Promise<MigrateResult> {
  const old = await findContainer(fresh.docker, from);
  if (old?.State.Running === true) {
    throw new Failure(
      "already-migrated",
      `The tables of container "${container}" were migrated to "${fresh.request.toContainer}", and it was started again since. Stop it; ` +
        `or, if it is to be migrated once more and all that was written to the new server is to be lost, run there: "${removalInWords(fresh)}".`,
    );
  }
  if (boundPorts(fresh.container).length > 0) return result;
  if (old === undefined) {
    throw new Failure(
      "container-not-found",
      `Container "${container}" was migrated and is gone, so its port cannot be taken from it. Make "${fresh.request.toContainer}" no standby.`,
    );
  }
  await takePort(fresh, old, progress);
  return result;
}

async function moveTables(
  between: Pick<Sides, "docker" | "request" | "old" | "fresh" | "progress">,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { request, fresh, progress } = between;
  const target = await oldDatabase(between, signal);
  return inDatabase(target, signal, async (hold) => {
    const selection = await selectAll(hold, request);
    await inDatabase(newDatabase(fresh, signal), signal, (there) =>
      checkLeftBehind(hold, there, selection, request),
    );
    await holdWrites(hold, selection.tables, target, request, progress, signal);
    const since = performance.now();
    progress.note("Writers of the old server wait from now on; readers go on.");
    const result = await copyTables(request, progress, signal);
    await restart(fresh, progress);
    signal.throwIfAborted();
    await switchServers({ ...between, hold, tables: selection.tables }, result);
    progress.note(`Port and data are the new server's. Writers waited for ${secondsSince(since)} s.`);
    return result;
  });
}

/** Nobody can write meanwhile, so what is compared with the backup is compared with the old server. */
async function copyTables(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { directory, name, s3, dockerHost, jobs } = request;
  const { container, user, database, excludeTables, relations, format, lockTimeout } = request;
  const { backupId, location } = await backup(
    BackupRequest.parse({
      ...{ directory, name, s3, dockerHost, jobs, container, user, database },
      ...{ tables: ["*.*"], excludeTables, relations, format, lockTimeout },
    }),
    progress,
    signal,
  );
  const { tables, tableCount, rows, notes } = await restore(
    RestoreRequest.parse({
      ...{ directory, name, s3, dockerHost, jobs, backup: backupId },
      ...{ container: request.toContainer, user: request.toUser, database: request.toDatabase },
      missingRoles: request.missingRoles,
      // Of an attempt that failed: no client can reach this server yet.
      ifExists: "replace",
    }),
    progress,
    signal,
  );
  return { backupId, location, tables, tableCount, rows, notes, removed: [] };
}

async function switchServers(sides: Sides, result: MigrateResult): Promise<void> {
  const { docker, request, old, fresh, hold, tables, progress } = sides;
  const since = performance.now();
  try {
    await inDatabase(oldDatabase(sides, toTheEnd), toTheEnd, (session) =>
      refuseWrites(session, request.database),
    );
    await endSessions(hold);
    await checkUnchanged(hold, tables, request);
    await stopServer(docker, old);
    await writeRecord(fresh, { from: old.Id, volumes: dataVolumes(old), result }, toTheEnd);
    await takePort(fresh, old, progress);
  } catch (error) {
    throw await inReturn(sides, error);
  }
  progress.note(`The port was without a server for ${secondsSince(since)} s.`);
}

/** Gives the port back; the failure that led to it comes first. */
async function inReturn(sides: Sides, error: unknown): Promise<unknown> {
  const attempts = new Attempts();
  await attempts.run(() => Promise.reject(error as Error));
  await attempts.run(() => giveBack(sides));
  return attempts.failure();
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}
