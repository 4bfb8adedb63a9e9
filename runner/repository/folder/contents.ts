import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { isErrno } from "../../lib/files";

export interface Entry {
  /** Relative to the folder, with forward slashes. */
  readonly path: string;
  /** "other" is anything that no backup contains: a symbolic link, a socket … */
  readonly kind: "file" | "folder" | "other";
  readonly bytes: number;
}

/** Everything below a folder, parents first. Links are not followed; entries that vanish meanwhile are left out. */
export async function folderContents(folder: string, below = ""): Promise<Entry[]> {
  const found: Entry[] = [];
  for (const name of await orNone(readdir(path.join(folder, below)))) {
    const relative = path.posix.join(below, name);
    const [stats] = await orNone(lstat(path.join(folder, relative)).then((it) => [it]));
    if (stats === undefined) continue;
    const kind = stats.isDirectory() ? "folder" : stats.isFile() ? "file" : "other";
    found.push({ path: relative, kind, bytes: kind === "file" ? stats.size : 0 });
    if (kind === "folder") found.push(...(await folderContents(folder, relative)));
  }
  return found;
}

async function orNone<T>(reading: Promise<T[]>): Promise<T[]> {
  try {
    return await reading;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return [];
    throw error;
  }
}
