import { rm } from "node:fs/promises";
import path from "node:path";
import { dump, type DumpOptions, holdsContent, withoutTables } from "../postgres/archive/dump";
import { dumpInPieces, type Pieced } from "../postgres/archive/ranged-dump";
import { findExtents } from "../postgres/catalog/extents";
import {
  byTable,
  measure,
  type MeasureOptions,
  measureQuery,
  planMeasures,
} from "../postgres/catalog/fingerprint";
import type { Connection } from "../postgres/session/connect";
import type { Snapshot } from "../postgres/session/snapshot";
import { inSnapshot } from "../postgres/session/snapshot-reader";
import type { Progress } from "../lib/progress";
import { formatBytes, totalBytes } from "../lib/format";
import type { Session } from "../postgres/session/session";
import { together } from "../lib/concurrency";
import { type Destination, isSplit } from "./destination";
import { type Pieces, planPieces, recordedRanges } from "./pieces";
import { rangesOf, type Earlier, sharedAs } from "./unchanged";
import { type LogicalForeignKey, countOrphans } from "../postgres/catalog/logical-foreign-keys";

/** What is dumped, and how. */
export interface Dumping {
  readonly snapshot: Snapshot;
  readonly options: DumpOptions;
  readonly destination: Destination;
  /** Tables of at least so many bytes are dumped by several workers at once; 0: none are. */
  readonly splitFrom: number;
  /** `server_version_num` */
  readonly serverVersion: number;
  /** What the tables are compared with; undefined if all are dumped. */
  readonly earlier: Earlier | undefined;
  /** Size that the archive will have, as far as that is known. */
  readonly expectedBytes: number | undefined;
}

export interface Counting {
  readonly measuring: MeasureOptions;
  readonly logicalForeignKeys: readonly LogicalForeignKey[];
  readonly maxOrphans: number | undefined;
}

/** Counts, fingerprints and extents are read while the tables are dumped. When one of them fails, the others are ended. */
export async function dumpAndMeasure(
  { session, target }: Connection,
  dumping: Dumping,
  { measuring, logicalForeignKeys, maxOrphans }: Counting,
  writtenBytes: () => Promise<number>,
  progress: Progress,
  signal: AbortSignal,
) {
  const { snapshot } = dumping;
  const oids = snapshot.tables.map(({ oid }) => oid);
  const pieces = await orDeadSession(session, signal, () =>
    planPieces({ session, target }, dumping, measuring, progress, signal),
  );
  const left = snapshot.tables.filter(({ oid }) => !pieces.shared.has(oid));
  progress.note(`Dumping ${left.length} tables, ${formatBytes(totalBytes(left))} in the database.`);
  const { destination, dumped } = noticed(dumping.destination);
  const dumpTables = dumperOf({ session, target }, { ...dumping, destination }, pieces);
  let current = "table definitions";
  const stop = progress.follow(() => current, writtenBytes, dumping.expectedBytes);
  const dumpAll = async () => {
    const [{ names, rangeBytes }, [measured, counted, extents]] = await together(signal, [
      (either) => dumpTables((tables) => (current = tables || current), either),
      async (either) => {
        const unmeasured = oids.filter((oid) => !pieces.measures.has(oid));
        const inRanges = measuring.places === true ? rangesOf(pieces.ranged) : undefined;
        const planned = await planMeasures(session, unmeasured, measuring, inRanges);
        const queries = planned.map((table) => measureQuery(table));
        const read = await together(either, [
          (each) => measure(inSnapshot(target, snapshot.id, each), queries, measuring),
          (each) => countOrphans(inSnapshot(target, snapshot.id, each), logicalForeignKeys, maxOrphans),
          () => findExtents(session, oids),
        ]);
        // The tables need not stay locked while an archive that pg_dump has written is still being received.
        if (await dumped(either)) await session.run("COMMIT");
        return read;
      },
    ]);
    signal.throwIfAborted();
    const measures = new Map([...pieces.measures, ...byTable(measured)]);
    return {
      measures,
      logicalForeignKeys: counted,
      extents,
      storage: pieces.storage,
      shared: sharedAs(names, pieces),
      ranges: recordedRanges(pieces, measures, rangeBytes),
    };
  };
  return orDeadSession(session, signal, dumpAll).finally(stop);
}

/** If the session that holds the snapshot is dead, everything else failed because of that; this reports it. */
async function orDeadSession<T>(session: Session, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  }
}

/**
 * For a destination that receives the archive: whether `pg_dump` has given all of it. False if the archive goes to a file, or if
 * the dump was aborted.
 */
function noticed(destination: Destination) {
  if (!("receive" in destination)) return { destination, dumped: () => Promise.resolve(false) };
  const given = new AbortController();
  const noticing = async function* (chunks: AsyncIterable<Uint8Array>) {
    yield* chunks;
    given.abort();
  };
  const dumped = (signal: AbortSignal) =>
    new Promise<boolean>((resolve) => {
      const either = AbortSignal.any([given.signal, signal]);
      const tell = () => {
        resolve(given.signal.aborted);
      };
      if (either.aborted) tell();
      else either.addEventListener("abort", tell, { once: true });
    });
  if (!isSplit(destination))
    return {
      destination: { receive: (chunks: AsyncIterable<Uint8Array>) => destination.receive(noticing(chunks)) },
      dumped,
    };
  const splitting: Destination = {
    receive: (chunks, contents) => destination.receive(noticing(chunks), contents),
    writeContents(contents) {
      given.abort();
      return destination.writeContents(contents);
    },
  };
  return { destination: splitting, dumped };
}

/** Dumps the tables, and says which ones it is busy with. */
type Dumper = (onTables: (tables: string) => void, signal: AbortSignal) => Promise<Pieced>;

/** `pg_dump` dumps the tables, except what is there already or is dumped in ranges. */
function dumperOf(connection: Connection, dumping: Dumping, pieces: Pieces): Dumper {
  const { target } = connection;
  const { snapshot, options, destination } = dumping;
  const { shared, kept, ranged, compressor, contents } = pieces;
  if (contents !== undefined && isSplit(destination))
    return async (onTables, signal) => {
      const without = withoutTables(snapshot, new Set(shared.keys()));
      const all = await contents.read(signal);
      const receiving = {
        receive: (chunks: AsyncIterable<Uint8Array>) => destination.receive(chunks, all),
      };
      // The contents have the sequences too.
      if (holdsContent(without))
        await dump(target, { ...options, sequences: [] }, without, receiving, onTables, signal);
      else await destination.writeContents(all);
      const names = new Map([...shared].map(([oid, { at }]) => [oid, path.posix.basename(at)]));
      return { names, rangeBytes: new Map() };
    };
  const ranges =
    compressor && ranged.size > 0
      ? { ranged: [...ranged.values()], kept: piecesOf(kept), compressor }
      : undefined;
  if (!("containerPath" in destination) || contents === undefined)
    return async (onTables, signal) => {
      await dump(target, options, snapshot, destination, onTables, signal);
      return { names: new Map(), rangeBytes: new Map() };
    };
  const existing = new Map([...shared].map(([oid, { at }]) => [oid, at]));
  return async (onTables, signal) => {
    const dumped = await dumpInPieces(
      target,
      options,
      snapshot,
      destination,
      { contents, ranges, existing, onTables },
      signal,
    );
    for (const { at } of kept.values()) await rm(at);
    return dumped;
  };
}

const piecesOf = (kept: Pieces["kept"]) => new Map([...kept].map(([oid, { pieces }]) => [oid, pieces]));
