/**
 * A backup that is written to a folder: under a hidden name, which says whose it is, and renamed when all of it is there and on
 * disk. So a folder that has the name of a backup is one.
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
import { manifestFile, sumsFile } from "../layout";
import type { Manifest } from "../manifest";
import { failUnlessPlain } from "../plain-paths";
import { alreadyExists, type BackupWriter, type NewBackup } from "../repository";
import { abandonBackup } from "./abandon";
import { filesIn } from "./files";
import { makeRoomForLatest, prepareLatest } from "./latest";
import { removeAbandoned } from "./reaper";

/** `isNewest` is asked when all of the backup is in its hidden folder. */
export async function createInFolder(
  series: string,
  { id, key, fileMode }: NewBackup,
  isNewest: (manifest: Manifest) => Promise<boolean>,
): Promise<BackupWriter> {
  const workPath = path.join(series, workName(id, key));
  const finalPath = path.join(series, id);
  const notes: string[] = [];
  try {
    await mkdir(series, { recursive: true, mode: 0o700 });
    await removeAbandoned(series, key);
    notes.push(...(await makeRoomForLatest(series)));
    await mkdir(workPath, { mode: 0o700 });
    await failIfTaken(series, id, key === undefined ? undefined : path.basename(workPath));
  } catch (error) {
    await rm(workPath, { recursive: true, force: true }).catch(() => undefined);
    throw unwritable(series, error);
  }
  /** What writers of whole files know already. */
  const known = new Map<string, StoredFile>();
  let isOver = false;
  return {
    files: filesIn(workPath),
    async write(file, content, recorded) {
      failUnlessPlain(file);
      const target = path.join(workPath, file);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      // "wx" neither follows a link nor overwrites a file that is there.
      await pipeline(content, createWriteStream(target, { flags: "wx", mode: 0o600, flush: true }));
      if (recorded !== undefined) known.set(file, recorded);
    },
    bytes: () => bytesBelow(workPath),
    checksums(progress) {
      progress.note("Reading the files back for their checksums.");
      return checksumsBelow(workPath, known);
    },
    async publish({ manifest, source, sums }) {
      await writeDurably(path.join(workPath, manifestFile), source);
      await writeDurably(path.join(workPath, sumsFile), sums);
      await readChecksums(filesIn(workPath));
      await openToReaders(workPath, fileMode);
      for (const entry of await readdir(workPath, { recursive: true, withFileTypes: true }))
        if (entry.isDirectory()) await syncToDisk(path.join(entry.parentPath, entry.name));
      await syncToDisk(workPath);
      // Made before the backup appears: what can fail should fail while nothing is published.
      const link = (await isNewest(manifest)) ? await prepareLatest(series, id) : undefined;
      try {
        await renameNew(workPath, finalPath);
      } catch (error) {
        await link?.discard();
        throw error;
      }
      isOver = true;
      notes.push(...((await link?.publish()) ?? []));
      await syncToDisk(series);
      return { location: finalPath, versionIds: {}, notes };
    },
    async abandon(error) {
      if (isOver) return error;
      isOver = true;
      return abandonBackup({ workPath, finalPath }, error);
    },
  };
}

/**
 * A new backup, which has a folder of its own by now, gives up an id that another writer has too. Of two that begin at the same moment,
 * each sees the other, and both give up. A backup that is brought in has its id from elsewhere: the first to be published wins.
 */
async function failIfTaken(series: string, id: string, own: string | undefined): Promise<void> {
  const isOther = (entry: string) =>
    own !== undefined &&
    entry !== own &&
    (entry === `.${id}.partial` || parseWorkName(entry)?.finalName === id);
  if (!(await readdir(series)).some((entry) => entry === id || isOther(entry))) return;
  throw alreadyExists(path.join(series, id));
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

/** Whoever may read the files of a folder may also enter it. */
export function folderMode(fileMode: number): number {
  return fileMode | 0o700 | ((fileMode & 0o444) >> 2);
}

/** Gives the files of a finished backup their permissions; while it was written they were its owner's alone. */
async function openToReaders(workPath: string, fileMode: number): Promise<void> {
  const series = path.dirname(workPath);
  const { mode } = await stat(series);
  await chmod(series, (mode & 0o7777) | folderMode(fileMode));
  for (const entry of await readdir(workPath, { recursive: true, withFileTypes: true })) {
    await chmod(
      path.join(entry.parentPath, entry.name),
      entry.isDirectory() ? folderMode(fileMode) : fileMode,
    );
  }
  await chmod(workPath, folderMode(fileMode));
}

function unwritable(folder: string, error: unknown): unknown {
  if (error instanceof Failure || !(error instanceof Error && "code" in error)) return error;
  return new Failure(
    "directory-not-writable",
    `The backup folder ${folder} cannot be written: ${error.message}. Choose another repository, or give this user write permission.`,
  );
}
