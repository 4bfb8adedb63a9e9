/**
 * Writes a backup to a folder with a hidden name, which says which run owns it. The folder is renamed when the backup is complete
 * and on disk, so every folder with the name of a backup is a complete one.
 */
import { createWriteStream } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../lib/failure";
import { isErrno, syncToDisk } from "../../lib/files";
import { parseWorkName, workName } from "../../lib/work-name";
import { readChecksums } from "../checksums";
import { bytesBelow, checksumsBelow, type StoredFile, writeDurably } from "../files";
import { globalsFile, manifestFile, sumsFile } from "../layout";
import type { Manifest } from "../manifest";
import { failUnlessPlain } from "../plain-paths";
import { alreadyExists, type BackupWriter, type NewBackup } from "../repository";
import { abandonBackup } from "./abandon";
import { filesIn } from "./files";
import { makeRoomForLatest, prepareLatest } from "./latest";
import { removeAbandoned } from "./reaper";

/** `isNewest` is called when the whole backup is in its hidden folder. */
export async function createInFolder(
  nameFolder: string,
  { id, key, fileMode }: NewBackup,
  isNewest: (manifest: Manifest) => Promise<boolean>,
): Promise<BackupWriter> {
  const workPath = path.join(nameFolder, workName(id, key));
  const finalPath = path.join(nameFolder, id);
  const notes: string[] = [];
  try {
    await mkdir(nameFolder, { recursive: true, mode: 0o700 });
    await removeAbandoned(nameFolder, key);
    notes.push(...(await makeRoomForLatest(nameFolder)));
    await mkdir(workPath, { mode: 0o700 });
    await failIfTaken(nameFolder, id, key === undefined ? undefined : path.basename(workPath));
  } catch (error) {
    await rm(workPath, { recursive: true, force: true }).catch(() => undefined);
    throw unwritable(nameFolder, error);
  }
  /** Files whose size and checksum are known already. */
  const known = new Map<string, StoredFile>();
  let isOver = false;
  return {
    files: filesIn(workPath),
    async write(file, content, recorded) {
      failUnlessPlain(file);
      const target = path.join(workPath, file);
      await makeFolders(workPath, path.posix.dirname(file));
      // "wx" neither follows a link nor overwrites an existing file.
      await pipeline(content, createWriteStream(target, { flags: "wx", mode: 0o600, flush: true }));
      if (recorded !== undefined) known.set(file, recorded);
    },
    bytes: () => bytesBelow(workPath),
    checksums(progress, others = []) {
      progress.note("Reading the files back for their checksums.");
      for (const file of others) known.set(file.path, file);
      return checksumsBelow(workPath, known);
    },
    async publish({ manifest, source, sums }, signal) {
      await writeDurably(path.join(workPath, manifestFile), source);
      await writeDurably(path.join(workPath, sumsFile), sums);
      await readChecksums(filesIn(workPath));
      await openToReaders(workPath, fileMode);
      for (const entry of await readdir(workPath, { recursive: true, withFileTypes: true }))
        if (entry.isDirectory()) await syncToDisk(path.join(entry.parentPath, entry.name));
      await syncToDisk(workPath);
      // The link is made before the backup appears: what can fail should fail while nothing is published.
      const link = (await isNewest(manifest)) ? await prepareLatest(nameFolder, id) : undefined;
      try {
        signal.throwIfAborted();
        await renameNew(workPath, finalPath);
      } catch (error) {
        await link?.discard();
        throw error;
      }
      isOver = true;
      notes.push(...((await link?.publish()) ?? []));
      await syncToDisk(nameFolder);
      return { location: finalPath, versionIds: {}, notes };
    },
    async abandon(error) {
      if (isOver) return error;
      isOver = true;
      return abandonBackup({ workPath, finalPath }, error);
    },
  };
}

/** Makes folders in the hidden folder, but never that one again: without it, what was written there is gone. */
async function makeFolders(workPath: string, folders: string): Promise<void> {
  if (folders === ".") return;
  await makeFolders(workPath, path.posix.dirname(folders));
  await mkdir(path.join(workPath, folders), { mode: 0o700 }).catch((error: unknown) => {
    if (!isErrno(error, "EEXIST")) throw error;
  });
}

/**
 * A new backup, which has its hidden folder by now, gives up its id if another writer has the same one. Two that begin at the same
 * moment see each other, and both give up. An imported or copied backup cannot choose its id: the first to be published wins.
 */
async function failIfTaken(nameFolder: string, id: string, own: string | undefined): Promise<void> {
  const isOther = (entry: string) =>
    own !== undefined &&
    entry !== own &&
    (entry === `.${id}.partial` || parseWorkName(entry)?.finalName === id);
  if (!(await readdir(nameFolder)).some((entry) => entry === id || isOther(entry))) return;
  throw alreadyExists(path.join(nameFolder, id));
}

/** A folder that is not empty is never replaced. */
async function renameNew(workPath: string, finalPath: string): Promise<void> {
  try {
    await rename(workPath, finalPath);
  } catch (error) {
    if (isErrno(error, "ENOTEMPTY") || isErrno(error, "EEXIST")) throw alreadyExists(finalPath);
    throw error;
  }
}

/** Everybody who may read the files of a folder may also enter it. */
export function folderMode(fileMode: number): number {
  return fileMode | 0o700 | ((fileMode & 0o444) >> 2);
}

/** Gives the files of a finished backup their permissions; until then only their owner can read them. */
async function openToReaders(workPath: string, fileMode: number): Promise<void> {
  const nameFolder = path.dirname(workPath);
  const { mode } = await stat(nameFolder);
  await chmod(nameFolder, (mode & 0o7777) | folderMode(fileMode));
  for (const entry of await readdir(workPath, { recursive: true, withFileTypes: true })) {
    // Hashes of passwords are for nobody else.
    const ofFile = entry.name === globalsFile ? fileMode & 0o600 : fileMode;
    await chmod(path.join(entry.parentPath, entry.name), entry.isDirectory() ? folderMode(fileMode) : ofFile);
  }
  await chmod(workPath, folderMode(fileMode));
}

function unwritable(folder: string, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error && "code" in error)) return error;
  return new Failure(
    "folder-not-writable",
    `The backup folder ${folder} cannot be written: ${error.message}. Choose another repository, or give this user write permission.`,
  );
}
