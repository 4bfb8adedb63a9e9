/**
 * An archive that is like any other, and whose data files are made in several ways: large tables are dumped by several workers
 * together, and the files of others are there already.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { ExecTarget } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { escapeLiteral } from "../session/escape";
import { withoutJit } from "../session/session";
import type { Snapshot } from "../session/snapshot";
import { listArchive } from "./archive";
import type { Compressor } from "./compression";
import { readContents } from "./contents";
import { openCopySession } from "./copy-session";
import { dump, type DumpOptions, type MountedDestination, writeError, rowTooLarge } from "./dump";
import type { RangedTable } from "./ranges";
import { holdsRows, type ListedEntry } from "./toc";
import { together } from "../../lib/concurrency";
import path from "node:path";
import copyRange from "./copy-range.sh";

interface RangedTables {
  readonly ranged: readonly RangedTable[];
  readonly compressor: Compressor;
  readonly onTables: (tables: string) => void;
}

interface PiecedTables {
  /** Undefined if no table is dumped in ranges. */
  readonly ranges: Pick<RangedTables, "ranged" | "compressor"> | undefined;
  /** By oid, data files that exist, on the host. */
  readonly existing: ReadonlyMap<string, string>;
  readonly onTables: (tables: string) => void;
}

/**
 * `pg_dump` writes the table of contents of all tables, and then the files of the other tables in a dump of these alone, where
 * they have other numbers. The large tables are copied in ranges after the others, so that there are never more workers
 * than were asked for. Gives the names that the existing files have now, by the oids of their tables.
 */
export async function dumpInPieces(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  destination: MountedDestination,
  { ranges, existing, onTables }: PiecedTables,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const ranged = ranges?.ranged ?? [];
  const others = snapshot.tables.filter(
    ({ oid }) => !existing.has(oid) && !ranged.some((table) => table.oid === oid),
  );
  const holdRows = others.some(({ kind }) => kind === "r");
  const copied = beside(destination, "ranges");
  const rest = beside(destination, "rest");

  const [contents] = await together(signal, [
    (either) => readContents(target, options, snapshot, either),
    async (either) => {
      const without = { ...snapshot, tables: others };
      if (holdRows) await dump(target, { ...options, sequences: [] }, without, rest, onTables, either);
      if (ranges === undefined) return;
      await mkdir(copied.hostPath, { mode: 0o700 });
      await copyRanges(target, snapshot.id, copied, options.jobs, { ...ranges, onTables }, either);
    },
  ]);

  await mkdir(destination.hostPath, { mode: 0o700 });
  await writeFile(path.join(destination.hostPath, "toc.dat"), contents, { mode: 0o600 });
  const entriesIn = async ({ containerPath, user }: MountedDestination): Promise<ListedEntry[]> =>
    (await listArchive(target, { path: containerPath, user }, signal)).filter(holdsRows);
  const ids = new Map((await entriesIn(destination)).map(({ oid, id }) => [oid, id]));
  const moveTo = async (oid: string, from: string, suffix: string) => {
    const id = ids.get(oid);
    if (id === undefined) throw new Error(`the table of contents has no rows of table ${oid}`);
    const name = `${id}.dat${suffix}`;
    await rename(from, path.join(destination.hostPath, name));
    return name;
  };
  const names = new Map<string, string>();
  for (const [oid, file] of existing)
    names.set(oid, await moveTo(oid, file, path.basename(file).replace(/^.*?\.dat/, "")));
  if (ranges !== undefined) {
    for (const { oid } of ranged)
      await moveTo(oid, path.join(copied.hostPath, oid), ranges.compressor.suffix);
    await rm(copied.hostPath, { recursive: true });
  }
  if (holdRows) {
    const files = await readdir(rest.hostPath);
    for (const { oid, id } of await entriesIn(rest)) {
      const file = files.find((name) => name.startsWith(`${id}.dat`));
      if (file === undefined) throw new Error(`pg_dump wrote no file for table ${oid}`);
      await moveTo(oid, path.join(rest.hostPath, file), file.slice(`${id}.dat`.length));
    }
    await rm(rest.hostPath, { recursive: true });
  }
  return names;
}

/** A folder next to the archive. */
function beside({ containerPath, hostPath, user }: MountedDestination, name: string): MountedDestination {
  return {
    containerPath: path.posix.join(path.posix.dirname(containerPath), name),
    hostPath: path.join(path.dirname(hostPath), name),
    user,
  };
}

/** Writes the rows of each table into a file of the folder that is named after the table's oid. */
export async function copyRanges(
  target: ExecTarget,
  snapshotId: string,
  folder: MountedDestination,
  jobs: number,
  { ranged, compressor, onTables }: RangedTables,
  signal: AbortSignal,
): Promise<void> {
  const queue = ranged.flatMap((table) => tasks(table, folder.hostPath, onTables)).values();
  const options = { snapshotId, tables: ranged, compressor, folder };
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

/** One task for each range, and one for the lines after the last row. */
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

const chunkBytes = 1 << 20;

/** Appends parts to a file in their order, whichever is there first. The function takes the index of a part that is there. */
export function assemble(file: string, part: (index: number) => string): (index: number) => Promise<void> {
  const waiting = new Set<number>();
  let next = 0;
  let appended = Promise.resolve();
  return (index) => {
    waiting.add(index);
    while (waiting.delete(next)) {
      const source = part(next++);
      appended = appended.then(() => append(file, source));
    }
    return appended;
  };
}

async function append(file: string, part: string): Promise<void> {
  await pipeline(
    createReadStream(part, { highWaterMark: chunkBytes }),
    createWriteStream(file, { flags: "a", mode: 0o600 }),
  );
  await rm(part);
}

/** A session that copies ranges of tables, each into a compressed file of a folder. */
interface RangeCopier {
  copy(query: string, file: string): Promise<void>;
  /** Writes what `pg_dump` writes after the last row of a table. */
  copyEnd(file: string): Promise<void>;
  close(): Promise<void>;
}

interface CopierOptions {
  readonly snapshotId: string;
  /** All tables that it may copy from. */
  readonly tables: readonly RangedTable[];
  readonly compressor: Compressor;
  readonly folder: MountedDestination;
}

/**
 * What `pg_dump` sets because the text of a row depends on it, or because it would end or block a long dump; and what
 * makes the server scan just the pages of the range, in their order.
 */
const settings = [
  "SET row_security = off",
  "SELECT set_config('search_path', '', false)",
  "SET datestyle = 'ISO'",
  "SET intervalstyle = 'postgres'",
  "SET extra_float_digits = 3",
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET idle_in_transaction_session_timeout = 0",
  "SET synchronize_seqscans = off",
  "SET enable_seqscan = off",
  "SET max_parallel_workers_per_gather = 0",
  withoutJit,
];

async function openRangeCopier(
  target: ExecTarget,
  { snapshotId, tables, compressor, folder }: CopierOptions,
  signal: AbortSignal,
): Promise<RangeCopier> {
  const { containerPath, user } = folder;
  const session = openCopySession(target, { script: copyRange, folder: containerPath, user }, signal);

  async function copyTo(query: string, file: string, content: "rows" | "end"): Promise<void> {
    try {
      await session.copy(`(${query})`, "to", [file, content, ...compressor.command]);
    } catch (error) {
      throw failure(error, query);
    }
  }

  try {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await session.run(`SET TRANSACTION SNAPSHOT ${escapeLiteral(snapshotId)}`);
    for (const setting of settings) await session.run(setting);
    // To wait could take for ever: whoever is before this session in the queue waits for the one that holds the snapshot.
    const names = tables.map(({ sqlName }) => sqlName).join(", ONLY ");
    await session.run(`LOCK TABLE ONLY ${names} IN ACCESS SHARE MODE NOWAIT`);
  } catch (error) {
    await session.close();
    throw failure(error);
  }
  return {
    copy: (query, file) => copyTo(query, file, "rows"),
    copyEnd: (file) => copyTo("SELECT LIMIT 0", file, "end"),
    close: () => session.close(),
  };
}

function failure(error: unknown, query = ""): unknown {
  if (!(error instanceof Failure)) return error;
  return (
    writeError(error.message) ??
    rowTooLarge(`${error.message}\n${query}`) ??
    new Failure("dump-failed", `Copying a range of a table failed: ${error.message}`)
  );
}
