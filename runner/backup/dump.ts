import { findCompressor } from "../postgres/archive/compression";
import { canReadContents } from "../postgres/archive/contents";
import { dump, type DumpDestination, type DumpOptions } from "../postgres/archive/dump";
import { dumpInPieces } from "../postgres/archive/ranged-dump";
import { splitTables } from "../postgres/archive/ranges";
import { findExtents } from "../postgres/catalog/extents";
import { type MeasureOptions, planMeasures } from "../postgres/catalog/fingerprint";
import type { Connection } from "../postgres/session/connect";
import type { Snapshot } from "../postgres/session/snapshot";
import { inSnapshot } from "../postgres/session/snapshot-reader";
import type { Progress } from "../lib/progress";
import { formatBytes, totalBytes } from "../lib/format";
import type { Session } from "../postgres/session/session";
import { together } from "../lib/concurrency";
import { type Earlier, findUnchanged, nothingUnchanged, sharedAs, type Unchanged } from "./unchanged";
import { type LogicalForeignKey, countOrphans } from "../postgres/catalog/logical-foreign-keys";

/** What is dumped, and how. */
export interface Dumping {
  readonly snapshot: Snapshot;
  readonly options: DumpOptions;
  readonly destination: DumpDestination;
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
  const { jobs } = dumping.options;
  const unchanged = await orDeadSession(session, signal, () =>
    measuring.places === true
      ? findUnchanged({ session, target }, snapshot, dumping.earlier, { measuring, jobs }, progress, signal)
      : Promise.resolve(nothingUnchanged),
  );
  const left = snapshot.tables.filter(({ oid }) => !unchanged.shared.has(oid));
  progress.note(`Dumping ${left.length} tables, ${formatBytes(totalBytes(left))} in the database.`);
  const { destination, dumped } = noticed(dumping.destination);
  // This uses the session before the others do.
  const dumpTables = await planDump({ session, target }, { ...dumping, destination }, unchanged, progress);
  let current = "table definitions";
  const stop = progress.follow(() => current, writtenBytes, dumping.expectedBytes);
  const dumpAll = async () => {
    const [names, [measures, counted, extents]] = await together(signal, [
      (either) => dumpTables((tables) => (current = tables || current), either),
      async (either) => {
        const unmeasured = oids.filter((oid) => !unchanged.measures.has(oid));
        const measure = await planMeasures(session, unmeasured, measuring);
        const read = await together(either, [
          (each) => measure(inSnapshot(target, snapshot.id, each)),
          (each) => countOrphans(inSnapshot(target, snapshot.id, each), logicalForeignKeys, maxOrphans),
          () => findExtents(session, oids),
        ]);
        // The tables need not stay locked while an archive that pg_dump has written is still being received.
        if (await dumped(either)) await session.run("COMMIT");
        return read;
      },
    ]);
    signal.throwIfAborted();
    return {
      measures: new Map([...unchanged.measures, ...measures]),
      logicalForeignKeys: counted,
      extents,
      storage: unchanged.storage,
      shared: sharedAs(names, unchanged),
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
function noticed(destination: DumpDestination) {
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
  const receiving: DumpDestination = { receive: (chunks) => destination.receive(noticing(chunks)) };
  return { destination: receiving, dumped };
}

/** Dumps the tables, and says which ones it is busy with. Gives the names of shared files, by the oids of their tables. */
type Dumper = (
  onTables: (tables: string) => void,
  signal: AbortSignal,
) => Promise<ReadonlyMap<string, string>>;

/**
 * Below this many workers, splitting a table is slower. `pg_dump` alone keeps almost two cores busy with one table: the
 * server's, and its own, which compresses. Ranges take a quarter more CPU time, because psql hands the rows to another
 * program, but spread it.
 */
const leastJobs = 3;

/** Before this version, the server reads the whole table for each range of its pages. */
const rangeScans = 140000;

/** `pg_dump` dumps the tables; large ones are dumped in ranges if that was asked for and is possible. Those that did not change are not. */
async function planDump(
  { session, target }: Connection,
  { snapshot, options, destination, splitFrom, serverVersion }: Dumping,
  { shared }: Unchanged,
  progress: Progress,
): Promise<Dumper> {
  const { format, jobs, compression } = options;
  const whole: Dumper = async (onTables, signal) => {
    await dump(target, options, snapshot, destination, onTables, signal);
    return new Map();
  };
  if (format !== "directory" || !("containerPath" in destination)) return whole;

  const left = snapshot.tables.filter(({ oid }) => !shared.has(oid));
  const splits = splitFrom > 0 && jobs >= leastJobs && serverVersion >= rangeScans;
  const ranged = splits ? await splitTables(session, left, { jobs, from: splitFrom }) : [];
  const compressor = ranged.length === 0 ? undefined : await findCompressor(target, compression);
  const ranges = compressor && { ranged, compressor };
  if (shared.size === 0 && (ranges === undefined || !(await canReadContents(target)))) return whole;
  if (ranges !== undefined) {
    const names = ranged.map(({ sqlName, queries }) => `${sqlName} in ${queries.length} ranges`);
    progress.note(`Dumped by ${jobs} workers together: ${names.join(", ")}.`);
  }
  const existing = new Map([...shared].map(([oid, { at }]) => [oid, at]));
  return (onTables, signal) =>
    dumpInPieces(target, options, snapshot, destination, { ranges, existing, onTables }, signal);
}
