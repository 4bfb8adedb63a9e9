/** A small archive is read by this program: that takes less time than to start a container which reads it. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import pMap from "p-map";
import type { ContainerFile } from "../postgres/archive/archive";
import { decompressed } from "../postgres/archive/compression";
import { entryOf, rowsIn } from "../postgres/archive/data-files";
import { Failure } from "../lib/failure";
import type { BackupFiles } from "../repository/files";
import type { Docker } from "../docker/docker";
import { checkContents, type Verifiable } from "./verification";
import { archiveFile } from "./scripts";

const filesAtOnce = 4;

interface SmallArchive {
  readonly docker: Docker;
  /** Its folder, as the database's own container sees it. `pg_restore` reads the table of contents there. */
  readonly container: string;
  readonly archive: ContainerFile;
  readonly files: BackupFiles;
}

/** Whether an archive in the directory format is whole. If it is not, a verification in a container has to say what is wrong. */
export async function isWhole(
  { docker, container, archive, files }: SmallArchive,
  manifest: Pick<Verifiable, "format" | "compression" | "jobs" | "tables">,
  known: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<boolean> {
  const count = (either: AbortSignal) => countHere(files, archiveFile(manifest), known, either);
  try {
    await checkContents(docker, { name: container }, archive, manifest, signal, { count });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Failure) return false;
    throw error;
  }
}

/** The number of rows in each file, by the number of its entry. */
async function countHere(
  files: BackupFiles,
  archive: string,
  known: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const names = await readdir(path.join(files.folder ?? "", archive));
  const counted = await pMap(
    names.filter((name) => /^\d+\.dat/.test(name)),
    async (name): Promise<[string, number]> => {
      const file = path.posix.join(archive, name);
      const rows = known.get(name) ?? (await rowsIn(decompressed(files.read(file), file, signal), file));
      return [entryOf(name), rows];
    },
    { concurrency: filesAtOnce, signal },
  );
  return new Map(counted);
}
