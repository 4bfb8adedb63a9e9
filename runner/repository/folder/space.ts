/** Checks whether a folder can take a backup, without writing. */
import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../../lib/failure";
import { formatBytes } from "../../lib/format";

/** Fails if files cannot be written to a folder, which need not exist yet. */
export async function checkWritable(folder: string): Promise<void> {
  const existing = await nearestExisting(folder);
  const reason = (await stat(existing)).isDirectory()
    ? await access(existing, constants.W_OK | constants.X_OK).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
    : `${existing} is not a folder`;
  if (reason === undefined) return;
  throw new Failure(
    "folder-not-writable",
    `The backup folder ${folder} cannot be written: ${reason}. Choose another repository, or give this user write permission.`,
  );
}

/** Fails if less space is free than a backup is expected to take. */
export async function checkSpace(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(await nearestExisting(folder));
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  throw new Failure(
    "space-insufficient",
    `${folder} has ${formatBytes(free)} free, and the backup is expected to take about ${formatBytes(neededBytes)}. ` +
      "Free some space, prune old backups, or choose another repository.",
  );
}

async function nearestExisting(folder: string): Promise<string> {
  try {
    await stat(folder);
    return folder;
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : nearestExisting(parent);
  }
}
