/** Backups as folders: <directory>/<name>/<id>, complete, or not there under this name. */
import { mkdir, open, readdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { Failure } from "../failure";

export interface PendingBackup {
  readonly id: string;
  readonly startedAt: Date;
  /** Where the files are written until the backup is complete. */
  readonly workPath: string;
  /** Where the backup appears in one step when it is published. */
  readonly finalPath: string;
}

/** `20261122T081500Z`: sorts by time, and is a valid name on every file system. */
export function backupId(time: Date): string {
  return time
    .toISOString()
    .replace(/\.\d{3}Z$/, "Z")
    .replaceAll(/[-:]/g, "");
}

/** The time that an id stands for; nothing for any other name. */
export function backupTime(id: string): Date | undefined {
  const time = new Date(id.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
  return Number.isNaN(time.getTime()) || backupId(time) !== id ? undefined : time;
}

/** Tries one id after another until one can be had; ids have a resolution of one second. */
export async function claimId<T>(claim: (id: string, startedAt: Date) => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const startedAt = new Date();
    const claimed = await claim(backupId(startedAt), startedAt);
    if (claimed !== undefined) return claimed;
    await setTimeout(1000 - (Date.now() % 1000));
  }
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
    return await claimId(async (id, startedAt) => {
      const workPath = path.join(parent, `.${id}.partial`);
      const taken = (await readdir(parent)).includes(id) || (await isTaken(id));
      if (taken || !(await makeFolder(workPath))) return undefined;
      await writeFile(path.join(workPath, runFile), key, { mode: 0o600 });
      return { id, startedAt, workPath, finalPath: path.join(parent, id) };
    });
  } catch (error) {
    throw unwritable(parent, error);
  }
}

/** Names the run that a work folder belongs to. */
export const runFile = ".run";

async function removeAbandoned(parent: string, key: string): Promise<void> {
  const works = (await readdir(parent)).filter((name) => /^\.\d{8}T\d{6}Z\.partial$/.test(name));
  for (const work of works.map((name) => path.join(parent, name))) {
    const owner = await readFile(path.join(work, runFile), "utf8").catch(() => undefined);
    if (owner === key) await rm(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** False when the folder exists already. */
async function makeFolder(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  }
}

/** Gives the complete backup its final name, then points `latest` at it. */
export async function publishBackup({ id, workPath, finalPath }: PendingBackup): Promise<void> {
  const parent = path.dirname(finalPath);
  await unlink(path.join(workPath, runFile));
  await syncToDisk(workPath);
  // Made before the backup appears: what can fail should fail while nothing is published.
  const link = path.join(parent, `.latest.${id}`);
  await symlink(id, link);
  await rename(workPath, finalPath);
  await rename(link, path.join(parent, "latest"));
  await syncToDisk(parent);
}

export async function discardBackup({ workPath }: Pick<PendingBackup, "workPath">): Promise<void> {
  await rm(workPath, { recursive: true, force: true, maxRetries: 3 });
}

/** Makes a file or the entries of a folder survive a power cut. */
export async function syncToDisk(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export function unwritable(folder: string, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error && "code" in error)) return error;
  return new Failure(
    "directory-not-writable",
    `The backup folder ${folder} cannot be written: ${error.message}. Choose another directory, or give this user write permission.`,
  );
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
