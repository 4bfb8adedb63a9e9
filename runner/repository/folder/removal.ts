/**
 * Removes a backup's folder. It is renamed first, so that half a backup never looks like a whole one. Then its files are
 * removed one by one, and nobody else's. The manifest, which lists them, is removed last, so that a later run can finish an
 * interrupted removal.
 */
import { lstat, readdir, rename, rmdir, unlink } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { type Manifest } from "../manifest";
import { type Entry, folderContents } from "./contents";
import { readManifest } from "./manifest";
import { ownFiles } from "../own-files";
import { type Removal } from "../repository";
import { backupTime } from "../backup-id";
import { isErrno, syncToDisk } from "../../lib/files";
import { manifestFile, keepFile } from "../layout";
import { totalBytes } from "../../lib/format";

const hiddenName = (id: string) => `.${id}.removed`;

/** When two processes remove the same backup at once, neither fails. */
export async function removeFolder(nameFolder: string, id: string): Promise<Removal> {
  const folder = path.join(nameFolder, id);
  return removing(folder, async () => {
    await failIfLink(nameFolder);
    const { problem, obstacle, contents } = await survey(folder);
    if (contents.length === 0) return { id, bytes: 0 };
    const left = obstacle ?? problem;
    if (left !== undefined) return { id, left };
    await unlessGone(rename(folder, path.join(nameFolder, hiddenName(id))));
    await syncToDisk(nameFolder);
    return finish(nameFolder, id);
  });
}

export async function finishRemovals(nameFolder: string): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const entry of await readdir(nameFolder, { withFileTypes: true }).catch(() => [])) {
    const id = /^\.(.*)\.removed$/.exec(entry.name)?.[1];
    if (id === undefined || backupTime(id) === undefined || !entry.isDirectory()) continue;
    const end = async () => {
      await failIfLink(nameFolder);
      return finish(nameFolder, id);
    };
    removals.push(await removing(path.join(nameFolder, entry.name), end));
  }
  return removals;
}

async function finish(nameFolder: string, id: string): Promise<Removal> {
  const folder = path.join(nameFolder, hiddenName(id));
  const { contents, obstacle, marked } = await survey(folder);
  if (obstacle !== undefined) {
    if (!marked) return { id, left: `${folder}: ${obstacle}` };
    // It was marked just before it was renamed, so none of its files is gone.
    await unlessGone(rename(folder, path.join(nameFolder, id)));
    return { id, left: obstacle };
  }
  const manifestLast = contents
    .toReversed()
    .sort((one, other) => Number(one.path === manifestFile) - Number(other.path === manifestFile));
  for (const { path: relative, kind } of manifestLast)
    await unlessGone((kind === "folder" ? rmdir : unlink)(path.join(folder, relative)));
  await unlessGone(rmdir(folder));
  await syncToDisk(nameFolder);
  return { id, bytes: totalBytes(contents) };
}

interface Survey {
  /** All that is in the folder, parents first. */
  readonly contents: readonly Entry[];
  readonly marked: boolean;
  /** What forbids the removal, even if it has begun. */
  readonly obstacle: string | undefined;
  /** Why the manifest cannot be read; an interrupted removal may have removed it. */
  readonly problem: string | undefined;
}

/** The manifest is read first: if another process has removed it by then, it has removed all that it lists. */
async function survey(folder: string): Promise<Survey> {
  const { manifest, problem } = await readManifest(folder);
  const contents = await folderContents(folder);
  const marked = contents.some((entry) => entry.path === keepFile);
  const foreign = contents.find(isForeign(manifest));
  const obstacle = marked
    ? `it is marked "${keepFile}"`
    : foreign && `it contains ${foreign.path}, which is not part of the backup`;
  return { contents, marked, obstacle, problem };
}

function isForeign(manifest: Manifest | undefined): (entry: Entry) => boolean {
  const files = ownFiles(manifest);
  const folders = new Set([...files].flatMap(parents));
  return ({ path: relative, kind }) =>
    kind === "other" || !(kind === "folder" ? folders : files).has(relative);
}

/** `a/b` and `a` of `a/b/c`. */
function parents(file: string): string[] {
  const parent = path.posix.dirname(file);
  return parent === "." || parent === file ? [] : [parent, ...parents(parent)];
}

async function failIfLink(nameFolder: string): Promise<void> {
  if (!(await lstat(nameFolder)).isSymbolicLink()) return;
  throw new Failure(
    "folder-not-writable",
    `${nameFolder} is a symbolic link, and backups are not removed through links. Name the folder that it points to.`,
  );
}

async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
  }
}

async function removing<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error && "code" in error) || error instanceof Failure) throw error;
    throw new Failure(
      "folder-not-writable",
      `${folder} cannot be removed: ${error.message}. Give this user write permission, and prune again.`,
    );
  }
}
