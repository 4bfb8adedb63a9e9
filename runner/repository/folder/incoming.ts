/** A backup that comes from elsewhere: written under a hidden name, and renamed when all of it is there. */
import { createWriteStream } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "../../lib/failure";
import { abandonBackup } from "./abandon";
import { measuring } from "../checked-content";
import { checkSpace } from "./space";
import { removeAbandoned } from "./abandoned";
import { unwritable } from "./folder";
import { makeRoomForLatest, prepareLatest } from "./latest";
import { openToReaders } from "./modes";
import { alreadyExists, type Arrival, type IncomingBackup } from "../repository";
import { workName } from "../../lib/work-name";
import { isErrno, syncToDisk } from "../../lib/files";

/** `isNewest` is asked when all of the backup is in its hidden folder. */
export async function receiveFolder(
  series: string,
  { id, bytes, fileMode }: Arrival,
  isNewest: (workPath: string) => Promise<boolean>,
): Promise<IncomingBackup> {
  const workPath = path.join(series, workName(id));
  const finalPath = path.join(series, id);
  let notes: string[] = [];
  await writable(series, async () => {
    await mkdir(series, { recursive: true, mode: 0o700 });
    await removeAbandoned(series);
    notes = await makeRoomForLatest(series);
    await checkSpace(series, bytes);
    await mkdir(workPath, { mode: 0o700 });
  });
  const folders = new Set([workPath]);
  return {
    async write(file, content) {
      const target = path.join(workPath, file);
      for (let folder = path.dirname(target); !folders.has(folder); folder = path.dirname(folder))
        folders.add(folder);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o700 });
      // "wx" neither follows a link nor overwrites a file that is there.
      const destination = createWriteStream(target, { flags: "wx", mode: 0o600, flush: true });
      const measured = measuring(content);
      await pipeline(measured.content, destination);
      return { path: file, ...measured.read() };
    },
    async publish() {
      await openToReaders(workPath, fileMode);
      for (const folder of folders) await syncToDisk(folder);
      // Made before the backup appears: what can fail should fail while nothing is published.
      const link = (await isNewest(workPath)) ? await prepareLatest(series, id) : undefined;
      try {
        await renameNew(workPath, finalPath);
      } catch (error) {
        await link?.discard();
        throw error;
      }
      notes.push(...((await link?.publish()) ?? []));
      await syncToDisk(series);
      return { versionIds: {}, notes };
    },
    abandon: (error) => abandonBackup({ workPath, finalPath }, error),
  };
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

async function writable(series: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw error instanceof Failure ? error : unwritable(series, error);
  }
}
