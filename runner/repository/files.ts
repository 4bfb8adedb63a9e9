/** The files of a backup, and their checksums. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { copyFile, type FileHandle, link, lstat, open, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import pMap from "p-map";
import { isErrno } from "../lib/files";

export interface StoredFile {
  /** Relative to the backup's folder, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** The files of one backup, wherever it is kept. */
export interface BackupFiles {
  /** For messages: a folder's absolute path, or a URL. */
  readonly location: string;
  /** Folder of this machine that holds them; undefined if they are in a bucket. */
  readonly folder: string | undefined;
  /** The content of one file, by its path in the backup. Fails with `checksum-mismatch` if the file is missing. */
  read(file: string): AsyncIterable<Uint8Array>;
}

/** All regular files of a backup below its folder, as sorted relative paths. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))
    .sort();
}

/** Bytes written so far below a folder; files that come or go meanwhile do not matter. */
export async function bytesBelow(folder: string): Promise<number> {
  const files = await listFiles(folder).catch(() => []);
  const sizes = await Promise.all(
    files.map((file) =>
      stat(path.join(folder, file)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Number of files that are read back at once: disks serve several at a time, and Node has four threads for them. */
const atOnce = 4;

/** The checksums of all files below a folder. Files whose checksum is not known yet are read back, and forced to disk. */
export async function checksumsBelow(
  folder: string,
  known: ReadonlyMap<string, StoredFile> = new Map(),
): Promise<StoredFile[]> {
  const read = async (file: string): Promise<StoredFile> =>
    known.get(file) ?? { path: file, ...(await readBack(path.join(folder, file))) };
  return pMap(await listFiles(folder), read, { concurrency: atOnce });
}

/** Reads a file, and forces it to disk. */
function readBack(file: string): Promise<Pick<StoredFile, "bytes" | "sha256">> {
  return opened(file, async (handle) => {
    const { size } = await handle.stat();
    const [sha256] = await Promise.all([hashOf(handle, size), handle.sync()]);
    return { bytes: size, sha256 };
  });
}

export function hashFile(file: string): Promise<string> {
  return opened(file, async (handle) => hashOf(handle, (await handle.stat()).size));
}

async function opened<T>(file: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await open(file, "r");
  try {
    return await work(handle);
  } finally {
    await handle.close();
  }
}

async function hashOf(handle: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256");
  const stream = handle.createReadStream({ highWaterMark: chunkBytes(size), autoClose: false });
  await pipeline(stream, hash);
  return hash.digest("hex");
}

const mostAtOnce = 1 << 20;

/** Bytes to read at once. For a small file, allocating a large buffer takes longer than reading the file. */
export const chunkBytes = (size: number): number => Math.min(mostAtOnce, size + 1);

export async function writeDurably(file: string, content: string | Uint8Array): Promise<void> {
  await writeFile(file, content, { mode: 0o600, flush: true });
}

/**
 * Gives a file a second place without writing its content again: as a reflink where the file system has that, or else as a hard
 * link if that changes nothing of the first; or else as a copy. False, and no file, if the content does not have its checksum.
 */
export async function shareFile(
  from: string,
  to: string,
  recorded: StoredFile,
  fileMode: number,
): Promise<boolean> {
  try {
    const stats = await lstat(from);
    if (!stats.isFile()) return false;
    // A link shares permissions and owner too.
    const isAlike = (stats.mode & 0o777) === fileMode && stats.uid === process.getuid?.();
    await linkOrCopy(from, to, isAlike);
    const { sha256 } = await readBack(to);
    if (sha256 === recorded.sha256) return true;
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "EIO")) throw error;
  }
  await rm(to, { force: true });
  return false;
}

async function linkOrCopy(from: string, to: string, mayLink: boolean): Promise<void> {
  const reflink = () => copyFile(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  const copy = () => copyFile(from, to, constants.COPYFILE_EXCL);
  await reflink().catch(() => (mayLink ? link(from, to).catch(copy) : copy()));
}
