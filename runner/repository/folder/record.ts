/** Writes what a verification found into the backup's folder. */
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { syncToDisk } from "../../lib/files";
import { workName } from "../../lib/work-name";
import { verificationFile } from "../layout";
import { type Verification, verificationText } from "../verification";

/** It is complete or not there: it is written beside the folder, where a later run removes what a killed one left. */
export async function recordInFolder(folder: string, verification: Verification): Promise<void> {
  const file = path.join(folder, verificationFile(verification.level));
  const work = path.join(path.dirname(folder), workName(path.basename(file)));
  try {
    const handle = await open(work, "wx", 0o600);
    try {
      await handle.writeFile(verificationText(verification));
      await likeFolder(handle, folder);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(work, file);
    await syncToDisk(folder);
  } catch (error) {
    await rm(work, { force: true }).catch(() => undefined);
    throw new Failure("folder-not-writable", `${file} cannot be written: ${(error as Error).message}.`);
  }
}

/** Whoever reads the backup can read the file too, whichever user has verified it. */
async function likeFolder(handle: FileHandle, folder: string): Promise<void> {
  const { mode, uid, gid } = await stat(folder);
  await handle.chmod(mode & 0o666);
  // Only root may give files away; other users verify backups of their own, as a rule.
  await handle.chown(uid, gid).catch(() => undefined);
}
