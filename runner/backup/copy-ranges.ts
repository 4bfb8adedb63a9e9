import path from "node:path";
import type { ExecTarget } from "../docker/exec";
import type { Compressor } from "../postgres/archive/compressor";
import type { MountedDestination } from "../postgres/archive/dump";
import { openRangeCopier, type RangeCopier } from "../postgres/archive/range-copier";
import type { RangedTable } from "../postgres/archive/ranges";
import { assemble } from "./assembly";
import { together } from "../lib/concurrency";

export interface RangedTables {
  readonly ranged: readonly RangedTable[];
  readonly compressor: Compressor;
  readonly onTables: (tables: string) => void;
}

/** Writes the rows of each table into a file of the folder that is named after its oid. */
export async function copyRanges(
  target: ExecTarget,
  snapshotId: string,
  folder: MountedDestination,
  jobs: number,
  { ranged, compressor, onTables }: RangedTables,
  signal: AbortSignal,
): Promise<void> {
  const queue = ranged.flatMap((table) => tasks(table, folder.hostPath, onTables)).values();
  const tables = ranged.map(({ sqlName }) => sqlName);
  const options = { snapshotId, tables, compressor, folder: folder.containerPath, user: folder.user };
  const worker = async (either: AbortSignal) => {
    const copier = await openRangeCopier(target, options, either);
    try {
      // The workers share the queue: each takes the next range when it is free.
      for (const task of queue) {
        either.throwIfAborted();
        await task(copier);
      }
    } finally {
      await copier.close();
    }
  };
  await together(
    signal,
    Array.from({ length: jobs }, () => worker),
  );
}

type Task = (copier: RangeCopier) => Promise<void>;

/** One for each range, and one for the end of the data. */
function tasks(
  { oid, sqlName, queries }: RangedTable,
  folder: string,
  onTables: (tables: string) => void,
): Task[] {
  const part = (index: number) => `${oid}.${index}`;
  const add = assemble(path.join(folder, oid), (index) => path.join(folder, part(index)));
  return [
    ...queries.map((query, index): Task => async (copier) => {
      onTables(sqlName);
      await copier.copy(query, part(index));
      await add(index);
    }),
    async (copier) => {
      await copier.copyEnd(part(queries.length));
      await add(queries.length);
    },
  ];
}
