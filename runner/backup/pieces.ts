/** How the rows of each table get into the archive: shared with an earlier backup, dumped in ranges, or dumped whole. */
import * as z from "zod";
import { type Compressor, findCompressor } from "../postgres/archive/compression";
import { canReadContents, type EarlyContents, startContents } from "../postgres/archive/contents";
import type { Pieced } from "../postgres/archive/ranged-dump";
import {
  forWorkers,
  lastingRange,
  leastLastingBytes,
  type RangedTable,
  splitTables,
} from "../postgres/archive/ranges";
import type { Measure, MeasureOptions } from "../postgres/catalog/fingerprint";
import { readStorage, type Storage } from "../postgres/catalog/storage";
import type { Connection } from "../postgres/session/connect";
import type { Relation } from "../postgres/catalog/catalog";
import { sqlName } from "../postgres/session/names";
import type { Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import { isSplit } from "./destination";
import type { Dumping } from "./dump";
import { compareTables, type Earlier, findCandidates, type RangesRecord, type Unchanged } from "./unchanged";

/** By the oids of the tables. */
export interface Pieces extends Unchanged {
  readonly storage: ReadonlyMap<string, Storage>;
  /** Tables that are dumped in ranges, with what compresses them. */
  readonly ranged: ReadonlyMap<string, RangedTable>;
  readonly compressor: Compressor | undefined;
  /** Of all tables; undefined if `pg_dump` dumps them all. */
  readonly contents: EarlyContents | undefined;
}

const none: Pieces = {
  ...{ shared: new Map(), kept: new Map(), measures: new Map(), storage: new Map(), ranged: new Map() },
  ...{ compressor: undefined, contents: undefined },
};

/**
 * Below this many workers, splitting a table is slower. `pg_dump` alone keeps almost two cores busy with one table: the
 * server's, and its own, which compresses. Ranges take a quarter more CPU time, because psql hands the rows to another
 * program, but spread it.
 */
const leastJobs = 3;

/** Before this version, the server reads the whole table for each range of its pages. */
const rangeScans = 140000;

/**
 * A table that changed since the last backup is dumped in ranges, if it is large, so that the next one can share most of them. One
 * that has been shared whole so far, or that is new, is not: `pg_dump` is faster.
 */
export async function planPieces(
  connection: Connection,
  { snapshot, options, destination, splitFrom, serverVersion, earlier }: Dumping,
  measuring: MeasureOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Pieces> {
  const { session, target } = connection;
  const { tables } = snapshot;
  const { format, jobs, compression } = options;
  const inFolder = format === "directory" && "containerPath" in destination;
  if (!inFolder && !isSplit(destination)) return none;

  const isCompared = measuring.places === true;
  const oids = tables.map(({ oid }) => oid);
  const storage = isCompared ? await readStorage(session, oids) : none.storage;
  const candidates = earlier === undefined ? [] : await findCandidates(earlier, tables, storage, progress);
  const splits = splitFrom > 0 && jobs >= leastJobs && serverVersion >= rangeScans;
  const before = earlierRanges(earlier);
  const inRanges = [
    ...candidates.map(({ table }) => table).filter(({ bytes }) => bytes >= leastLastingBytes),
    ...tables.filter((table) => before.has(sqlName(table)) || (splits && table.bytes >= splitFrom)),
  ];
  // The files of a bucket are not put together from ranges.
  const large = new Set(inFolder ? inRanges : []);
  if ((candidates.length === 0 && large.size === 0) || !(await canReadContents(target)))
    return { ...none, storage };

  // It takes longer than to compare small tables, and is seldom read in vain: most tables do not change between two backups.
  const otherBytes = snapshot.whole === undefined ? 0 : await bytesOfOthers(session);
  const contents = startContents(target, options, snapshot, otherBytes, signal);
  const lasting = (table: Relation, pages: number) => before.get(sqlName(table)) ?? lastingRange(pages);
  const splitting = isCompared ? lasting : forWorkers(jobs);
  try {
    const compressor = large.size === 0 ? undefined : await findCompressor(target, compression);
    const split = compressor === undefined ? [] : await splitTables(session, [...large], splitting);
    const ranged = new Map(split.map((table) => [table.oid, table]));
    const comparing = { ranged, measuring, jobs, contents: () => contents.read(signal) };
    const unchanged =
      earlier === undefined || candidates.length === 0
        ? none
        : await compareTables(connection, snapshot, earlier, candidates, comparing, progress, signal);
    const left = [...ranged].filter(([oid]) => !unchanged.shared.has(oid));
    noteRanges(left, jobs, progress);
    const found = { ...unchanged, storage, ranged: new Map(left), compressor };
    if (unchanged.shared.size + left.length > 0) return { ...found, contents };
    await contents.close();
    return { ...found, contents: undefined };
  } catch (error) {
    await contents.close();
    throw error;
  }
}

/** The most that a table of contents has of all that is no table: it has entries for a large object, and the text of a function. */
async function bytesOfOthers(session: Session): Promise<number> {
  const { bytes } = await session.row(
    `SELECT 2000 * (SELECT count(*) FROM pg_largeobject_metadata) + pg_total_relation_size('pg_proc') + pg_total_relation_size('pg_rewrite')
       + 10 * pg_total_relation_size('pg_description') AS bytes`,
    z.object({ bytes: z.int() }),
  );
  return bytes;
}

function noteRanges(
  ranged: readonly (readonly [string, RangedTable])[],
  jobs: number,
  progress: Progress,
): void {
  if (ranged.length === 0) return;
  const names = ranged.map(([, { sqlName: name, ranges }]) => `${name} in ${ranges.length} ranges`);
  progress.note(`Dumped by ${jobs} workers together: ${names.join(", ")}.`);
}

/** By name, the pages in each range of the tables that the earlier backup has in ranges. */
function earlierRanges(earlier: Earlier | undefined): ReadonlyMap<string, number> {
  const tables = earlier?.manifest.tables ?? [];
  return new Map(
    tables.flatMap((table) => {
      const pages = table.unchangedIf?.ranges?.pages;
      return pages === undefined ? [] : [[sqlName(table), pages]];
    }),
  );
}

/** What the manifest says of the ranges of each table, so that a later backup can share them. */
export function recordedRanges(
  { shared, ranged, kept }: Pieces,
  measures: ReadonlyMap<string, Measure>,
  rangeBytes: Pieced["rangeBytes"],
): ReadonlyMap<string, RangesRecord> {
  const records = new Map(
    [...shared].flatMap(([oid, { ranges }]) => (ranges === undefined ? [] : [[oid, ranges]])),
  );
  for (const [oid, { pagesPerRange }] of ranged) {
    const measure = measures.get(oid);
    if (measure?.places === undefined) continue;
    const parts = (measure.ranges ?? [measure]).map(({ rows, fingerprint, places }, index) => {
      const bytes = rangeBytes.get(oid)?.[index];
      // Without one of them, the others would be looked for in the wrong places.
      if (places === undefined || bytes === undefined)
        throw new Error(`range ${index} of table ${oid} is unknown`);
      const sharedFrom = kept.get(oid)?.sharedFrom.get(index);
      return { rows, fingerprint, places, bytes, ...(sharedFrom === undefined ? {} : { sharedFrom }) };
    });
    records.set(oid, { pages: pagesPerRange, parts });
  }
  return records;
}
