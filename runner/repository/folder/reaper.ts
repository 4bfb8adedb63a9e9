/** Removes what killed runs have left in a folder of backups, once it is certain that they are dead. */
import { lstat, readdir, readFile, readlink, rename, rm, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { isGone } from "../../lib/process-identity";
import { latestLink } from "./latest";
import { finishRemovals } from "./removal";
import { parseWorkName } from "../../lib/work-name";
import { runFile } from "../layout";
import { backupTime } from "../backup-id";

/** A folder or link that does not say who owns it counts as abandoned after this time. */
const abandonedMilliseconds = 24 * 60 * 60 * 1000;

/** All runs with this key are dead, because the caller holds their lock. */
export async function removeAbandoned(nameFolder: string, key?: string): Promise<void> {
  for (const entry of await readdir(nameFolder)) {
    const full = path.join(nameFolder, entry);
    const work = parseWorkName(entry, key);
    if (work?.isDead === true)
      await (work.finalName === latestLink ? finishLatest(nameFolder, full) : removeTree(full));
    else if (work === undefined) await removeOlder(nameFolder, entry, key);
  }
  // If one cannot be finished, the next prune says so.
  await finishRemovals(nameFolder).catch(() => undefined);
}

/** Removes what versions before 0.2 left: their names did not say who owns them. */
async function removeOlder(nameFolder: string, entry: string, key: string | undefined): Promise<void> {
  const full = path.join(nameFolder, entry);
  const owner = async () => {
    const [itsKey, identity = ""] = await ownerOf(full);
    return itsKey === undefined ? undefined : { isDead: itsKey === key || isGone(identity) };
  };
  if (/^\.latest\.\d{8}T\d{6}Z$/.test(entry)) {
    if (await isOld(full)) await finishLatest(nameFolder, full);
  } else if (isWork(entry)) {
    if ((await owner())?.isDead ?? (await isOld(full))) await removeTree(full);
    // The backup was complete when its run was killed.
  } else if (backupTime(entry) !== undefined && (await owner())?.isDead === true) {
    await unlink(path.join(full, runFile)).catch(() => undefined);
  }
}

const removeTree = (folder: string) => rm(folder, { recursive: true, force: true, maxRetries: 10 });

const isWork = (entry: string) => /^\.\d{8}T\d{6}Z\.partial$/.test(entry);

/** The key and the process of a run; older versions wrote only the key. */
async function ownerOf(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, runFile), "utf8").catch(() => "");
  return text === "" ? [] : text.split("\n");
}

async function isOld(file: string): Promise<boolean> {
  const stats = await lstat(file).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMilliseconds;
}

/** Finishes `latest` for a run that was killed after its backup had appeared, and before `latest` pointed at it. */
async function finishLatest(nameFolder: string, link: string): Promise<void> {
  const id = await readlink(link).catch(() => "");
  const isThere = backupTime(id) !== undefined && (await isFolder(path.join(nameFolder, id)));
  const current = await readlink(path.join(nameFolder, latestLink)).catch(() => "");
  // A later run may have made a link of its own.
  const [made, since] = await Promise.all([link, path.join(nameFolder, latestLink)].map(timeOf));
  const isNewer = current === "" || (made ?? 0) >= (since ?? 0);
  if (isThere && isNewer) await rename(link, path.join(nameFolder, latestLink)).catch(() => unlink(link));
  else await unlink(link);
}

async function timeOf(link: string): Promise<number | undefined> {
  return lstat(link).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  );
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
