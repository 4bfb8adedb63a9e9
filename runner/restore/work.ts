/**
 * What a restore makes on its way: how it is named, and how it is removed after the restore, after a failure, and after a run
 * that was killed.
 */
import makeFolder from "./make-folder.sh";
import { type Session, openSession } from "../postgres/session/session";
import { type ExecTarget, execArguments, callerIds, shell } from "../docker/exec";
import { dropRecorded } from "./record";
import { escapeLiteral, escapeIdentifier } from "../postgres/session/escape";
import { z } from "zod";
import { Failure } from "../lib/failure";
import { spawnDocker } from "../docker/docker";
import type { RestoreRun } from "./begin";
import { removeLinks } from "./linked-rows";
import { lockRuns } from "../postgres/session/run-lock";
import { stagePrefix, recordPrefix } from "../postgres/catalog/half-restored";
import { createHash } from "node:crypto";
import { together } from "../lib/concurrency";
import path from "node:path";

/** The clean-up takes at most this long, so that the process ends. */
const cleanUpMilliseconds = 10_000;

export async function dropWork(session: Session, target: ExecTarget, names: RestoreNames): Promise<void> {
  await removeWorkFolder(target, names);
  await dropScratch(session, names);
  await dropRecorded(session, names);
}

/** Another role may have created a database with this name; that one is not dropped. */
async function dropScratch(session: Session, { scratch }: RestoreNames): Promise<void> {
  const [found] = await session.rows(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_get_userbyid(datdba) = current_user AS own FROM pg_database WHERE datname = ${escapeLiteral(scratch)}`,
    z.object({ owner: z.string(), own: z.boolean() }),
  );
  if (found === undefined) return;
  if (found.own) {
    await session.run(`DROP DATABASE IF EXISTS ${escapeIdentifier(scratch)} WITH (FORCE)`);
    return;
  }
  throw new Failure(
    "privilege-missing",
    `The restore needs a database of its own named ${scratch}, and role "${found.owner}" has one of this name. Drop it.`,
  );
}

async function removeWorkFolder(target: ExecTarget, names: RestoreNames): Promise<void> {
  const command = ["rm", "-rf", "--", ...possibleWorkFolders(names)];
  const remove = execArguments({ ...target, secretEnv: [] }, command, "0:0");
  await spawnDocker(target.docker, remove, { reject: false });
}

/**
 * Uses a session of its own, because the restore's session may be gone. If another restore has the lock by now, it has already
 * cleaned up; whatever cannot be removed now, the next restore removes.
 */
export async function cleanUp(
  target: ExecTarget,
  names: RestoreNames,
  database: string,
  links: string | undefined,
): Promise<void> {
  const timeout = AbortSignal.timeout(cleanUpMilliseconds);
  await together(timeout, [
    () => removeLinks(links),
    async () => {
      const session = openSession(target, timeout);
      try {
        await lockRuns(session, names, restoreInProgress(database));
        await session.run("SET client_min_messages = error");
        await dropWork(session, target, names);
      } finally {
        await session.close();
      }
    },
  ]);
}

/** Folders in which a container may let us write. A container with a read-only root has such folders in memory only. */
const temporaryFolders = ["/tmp", "/var/tmp", "/dev/shm", "/run"] as const;

export interface RestoreNames {
  /** Database in which the tables are renamed. */
  readonly scratch: string;
  /** Schema that lists what the restore has made, until it is done. */
  readonly record: string;
  /** Schemas into which tables are loaded if they replace others; a number follows. */
  readonly stagePrefix: string;
  /** In the target's container, and in the one that the archive is read in. */
  readonly workFolder: string;
  readonly lock: string;
  readonly applicationName: string;
}

/** The key tells the databases of one server apart: they share the names of databases, roles and files. */
export function restoreNames(database: string): RestoreNames {
  const key = createHash("sha256").update(database).digest("hex").slice(0, 8);
  return {
    scratch: `postgis_backup_scratch_${key}`,
    record: `${recordPrefix}${key}`,
    stagePrefix: `${stagePrefix}${key}_`,
    workFolder: path.posix.join(temporaryFolders[0], `postgis_backup_restore_${key}`),
    lock: "postgis-backup restore",
    applicationName: `postgis-backup restore ${key}`,
  };
}

/** All paths that the work folder can have, the usual one first. */
function possibleWorkFolders({ workFolder }: Pick<RestoreNames, "workFolder">): string[] {
  return temporaryFolders.map((folder) => path.posix.join(folder, path.posix.basename(workFolder)));
}

export function restoreInProgress(database: string): (since: string) => Failure {
  return (since) =>
    new Failure(
      "restore-in-progress",
      `Another restore into database "${database}" is in progress${since}. Wait for it.`,
    );
}

export async function withWorkFolder(run: RestoreRun): Promise<RestoreRun> {
  const { target, names, request } = run;
  const command = shell(makeFolder, ...possibleWorkFolders(names));
  const make = execArguments({ ...target, secretEnv: [] }, command, callerIds());
  const { failed, stdout: workFolder, stderr } = await spawnDocker(target.docker, make, { reject: false });
  if (!failed) return { ...run, names: { ...names, workFolder } };
  const folders = possibleWorkFolders(names).map((folder) => path.posix.dirname(folder));
  throw new Failure(
    "folder-not-writable",
    `A restore needs room for small files in container "${request.container}", and none of ${folders.join(", ")} can be written there. ` +
      `Start it with "--tmpfs /tmp". ${stderr}`.trim(),
  );
}
