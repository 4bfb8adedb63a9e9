import { findCompressor } from "../postgres/archive/compression";
import { canReadContents } from "../postgres/archive/contents";
import { dump, type DumpDestination, type DumpOptions } from "../postgres/archive/dump";
import { dumpInRanges } from "../postgres/archive/ranged-dump";
import { splitTables } from "../postgres/archive/ranges";
import { findExtents } from "../postgres/catalog/extents";
import { type MeasureOptions, planMeasures } from "../postgres/catalog/fingerprint";
import type { Connection } from "../postgres/session/connect";
import type { Snapshot } from "../postgres/session/snapshot";
import { inSnapshot } from "../postgres/session/snapshot-reader";
import type { Progress } from "../lib/progress";
import { formatBytes, totalBytes } from "../lib/format";
import { together } from "../lib/concurrency";
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
  progress.note(
    `Dumping ${snapshot.tables.length} tables, ${formatBytes(totalBytes(snapshot.tables))} in the database.`,
  );
  const { destination, dumped } = noticed(dumping.destination);
  // This uses the session before the others do.
  const dumpTables = await planDump({ session, target }, { ...dumping, destination }, progress);
  let current = "table definitions";
  const stop = progress.follow(() => current, writtenBytes, dumping.expectedBytes);
  try {
    const [, [measures, counted, extents]] = await together(signal, [
      (either) => dumpTables((tables) => (current = tables || current), either),
      async (either) => {
        const measure = await planMeasures(session, oids, measuring);
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
    return { measures, logicalForeignKeys: counted, extents };
  } catch (error) {
    // If the session that holds the snapshot is dead, everything else failed because of that; this reports it.
    if (!signal.aborted) await session.run("SELECT 1");
    throw error;
  } finally {
    stop();
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

/** Dumps the tables, and says which ones it is busy with. */
type Dumper = (onTables: (tables: string) => void, signal: AbortSignal) => Promise<void>;

/**
 * Below this many workers, splitting a table is slower. `pg_dump` alone keeps almost two cores busy with one table: the
 * server's, and its own, which compresses. Ranges take a quarter more CPU time, because psql hands the rows to another
 * program, but spread it.
 */
const leastJobs = 3;

/** Before this version, the server reads the whole table for each range of its pages. */
const rangeScans = 140000;

/** `pg_dump` dumps the tables; large ones are dumped in ranges if that was asked for and is possible. */
async function planDump(
  { session, target }: Connection,
  { snapshot, options, destination, splitFrom, serverVersion }: Dumping,
  progress: Progress,
): Promise<Dumper> {
  const { format, jobs, compression } = options;
  const whole: Dumper = (onTables, signal) => dump(target, options, snapshot, destination, onTables, signal);
  if (splitFrom === 0 || jobs < leastJobs || serverVersion < rangeScans) return whole;
  if (format !== "directory" || !("containerPath" in destination)) return whole;

  const ranged = await splitTables(session, snapshot.tables, { jobs, from: splitFrom });
  const compressor = ranged.length === 0 ? undefined : await findCompressor(target, compression);
  if (compressor === undefined || !(await canReadContents(target))) return whole;
  const names = ranged.map(({ sqlName, queries }) => `${sqlName} in ${queries.length} ranges`);
  progress.note(`Dumped by ${jobs} workers together: ${names.join(", ")}.`);
  return (onTables, signal) =>
    dumpInRanges(target, options, snapshot, destination, { ranged, compressor, onTables }, signal);
}
