import * as z from "zod";
import { backup, checkBackup } from "../backup";
import { findContainer, runningContainer } from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import { Failure } from "../lib/failure";
import { checkNewServer, findBrought, checkSwitchable } from "./before";
import { readDockerRecord, removeDockerRecord, writeDockerRecord, withMigrationLock } from "./docker-record";
import { checkUnchanged, definitionsOf, holdWrites, selectAll } from "./hold-writes";
import { compareServers, type Comparison } from "./inventory/inventory";
import { type MigrationRecord, readRecord, removalInWords } from "./record";
import { endSwitch, resume } from "./resume";
import { dataOf, newDatabase, type NewServer, oldDatabase, boundPorts, type Servers } from "./servers";
import { secondsSince } from "../lib/format";
import type { Progress } from "../lib/progress";
import { BackupRequest, type MigrateRequest, type MigrateResult, RestoreRequest } from "../request";
import { restore } from "../restore";
import { switchServers, keepStopped, takePort } from "./switch";
import {
  notBrought,
  acceptedInWords,
  checkAcceptance,
  checkLeftBehind,
  notAccepted,
} from "./inventory/items";
import type { Brought } from "./inventory/objects";
import { inSession } from "../postgres/session/session";

const Loading = z.object({ container: z.string() });

/**
 * Moves the tables of a server, or a whole database, and its published port to a new server. Writers wait from before the backup
 * until the new server has the port. If something fails before that, the old server stays as it was, keeps its port, and writers
 * go on.
 */
export async function migrate(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  checkAcceptance(request);
  const docker = await dockerFor(request.dockerHost, signal);
  // A killed run may have stopped the new server; `resume` starts it again. A container that does not exist is an error.
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
  newServer: NewServer,
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { docker } = newServer;
  const record = await readRecord(newServer, signal);
  if (record !== undefined) return publishAgain(newServer, record, request, progress);
  const old = await runningContainer(docker, request.container);
  checkSwitchable(old, newServer.container);
  return moveTables({ docker, request, old, newServer, progress }, signal);
}

/** The new server has the data already. If its container was replaced since, it takes the port again. */
async function publishAgain(
  newServer: NewServer,
  record: MigrationRecord,
  request: MigrateRequest,
  progress: Progress,
): Promise<MigrateResult> {
  const { docker } = newServer;
  const { container, toContainer } = request;
  const named = await findContainer(docker, container);
  const other = named !== undefined && named.Id !== record.from;
  if (other || record.database !== request.database || record.toDatabase !== request.toDatabase) {
    throw new Failure(
      "already-migrated",
      `Container "${toContainer}" has what was migrated from database "${record.database}" of ${other ? "another container than" : "container"} ` +
        `"${container}" to its database "${record.toDatabase}". Migrate to a server of its own; or, if that is to be overwritten, run "${removalInWords(newServer)}".`,
    );
  }
  const old = named ?? (await findContainer(docker, record.from));
  if (old?.State.Running === true) {
    throw new Failure(
      "already-migrated",
      `The tables of container "${container}" were migrated to "${toContainer}", and it was started again since. Stop it; ` +
        `or, if it is to be migrated once more and all that was written to the new server is to be lost, run "${removalInWords(newServer)}".`,
    );
  }
  if (boundPorts(newServer.container).length === 0) {
    if (old !== undefined) await keepStopped(docker, old);
    await takePort(newServer, record.networks, progress);
  }
  await endSwitch(newServer);
  return record.result;
}

async function moveTables(
  servers: Pick<Servers, "docker" | "request" | "old" | "newServer" | "progress">,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { request, newServer, progress } = servers;
  const target = await oldDatabase(servers, signal);
  return inSession(target, signal, async (hold) => {
    const selection = await selectAll(hold, request);
    const brought = await findBrought(hold, selection, request);
    const compare = () => compareBoth(servers, brought, signal);
    const refuse = ({ missing }: Pick<Comparison, "missing">) => {
      checkLeftBehind(notAccepted(missing, request), request);
    };
    const before = await compare();
    refuse(before);
    await checkNewServer(newServer, selection.tables, brought, signal);
    await checkBackup(backupOf(request), { ...progress, note: () => undefined }, signal);
    await holdWrites(hold, selection.tables, target, request, progress, signal);
    const since = performance.now();
    progress.note("Writers of the old server wait from now on; readers go on.");
    const definitions = await definitionsOf(hold, request);
    const known = { tables: selection.tables, brought, items: before.oldItems, definitions };
    const copied = await loadTables(newServer, request, progress, signal);
    await checkUnchanged(hold, known, request);
    const after = await compare();
    const lost = notBrought(after.oldItems, after.newItems, { alike: request.all });
    refuse({ missing: [...after.missing, ...lost] });
    signal.throwIfAborted();
    const result = { ...copied, notes: [...copied.notes, ...acceptedInWords(after.missing)] };
    await switchServers({ ...servers, known, hold }, result);
    progress.note(`Port and data are the new server's. Writers waited for ${secondsSince(since)} s.`);
    return result;
  });
}

async function compareBoth(
  servers: Pick<Servers, "docker" | "request" | "old" | "newServer">,
  brought: Brought,
  signal: AbortSignal,
): Promise<Comparison> {
  const { request, newServer } = servers;
  const old = { database: request.database, target: await oldDatabase(servers, signal) };
  const other = { database: request.toDatabase, target: await newDatabase(newServer, signal) };
  return compareServers(old, other, brought, signal);
}

/** Until the migration ends, a record says that tables on the new server are copies, which the next attempt may replace. */
async function loadTables(
  newServer: NewServer,
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { docker } = newServer;
  const data = dataOf(newServer);
  const again = (await readDockerRecord(docker, "loading", data, Loading)) !== undefined;
  if (!again) await writeDockerRecord(docker, "loading", data, { container: request.container });
  try {
    return await copyTables(request, progress, signal);
  } catch (error) {
    if (!again) await removeDockerRecord(docker, "loading", data).catch(() => undefined);
    throw error;
  }
}

function backupOf({
  repository,
  name,
  s3,
  dockerHost,
  jobs,
  container,
  user,
  database,
  ...request
}: MigrateRequest) {
  const { all, excludeTables, missingRoles, logicalForeignKeys, format, lockTimeout } = request;
  return BackupRequest.parse({
    ...{ repository, name, s3, dockerHost, jobs, container, user, database },
    ...(all ? { all } : { tables: ["*.*"], excludeTables }),
    ...(missingRoles === "restore" ? { globals: "with-passwords" } : {}),
    ...{ logicalForeignKeys, format, lockTimeout },
  });
}

/** Nobody can write meanwhile, so tables that equal the backup equal the old server. */
async function copyTables(
  request: MigrateRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { repository, name, s3, dockerHost, jobs } = request;
  const { backupId, location } = await backup(backupOf(request), progress, signal);
  const { tables, tableCount, rows, notes } = await restore(
    RestoreRequest.parse({
      ...{ repository, name, s3, dockerHost, jobs, backup: backupId },
      ...{ container: request.toContainer, user: request.toUser, database: request.toDatabase },
      missingRoles: request.missingRoles,
      // Copies of a failed attempt; no client can reach this server yet.
      ...{ ifExists: "replace", connections: "end" },
    }),
    progress,
    signal,
  );
  return { backupId, location, tables, tableCount, rows, notes, removed: [] };
}

export { removeOldServer } from "./remove-old";
