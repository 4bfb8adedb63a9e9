import { z } from "zod";
import { backup } from "../backup";
import { findContainer, runningContainer } from "../docker/container";
import { docker as dockerFor } from "../docker/docker";
import { Failure, Failures } from "../lib/failure";
import { checkNewServer, findBrought } from "./before";
import { dataPlace } from "./data-volumes";
import { readDockerRecord, removeDockerRecord, writeDockerRecord } from "./docker-record";
import { checkUnchanged, endSessions, holdWrites, selectAll } from "./hold-writes";
import type { Brought } from "./inventory/brought";
import { compareServers, type Comparison } from "./inventory/inventory";
import { notBrought } from "./inventory/item";
import { acceptedInWords, checkAcceptance, checkLeftBehind, notAccepted } from "./left-behind";
import { withMigrationLock } from "./migration-lock";
import { boundPorts, checkSwitchable } from "./published-port";
import {
  type MigrationRecord,
  packTables,
  readRecord,
  removalInWords,
  systemIdentifier,
  writeRecord,
} from "./record";
import { endSwitch, resume } from "./resume";
import { dataOf, inDatabase, newDatabase, type NewServer, oldDatabase, type Sides } from "./servers";
import { giveBack, keepStopped, restart, serves, stopServer, takePort, toTheEnd } from "./switch-port";
import { switchRecord, type SwitchRecord } from "./switch-record";
import type { Progress } from "../lib/progress";
import { BackupRequest, type MigrateRequest, type MigrateResult, RestoreRequest } from "../request";
import { restore } from "../restore";

const Loading = z.object({ container: z.string() });

/**
 * Moves the tables of a server, and the port that clients know it by, to a new one. Writers wait from before the backup until
 * the port is the new server's; what fails before leaves the old one as it was, on its port, and lets them write again.
 */
export async function migrate(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  checkAcceptance(request);
  const docker = dockerFor(request.dockerHost);
  // One that a killed run has stopped is started again; one that does not exist is an error.
  const container =
    (await findContainer(docker, request.toContainer)) ??
    (await runningContainer(docker, request.toContainer));
  const server = { docker, request, container };
  return withMigrationLock(server, signal, async () => {
    await resume(server, request, progress);
    return migrateTo(
      { ...server, container: await runningContainer(docker, request.toContainer) },
      request,
      progress,
      signal,
    );
  });
}

async function migrateTo(
  fresh: NewServer,
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { docker } = fresh;
  const record = await readRecord(fresh, signal);
  if (record !== undefined) return publishAgain(fresh, record, request, progress);
  const old = await runningContainer(docker, request.container);
  checkSwitchable(old, fresh.container);
  return moveTables({ docker, request, old, fresh, progress }, signal);
}

/** The data is the new server's already: at most its container was replaced, and lacks the port. */
async function publishAgain(
  fresh: NewServer,
  record: MigrationRecord,
  request: MigrateRequest,
  progress: Progress,
): Promise<MigrateResult> {
  const { docker } = fresh;
  const { container, toContainer } = request;
  const named = await findContainer(docker, container);
  const other = named !== undefined && named.Id !== record.from;
  if (other || record.database !== request.database || record.toDatabase !== request.toDatabase) {
    throw new Failure(
      "already-migrated",
      `Container "${toContainer}" has what was migrated from database "${record.database}" of ${other ? "another container than" : "container"} ` +
        `"${container}" to its database "${record.toDatabase}". Migrate to a server of its own; or, if that is to be overwritten, run "${removalInWords(fresh)}".`,
    );
  }
  const old = named ?? (await findContainer(docker, record.from));
  if (old?.State.Running === true) {
    throw new Failure(
      "already-migrated",
      `The tables of container "${container}" were migrated to "${toContainer}", and it was started again since. Stop it; ` +
        `or, if it is to be migrated once more and all that was written to the new server is to be lost, run "${removalInWords(fresh)}".`,
    );
  }
  if (boundPorts(fresh.container).length === 0) {
    if (old !== undefined) await keepStopped(docker, old);
    await takePort(fresh, record.networks, progress);
  }
  await endSwitch(fresh);
  return record.result;
}

async function moveTables(
  between: Pick<Sides, "docker" | "request" | "old" | "fresh" | "progress">,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { request, fresh, progress } = between;
  const target = await oldDatabase(between, signal);
  return inDatabase(target, signal, async (hold) => {
    const selection = await selectAll(hold, request);
    const brought = await findBrought(hold, selection, request);
    const compare = () => compareBoth(between, brought, signal);
    const refuse = ({ missing }: Pick<Comparison, "missing">) => {
      checkLeftBehind(notAccepted(missing, request));
    };
    const before = await compare();
    refuse(before);
    await checkNewServer(fresh, selection.tables, signal);
    await holdWrites(hold, selection.tables, target, request, progress, signal);
    const since = performance.now();
    progress.note("Writers of the old server wait from now on; readers go on.");
    const copied = await loadTables(fresh, request, progress, signal);
    const known = { tables: selection.tables, brought, items: before.old };
    await checkUnchanged(hold, known, request);
    const after = await compare();
    refuse({ missing: [...after.missing, ...notBrought(after.old, after.fresh)] });
    signal.throwIfAborted();
    const result = { ...copied, notes: [...copied.notes, ...acceptedInWords(after.missing)] };
    await switchServers({ ...between, ...known, hold }, result);
    progress.note(`Port and data are the new server's. Writers waited for ${secondsSince(since)} s.`);
    return result;
  });
}

async function compareBoth(
  between: Pick<Sides, "docker" | "request" | "old" | "fresh">,
  brought: Brought,
  signal: AbortSignal,
): Promise<Comparison> {
  const { request, fresh } = between;
  const old = { database: request.database, target: await oldDatabase(between, signal) };
  const other = { database: request.toDatabase, target: await newDatabase(fresh, signal) };
  return compareServers(old, other, brought, signal);
}

/** Copies that are on the new server are known to be such until the migration ends; the next attempt replaces them. */
async function loadTables(
  fresh: NewServer,
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { docker } = fresh;
  const data = dataOf(fresh);
  const again = (await readDockerRecord(docker, "loading", data, Loading)) !== undefined;
  if (!again) await writeDockerRecord(docker, "loading", data, { container: request.container });
  try {
    return await copyTables(request, progress, signal);
  } catch (error) {
    if (!again) await removeDockerRecord(docker, "loading", data).catch(() => undefined);
    throw error;
  }
}

/** Nobody can write meanwhile, so what is compared with the backup is compared with the old server. */
async function copyTables(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { repository, name, s3, dockerHost, jobs } = request;
  const { container, user, database, excludeTables, logicalForeignKeys, format, lockTimeout } = request;
  const { backupId, location } = await backup(
    BackupRequest.parse({
      ...{ repository, name, s3, dockerHost, jobs, container, user, database },
      ...{ tables: ["*.*"], excludeTables, logicalForeignKeys, format, lockTimeout },
    }),
    progress,
    signal,
  );
  const { tables, tableCount, rows, notes } = await restore(
    RestoreRequest.parse({
      ...{ repository, name, s3, dockerHost, jobs, backup: backupId },
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

/**
 * Docker's records make each step one that can be taken back or brought to its end, by this run or the next: that of the switch
 * before anything is touched, and that of the migration once the old server has stopped.
 */
async function switchServers(between: Sides, result: MigrateResult): Promise<void> {
  const { docker, request, old, fresh, hold, tables, progress } = between;
  const toSystem = await inDatabase(newDatabase(fresh, toTheEnd), toTheEnd, systemIdentifier);
  const fromSystem = await systemIdentifier(hold);
  const switching = switchRecord(old, fresh.container, toSystem);
  await writeDockerRecord(docker, "switching", dataOf(fresh), switching);
  let since = performance.now();
  try {
    await restart(fresh, progress);
    const restarted = await runningContainer(docker, fresh.container.Id);
    await endSessions(hold);
    await checkUnchanged(hold, between, request);
    since = performance.now();
    await stopServer(docker, old);
    const { volume, folder } = dataPlace(old);
    await writeRecord(
      fresh,
      {
        ...{
          from: old.Id,
          fromStartedAt: old.State.StartedAt,
          fromData: { volume, folder, system: fromSystem },
        },
        ...{ networks: switching.networks, database: request.database },
        ...{
          to: restarted.Id,
          toStartedAt: restarted.State.StartedAt,
          toDatabase: request.toDatabase,
          toSystem,
        },
        ...{ tables: packTables(tables.map(({ sqlName }) => sqlName)), result },
      },
      toTheEnd,
    );
    await keepStopped(docker, old);
    await takePort({ ...fresh, container: restarted }, switching.networks, progress);
  } catch (error) {
    if (await serves(fresh).catch(() => false)) throw error;
    throw await afterGivingBack(between, switching, error);
  }
  await endSwitch(fresh);
  progress.note(`The port was without a server for ${secondsSince(since)} s.`);
}

/** Gives the port back; the failure that led to it comes first. */
async function afterGivingBack(
  { fresh, hold, request, progress }: Sides,
  switching: SwitchRecord,
  error: unknown,
): Promise<unknown> {
  try {
    // Nobody can connect to the old server while this session lives, if it still does.
    await hold.run("ROLLBACK").catch(() => undefined);
    await giveBack(fresh, switching, request, progress);
  } catch (second) {
    if (!(error instanceof Failure && second instanceof Failure)) return error;
    return new Failures(
      [error, second].flatMap((failure) => (failure instanceof Failures ? failure.found : [failure])),
    );
  }
  return error;
}

function secondsSince(start: number): string {
  return ((performance.now() - start) / 1000).toFixed(1);
}

export { removeOld } from "./remove-old";
