/**
 * What a restore makes on its way: how it is named, and how it is removed after the restore, after a failure, and after a run
 * that was killed.
 */
import { type Session, openSession } from "../postgres/session/session";
import { type ExecTarget, execArguments, callerIds } from "../docker/exec";
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
import type { RestoreRequest } from "../request";
import { together } from "../lib/concurrency";
import path from "node:path";

/** Time that a clean-up has before the process ends. */
const cleanUpMilliseconds = 10_000;

export async function dropWork(session: Session, target: ExecTarget, names: RestoreNames): Promise<void> {
  await removeWorkFolder(target, names);
  await dropScratch(session, names);
  await dropRecorded(session, names);
}

/** Whoever may create databases can give one this name; such a one stays. */
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
 * In a session of its own, because that of the run may be gone. Where another run has the lock already, it has taken away
 * the rest; what cannot be taken away now, the next run does.
 */
export async function cleanUp(run: RestoreRun): Promise<void> {
  const { target, names, request } = run;
  const timeout = AbortSignal.timeout(cleanUpMilliseconds);
  await together(timeout, [
    () => removeLinks(run),
    async () => {
      const session = openSession(target, timeout);
      try {
        await lockRuns(session, names, restoreInProgress(request));
        await session.run("SET client_min_messages = error");
        await dropWork(session, target, names);
      } finally {
        await session.close();
      }
    },
  ]);
}

/** Where a container may have room for small files; one with a read-only root has it in memory only. */
const temporaryFolders = ["/tmp", "/var/tmp", "/dev/shm", "/run"] as const;

export interface RestoreNames {
  /** Database in which the server renames the tables. */
  readonly scratch: string;
  /** Schema in which what is made is written down until the restore is done. */
  readonly record: string;
  /** Schemas in which tables are loaded that are to replace others; a number follows. */
  readonly stagePrefix: string;
  /** In the target's container, and in the one that the archive is read in. */
  readonly workFolder: string;
  readonly lock: string;
  readonly applicationName: string;
}

/** Databases of one server share their names of databases, and containers of one server its files. */
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

/** All places that the work folder can be in, the usual one first. */
export function possibleWorkFolders({ workFolder }: Pick<RestoreNames, "workFolder">): string[] {
  return temporaryFolders.map((folder) => path.posix.join(folder, path.posix.basename(workFolder)));
}

export function restoreInProgress({ database }: RestoreRequest): (since: string) => Failure {
  return (since) =>
    new Failure(
      "restore-in-progress",
      `Another restore into database "${database}" is in progress${since}. Wait for it.`,
    );
}

/** Prints the first of the folders that can be made. */
const makeFirst =
  'for folder; do mkdir -m 700 "$folder" 2>/dev/null && printf %s "$folder" && exit; done; exit 1';

export async function withWorkFolder(run: RestoreRun): Promise<RestoreRun> {
  const { target, names, request } = run;
  const command = ["sh", "-c", makeFirst, "sh", ...possibleWorkFolders(names)];
  const make = execArguments({ ...target, secretEnv: [] }, command, callerIds());
  const { failed, stdout: workFolder, stderr } = await spawnDocker(target.docker, make, { reject: false });
  if (!failed) return { ...run, names: { ...names, workFolder } };
  const folders = possibleWorkFolders(names).map((folder) => path.posix.dirname(folder));
  throw new Failure(
    "directory-not-writable",
    `A restore needs room for small files in container "${request.container}", and none of ${folders.join(", ")} can be written there. ` +
      `Start it with "--tmpfs /tmp". ${stderr}`.trim(),
  );
}
