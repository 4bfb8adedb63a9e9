/**
 * Removing a backup's folder: first out of its name, so that half a backup never looks like a whole one, then file by
 * file, and only what is a backup's own. The manifest, which says what that is, goes last: whoever finds a removal that
 * was cut off can end it.
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

const hiddenName = (id: string) => `.${id}.removed`;

/** Of two processes that remove the same backup, each finds it gone in the end, and neither fails. */
export async function removeFolder(series: string, id: string): Promise<Removal> {
  const folder = path.join(series, id);
  return removing(folder, async () => {
    await failIfLink(series);
    const { problem, obstacle, contents } = await survey(folder);
    if (contents.length === 0) return { id };
    const left = obstacle ?? problem;
    if (left !== undefined) return { id, left };
    await unlessGone(rename(folder, path.join(series, hiddenName(id))));
    await syncToDisk(series);
    return finish(series, id);
  });
}

export async function finishRemovals(series: string): Promise<Removal[]> {
  const removals: Removal[] = [];
  for (const entry of await readdir(series, { withFileTypes: true }).catch(() => [])) {
    const id = /^\.(.*)\.removed$/.exec(entry.name)?.[1];
    if (id === undefined || backupTime(id) === undefined || !entry.isDirectory()) continue;
    const end = async () => {
      await failIfLink(series);
      return finish(series, id);
    };
    removals.push(await removing(path.join(series, entry.name), end));
  }
  return removals;
}

async function finish(series: string, id: string): Promise<Removal> {
  const folder = path.join(series, hiddenName(id));
  const { contents, obstacle, marked } = await survey(folder);
  if (marked) {
    // Marked in the moment before it got this name, so nothing of it is gone.
    await unlessGone(rename(folder, path.join(series, id)));
    return { id, left: obstacle };
  }
  if (obstacle !== undefined) return { id, left: `${folder}: ${obstacle}` };
  const manifestLast = contents
    .toReversed()
    .sort((one, other) => Number(one.path === manifestFile) - Number(other.path === manifestFile));
  for (const { path: relative, kind } of manifestLast)
    await unlessGone((kind === "folder" ? rmdir : unlink)(path.join(folder, relative)));
  await unlessGone(rmdir(folder));
  await syncToDisk(series);
  return { id };
}

interface Survey {
  /** All that is in the folder, parents first. */
  readonly contents: readonly Entry[];
  readonly marked: boolean;
  /** What forbids the removal, begun or not. */
  readonly obstacle: string | undefined;
  /** Why the manifest cannot be had; that of a removal that was cut off may be gone. */
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

async function failIfLink(series: string): Promise<void> {
  if (!(await lstat(series)).isSymbolicLink()) return;
  throw new Failure(
    "directory-not-writable",
    `${series} is a symbolic link, and nothing is removed through one. Name the folder that it points into.`,
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
      "directory-not-writable",
      `${folder} cannot be removed: ${error.message}. Give this user write permission, and prune again.`,
    );
  }
}
