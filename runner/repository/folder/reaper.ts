/** What runs that were killed have left in a folder of backups: removed by the next one, as far as it is sure to be dead. */
import { lstat, readdir, readFile, readlink, rename, rm, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { isGone } from "../../lib/process-identity";
import { latestLink } from "./latest";
import { finishRemovals } from "./removal";
import { parseWorkName } from "../../lib/work-name";
import { runFile } from "../layout";
import { backupTime } from "../backup-id";

/** Time after which nobody is at work on what does not say whose it is. */
const abandonedMilliseconds = 24 * 60 * 60 * 1000;

/** Of runs with this key, the caller knows that they are dead, because it holds their lock. */
export async function removeAbandoned(series: string, key?: string): Promise<void> {
  for (const entry of await readdir(series)) {
    const full = path.join(series, entry);
    const work = parseWorkName(entry, key);
    if (work?.isDead === true)
      await (work.finalName === latestLink ? finishLatest(series, full) : removeTree(full));
    else if (work === undefined) await removeOlder(series, entry, key);
  }
  // One that cannot be ended is told of when backups are pruned.
  await finishRemovals(series).catch(() => undefined);
}

/** What versions before 0.2 left: their names did not say whose they are. */
async function removeOlder(series: string, entry: string, key: string | undefined): Promise<void> {
  const full = path.join(series, entry);
  const owner = async () => {
    const [itsKey, identity = ""] = await ownerOf(full);
    return itsKey === undefined ? undefined : { isDead: itsKey === key || isGone(identity) };
  };
  if (/^\.latest\.\d{8}T\d{6}Z$/.test(entry)) {
    if (await isOld(full)) await finishLatest(series, full);
  } else if (isWork(entry)) {
    if ((await owner())?.isDead ?? (await isOld(full))) await removeTree(full);
    // Of a backup that was complete when its run was killed.
  } else if (backupTime(entry) !== undefined && (await owner())?.isDead === true) {
    await unlink(path.join(full, runFile)).catch(() => undefined);
  }
}

const removeTree = (folder: string) => rm(folder, { recursive: true, force: true, maxRetries: 10 });

const isWork = (entry: string) => /^\.\d{8}T\d{6}Z\.partial$/.test(entry);

/** The key of a run, and its process, which versions before that did not write. */
async function ownerOf(folder: string): Promise<string[]> {
  const text = await readFile(path.join(folder, runFile), "utf8").catch(() => "");
  return text === "" ? [] : text.split("\n");
}

async function isOld(file: string): Promise<boolean> {
  const stats = await lstat(file).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > abandonedMilliseconds;
}

/** A run that was killed after its backup had appeared, and before `latest` pointed at it. */
async function finishLatest(series: string, link: string): Promise<void> {
  const id = await readlink(link).catch(() => "");
  const isThere = backupTime(id) !== undefined && (await isFolder(path.join(series, id)));
  const current = await readlink(path.join(series, latestLink)).catch(() => "");
  // A run that came later has made its own.
  const [made, since] = await Promise.all([link, path.join(series, latestLink)].map(timeOf));
  const isNewer = current === "" || (made ?? 0) >= (since ?? 0);
  if (isThere && isNewer) await rename(link, path.join(series, latestLink)).catch(() => unlink(link));
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
