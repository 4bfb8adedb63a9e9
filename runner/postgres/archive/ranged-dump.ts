/**
 * An archive that is like any other, and whose data files are made in several ways: large tables are dumped by several workers
 * together, and the files of others, or pieces of them, are there already.
 */
import { constants, createReadStream, createWriteStream } from "node:fs";
import { copyFile, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { ExecTarget } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { escapeLiteral } from "../session/escape";
import { withoutJit } from "../session/session";
import type { Snapshot } from "../session/snapshot";
import type { Compressor } from "./compression";
import type { EarlyContents } from "./contents";
import { openCopySession } from "./copy-session";
import {
  dump,
  type DumpOptions,
  type MountedDestination,
  rowTooLarge,
  holdsContent,
  withoutTables,
  writeError,
} from "./dump";
import { isIn, type RangedTable } from "./ranges";
import { largeObjectFile, largeObjectLists, readToc, rowEntries } from "./toc";
import { together } from "../../lib/concurrency";
import path from "node:path";
import copyRange from "./copy-range.sh";

/** A piece of a file. */
export interface Piece {
  readonly file: string;
  readonly start: number;
  readonly bytes: number;
}

interface RangedTables {
  readonly ranged: readonly RangedTable[];
  /** By oid and by the index of the range, what an earlier archive has of the same rows. */
  readonly kept?: ReadonlyMap<string, ReadonlyMap<number, Piece>>;
  readonly compressor: Compressor;
  readonly onTables: (tables: string) => void;
}

interface PiecedTables {
  readonly contents: EarlyContents;
  /** Undefined if no table is dumped in ranges. */
  readonly ranges: Omit<RangedTables, "onTables"> | undefined;
  /** By oid, data files that exist, on the host. */
  readonly existing: ReadonlyMap<string, string>;
  readonly onTables: (tables: string) => void;
}

/** What came of the pieces, by the oids of the tables. */
export interface Pieced {
  /** The names that the existing files have now. */
  readonly names: ReadonlyMap<string, string>;
  /** The bytes that each range has in its table's file. */
  readonly rangeBytes: ReadonlyMap<string, readonly number[]>;
}

/**
 * `pg_dump` writes the table of contents of all tables, and then the files of the other tables in a dump of these alone, where
 * they have other numbers. The large tables are copied in ranges after the others, so that there are never more workers
 * than were asked for.
 */
export async function dumpInPieces(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  destination: MountedDestination,
  { contents: early, ranges, existing, onTables }: PiecedTables,
  signal: AbortSignal,
): Promise<Pieced> {
  const ranged = ranges?.ranged ?? [];
  const without = withoutTables(snapshot, new Set([...existing.keys(), ...ranged.map(({ oid }) => oid)]));
  const isDumped = holdsContent(without);
  const copied = beside(destination, "ranges");
  const rest = beside(destination, "rest");

  const [contents, rangeBytes] = await together(signal, [
    (either) => early.read(either),
    async (either) => {
      if (isDumped) await dump(target, { ...options, sequences: [] }, without, rest, onTables, either);
      if (ranges === undefined) return new Map();
      await mkdir(copied.hostPath, { mode: 0o700 });
      return copyRanges(target, snapshot.id, copied, options.jobs, { ...ranges, onTables }, either);
    },
  ]);

  await mkdir(destination.hostPath, { mode: 0o700 });
  await writeFile(path.join(destination.hostPath, "toc.dat"), contents, { mode: 0o600 });
  const ids = idsIn(contents);
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
  if (isDumped) {
    const files = await readdir(rest.hostPath);
    const ofRest = await readFile(path.join(rest.hostPath, "toc.dat"));
    for (const [oid, id] of idsIn(ofRest)) {
      const file = files.find((name) => name.startsWith(`${id}.dat`));
      if (file === undefined) throw new Error(`pg_dump wrote no file for table ${oid}`);
      await moveTo(oid, path.join(rest.hostPath, file), file.slice(`${id}.dat`.length));
    }
    const lists = namesOfLists(ofRest, contents);
    for (const file of files.filter((name) => name.startsWith(largeObjectFile))) {
      const name = lists.get(file) ?? file;
      await rename(path.join(rest.hostPath, file), path.join(destination.hostPath, name));
    }
    await rm(rest.hostPath, { recursive: true });
  }
  return { names, rangeBytes };
}

/** The names that files which list large objects have by another table of contents, by their names. */
function namesOfLists(contents: Buffer, other: Buffer): ReadonlyMap<string, string> {
  const others = largeObjectLists(readToc(other));
  return new Map(
    [...largeObjectLists(readToc(contents))].map(([objects, file]) => {
      const name = others.get(objects);
      if (name === undefined) throw new Error(`the table of contents has no large objects ${objects}`);
      return [file, name];
    }),
  );
}

/** By the oids of the tables, the entries of their rows. */
const idsIn = (contents: Buffer) => rowEntries(readToc(contents).entries);

/** A folder next to the archive. */
function beside({ containerPath, hostPath, user }: MountedDestination, name: string): MountedDestination {
  return {
    containerPath: path.posix.join(path.posix.dirname(containerPath), name),
    hostPath: path.join(path.dirname(hostPath), name),
    user,
  };
}

/**
 * Writes the rows of each table into a file of the folder that is named after the table's oid. Gives the bytes of each range, by
 * the table's oid.
 */
export async function copyRanges(
  target: ExecTarget,
  snapshotId: string,
  folder: MountedDestination,
  jobs: number,
  { ranged, kept, compressor, onTables }: RangedTables,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const sizes = new Map<string, number[]>();
  const begin = (table: RangedTable): Task[] => {
    const ofTable: number[] = [];
    sizes.set(table.oid, ofTable);
    const pieces = kept?.get(table.oid) ?? new Map<number, Piece>();
    return tasks(table, { kept: pieces, folder: folder.hostPath, sizes: ofTable, onTables });
  };
  const queue = ranged.flatMap(begin).values();
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
  return sizes;
}

type Task = (copier: RangeCopier) => Promise<void>;

/** One task for each range, and one for the lines after the last row. */
function tasks(
  { oid, sqlName, rows, ranges }: RangedTable,
  {
    kept,
    folder,
    sizes,
    onTables,
  }: Pick<RangedTables, "onTables"> & {
    readonly kept: ReadonlyMap<number, Piece>;
    /** On the host. */
    readonly folder: string;
    readonly sizes: number[];
  },
): Task[] {
  const name = (index: number) => `${oid}.${index}`;
  const file = (index: number) => path.join(folder, name(index));
  const joined = joinStart(kept);
  const add = assemble(path.join(folder, oid), (index) => joined.get(index) ?? file(index));
  return [
    ...ranges.map((range, index): Task => async (copier) => {
      onTables(sqlName);
      const piece = kept.get(index);
      if (piece === undefined) await copier.copy(`${rows} WHERE ${isIn(range)}`, name(index));
      sizes[index] = piece?.bytes ?? (await stat(file(index))).size;
      await add(index);
    }),
    async (copier) => {
      await copier.copyEnd(name(ranges.length));
      await add(ranges.length);
    },
  ];
}

const chunkBytes = 1 << 20;

/**
 * Appends parts to a file in their order, whichever is there first. The function takes the index of a part that is there: a file,
 * which is removed then, or a piece of one that stays.
 */
export function assemble(
  file: string,
  part: (index: number) => string | Piece,
): (index: number) => Promise<void> {
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

/** The pieces that come first become one, as the file system can share the beginning of a file. */
export function joinStart(pieces: ReadonlyMap<number, Piece>): ReadonlyMap<number, Piece> {
  const joined = new Map(pieces);
  const first = pieces.get(0);
  if (first === undefined) return joined;
  let { bytes } = first;
  for (let index = 1, next = pieces.get(index); next !== undefined; next = pieces.get(++index)) {
    bytes += next.bytes;
    joined.set(index, { ...next, bytes: 0 });
  }
  return joined.set(0, { ...first, bytes });
}

/** Begins a file with the beginning of another one, without writing it, where the file system has reflinks; else false. */
async function beginWith({ file: other, start, bytes }: Piece, file: string): Promise<boolean> {
  if (start > 0) return false;
  try {
    await copyFile(other, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch {
    return false;
  }
  await truncate(file, bytes);
  return true;
}

async function append(file: string, part: string | Piece): Promise<void> {
  const isPiece = typeof part !== "string";
  if (isPiece && (part.bytes === 0 || (await beginWith(part, file)))) return;
  const source = isPiece ? part.file : part;
  const bounds = isPiece ? { start: part.start, end: part.start + part.bytes - 1 } : {};
  await pipeline(
    createReadStream(source, { highWaterMark: chunkBytes, ...bounds }),
    createWriteStream(file, { flags: "a", mode: 0o600 }),
  );
  if (!isPiece) await rm(source);
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
    for (const statement of tables.flatMap(({ before }) => before)) await session.run(statement);
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
