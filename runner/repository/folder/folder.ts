/** Backups as folders: <directory>/<name>/<id>, complete, or not there under this name. */
import { mkdir, readdir, rename, rm, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { ownIdentity } from "../../lib/process-identity";
import { removeAbandoned } from "./abandoned";
import { makeRoomForLatest, prepareLatest } from "./latest";
import { workName } from "../../lib/work-name";
import { claimId } from "../backup-id";
import { syncToDisk, isErrno } from "../../lib/files";

export interface PendingBackup {
  readonly id: string;
  readonly startedAt: Date;
  /** Where the files are written until the backup is complete. */
  readonly workPath: string;
  /** Where the backup appears in one step when it is published. */
  readonly finalPath: string;
  /** For people: what was found and mended before the backup began. */
  readonly notes: readonly string[];
}

/**
 * Makes a work folder under an id that nobody has, here or wherever else it is to be free. Work folders of runs with the
 * same key are removed first: the caller holds a lock that only one run with this key can have, so their runs are dead.
 */
export async function beginBackup(
  directory: string,
  name: string,
  key: string,
  isTaken: (id: string) => Promise<boolean> = () => Promise.resolve(false),
): Promise<PendingBackup> {
  const parent = path.resolve(directory, name);
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await removeAbandoned(parent, key);
    const notes = await makeRoomForLatest(parent);
    return await claimId(async (id, startedAt) => {
      const workPath = path.join(parent, `.${id}.partial`);
      const taken = (await readdir(parent)).includes(id) || (await isTaken(id));
      if (taken || !(await claimFolder(workPath, path.join(parent, workName(id)), key))) return undefined;
      return { id, startedAt, workPath, finalPath: path.join(parent, id), notes };
    });
  } catch (error) {
    throw unwritable(parent, error);
  }
}

/** Names the run that a work folder belongs to. */
export const runFile = ".run";

/**
 * False when another run has it. A folder appears with the name of its run in it, so that whoever finds it knows whose it
 * is; until then its own name says that.
 */
async function claimFolder(workPath: string, beginning: string, key: string): Promise<boolean> {
  await mkdir(beginning, { mode: 0o700 });
  try {
    await writeFile(path.join(beginning, runFile), `${key}\n${ownIdentity()}`, { mode: 0o600 });
    await rename(beginning, workPath);
    return true;
  } catch (error) {
    await discardBackup({ workPath: beginning });
    if (isErrno(error, "EEXIST") || isErrno(error, "ENOTEMPTY")) return false;
    throw error;
  }
}

/**
 * Gives the complete backup its final name, then points `latest` at it; what people should know of that. At each step, what
 * a run leaves that is killed there says whose it is.
 */
export async function publishBackup({ id, workPath, finalPath }: PendingBackup): Promise<string[]> {
  const parent = path.dirname(finalPath);
  for (const entry of await readdir(workPath, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) await syncToDisk(path.join(entry.parentPath, entry.name));
  await syncToDisk(workPath);
  const link = await prepareLatest(parent, id);
  try {
    await rename(workPath, finalPath);
  } catch (error) {
    await link.discard();
    throw error;
  }
  const notes = await link.publish();
  // The next run removes it otherwise, and it harms nobody.
  await unlink(path.join(finalPath, runFile)).catch(() => undefined);
  await syncToDisk(parent);
  return notes;
}

export async function discardBackup({ workPath }: Pick<PendingBackup, "workPath">): Promise<void> {
  await rm(workPath, { recursive: true, force: true, maxRetries: 3 });
}

export function unwritable(folder: string, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error && "code" in error)) return error;
  return new Failure(
    "directory-not-writable",
    `The backup folder ${folder} cannot be written: ${error.message}. Choose another repository, or give this user write permission.`,
  );
}
