/** Tables that several workers dump together, into an archive that is like any other. */
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { dataEntries, listArchive } from "../postgres/archive/archive";
import { readContents } from "../postgres/archive/contents";
import { dump, type DumpOptions, type MountedDestination } from "../postgres/archive/dump";
import { copyRanges, type RangedTables } from "./copy-ranges";
import type { Run } from "./run";
import { together } from "../lib/concurrency";

export interface RangedDump extends RangedTables {
  readonly options: DumpOptions;
  readonly destination: MountedDestination;
}

/**
 * The table of contents is what `pg_dump` makes of all tables. The files of the other tables are those that it writes for
 * a dump of them alone, where they have other numbers. The large ones are copied in ranges, after the others, so that
 * there are never more workers than were asked for.
 */
export async function dumpInRanges(run: Run, dumping: RangedDump, signal: AbortSignal): Promise<void> {
  const { target, snapshot } = run;
  const { ranged, compressor, options, destination, onTables } = dumping;
  const others = snapshot.tables.filter(({ oid }) => !ranged.some((table) => table.oid === oid));
  const ranges = beside(destination, "ranges");
  const rest = beside(destination, "rest");
  await mkdir(ranges.hostPath, { mode: 0o700 });

  const [contents] = await together(signal, [
    (either) => readContents(target, options, snapshot, either),
    async (either) => {
      const without = { ...snapshot, tables: others };
      if (others.length > 0)
        await dump(target, { ...options, sequences: [] }, without, rest, onTables, either);
      await copyRanges(target, snapshot.id, ranges, options.jobs, dumping, either);
    },
  ]);

  await mkdir(destination.hostPath, { mode: 0o700 });
  await writeFile(path.join(destination.hostPath, "toc.dat"), contents, { mode: 0o600 });
  const entries = ({ containerPath, user }: MountedDestination) =>
    listArchive(target, { path: containerPath, user }, signal).then(dataEntries);
  const numbers = await entries(destination);
  const moveTo = (oid: string, from: string, suffix: string) => {
    const number = numbers.get(oid);
    if (number === undefined) throw new Error(`the table of contents has no rows of table ${oid}`);
    return rename(from, path.join(destination.hostPath, `${number}.dat${suffix}`));
  };
  for (const { oid } of ranged) await moveTo(oid, path.join(ranges.hostPath, oid), compressor.suffix);
  if (others.length > 0) {
    const files = await readdir(rest.hostPath);
    for (const [oid, number] of await entries(rest)) {
      const file = files.find((name) => name.startsWith(`${number}.dat`));
      if (file === undefined) throw new Error(`pg_dump wrote no file for table ${oid}`);
      await moveTo(oid, path.join(rest.hostPath, file), file.slice(`${number}.dat`.length));
    }
    await rm(rest.hostPath, { recursive: true });
  }
  await rm(ranges.hostPath, { recursive: true });
}

/** A folder next to the archive. */
function beside({ containerPath, hostPath, user }: MountedDestination, name: string): MountedDestination {
  return {
    containerPath: path.posix.join(path.posix.dirname(containerPath), name),
    hostPath: path.join(path.dirname(hostPath), name),
    user,
  };
}
