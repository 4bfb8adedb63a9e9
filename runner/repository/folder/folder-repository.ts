import { existsSync } from "node:fs";
import { readdir, readlink, stat, unlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { BackupName } from "../../request";
import { type Entry, folderContents } from "./contents";
import { filesIn } from "./files";
import { readManifest } from "./manifest";
import { checkLatest } from "./latest";
import { checkSpace, checkWritable } from "./space";
import { createInFolder } from "./writer";
import { finishRemovals, removeFolder } from "./removal";
import { recordInFolder } from "./record";
import { findInconsistency } from "../inconsistency";
import { newestOf } from "../newest";
import { readVerifications } from "../verification";
import type { Repository, StoredBackup } from "../repository";
import { backupTime } from "../backup-id";
import { isErrno } from "../../lib/files";
import { keepFile } from "../layout";
import { totalBytes } from "../../lib/format";

/** Backups as folders, <repository>/<name>/<id>. A folder whose name is not an id is not a backup, and is never touched. */
export function folderRepository(folder: string): Repository {
  const location = path.resolve(folder);
  const folderOf = (name: string) => path.join(location, name);
  const backupsOf = (name: string) => readBackups(folderOf(name), name);
  return {
    location,
    async names() {
      const names = (await readable(location, readdir(location))).filter(
        (name) => BackupName.safeParse(name).success,
      );
      const used = await Promise.all(names.map((name) => hasBackups(folderOf(name))));
      return names.filter((_, index) => used[index]).sort();
    },
    backups: backupsOf,
    isTaken: (name, id) => Promise.resolve(existsSync(path.join(folderOf(name), id))),
    remove: (name, id) => removeFolder(folderOf(name), id),
    finishRemovals: (name) => finishRemovals(folderOf(name)),
    record: (name, id, verification) => recordInFolder(path.join(folderOf(name), id), verification),
    mark: (name, id, kept) => mark(path.join(folderOf(name), id), kept),
    files: (name, id) => filesIn(path.join(folderOf(name), id)),
    folder: folderOf,
    async check(name) {
      await checkWritable(folderOf(name));
      await checkLatest(folderOf(name));
    },
    checkSpace: (name, bytes) => checkSpace(folderOf(name), bytes),
    create: (backup) =>
      createInFolder(folderOf(backup.name), backup, async ({ id, newerThan }) => {
        const latest = (await backupsOf(backup.name)).find((one) => one.latest);
        if (latest === undefined || newerThan?.includes(latest.id) === true) return true;
        return latest.id < id && latest.manifest?.newerThan?.includes(id) !== true;
      }),
  };
}

async function readBackups(folder: string, name: string): Promise<StoredBackup[]> {
  const found: StoredBackup[] = [];
  for (const id of await backupIds(folder)) {
    const backup = await readBackup(path.join(folder, id), id, name);
    // A backup that another process removes meanwhile looks damaged, but it is gone and must not be listed.
    if (backup.problem === undefined || existsSync(backup.location)) found.push(backup);
  }
  const latest = await latestOf(folder, found);
  return found.map((backup) => ({ ...backup, latest: backup === latest }));
}

/** Oldest first: an id sorts by its time. */
async function backupIds(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && backupTime(entry.name) !== undefined)
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw unreadable(folder, error);
  }
}

async function hasBackups(folder: string): Promise<boolean> {
  const stats = await stat(folder).catch(() => undefined);
  return stats?.isDirectory() === true && (await backupIds(folder)).length > 0;
}

/** If the link is missing or points nowhere, the newest good backup is the latest. */
async function latestOf(folder: string, backups: readonly StoredBackup[]): Promise<StoredBackup | undefined> {
  const target = await readlink(path.join(folder, "latest")).catch(() => undefined);
  return backups.find(({ id }) => id === target) ?? newestOf(backups);
}

async function readBackup(location: string, id: string, name: string): Promise<StoredBackup> {
  const startedAt = backupTime(id) ?? new Date(Number.NaN);
  const listed = { id, name, location, startedAt, latest: false, verifications: [] };
  let contents: Entry[];
  try {
    contents = await folderContents(location);
  } catch (error) {
    // An unreadable folder may be marked; retention leaves it alone either way.
    return { ...listed, bytes: 0, kept: false, problem: `it cannot be read: ${(error as Error).message}` };
  }
  const bytes = totalBytes(contents);
  const stored = {
    ...listed,
    bytes,
    kept: contents.some((entry) => entry.path === keepFile),
    verifications: await readVerifications(filesIn(location), contents),
  };
  const { manifest, problem } = await readManifest(location);
  if (problem !== undefined) return { ...stored, problem };
  const link = contents.find(({ kind }) => kind === "other");
  const linked = link && `${link.path} is a link or not a file`;
  const inconsistency = findInconsistency(
    manifest,
    id,
    name,
    contents.filter(({ kind }) => kind === "file"),
  );
  const wrong = inconsistency ?? linked;
  return wrong === undefined ? { ...stored, manifest } : { ...stored, manifest, problem: wrong };
}

async function mark(folder: string, kept: boolean): Promise<void> {
  const file = path.join(folder, keepFile);
  try {
    // "wx" neither follows a link nor empties an existing file.
    await (kept ? writeFile(file, "", { mode: 0o600, flag: "wx" }) : unlink(file));
  } catch (error) {
    if (isErrno(error, kept ? "EEXIST" : "ENOENT")) return;
    throw new Failure(
      "folder-not-writable",
      `${file} cannot be ${kept ? "written" : "removed"}: ${(error as Error).message}. Give this user write permission.`,
    );
  }
}

async function readable<T>(folder: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function unreadable(folder: string, error: unknown): Failure {
  return new Failure(
    "folder-not-readable",
    isErrno(error, "ENOENT")
      ? `There is no folder ${folder}. Name the folder that holds the backups.`
      : `The backup folder ${folder} cannot be read: ${(error as Error).message}. ` +
          "Name the folder that holds the backups, or give this user permission to read it.",
  );
}
