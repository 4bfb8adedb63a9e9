import { chmod, readdir, stat } from "node:fs/promises";
import path from "node:path";

/** Whoever may read the files of a folder may also enter it. */
export function folderMode(fileMode: number): number {
  return fileMode | 0o700 | ((fileMode & 0o444) >> 2);
}

/** Gives the files of a finished backup their permissions; while it was written they were its owner's alone. */
export async function openToReaders(workPath: string, fileMode: number): Promise<void> {
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
