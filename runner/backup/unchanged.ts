/**
 * Tables that did not change since the last backup, and ranges of tables that did. Their rows are shared with it, once it is proven
 * that its file holds the same: the table has the same files, columns and versions around it, and all rows have the same digest
 * together with their places. Any doubt is a dump.
 */
import path from "node:path";
import { PassThrough } from "node:stream";
import pMap from "p-map";
import { archiveName } from "../postgres/archive/compression";
import type { Piece } from "../postgres/archive/ranged-dump";
import type { RangedTable } from "../postgres/archive/ranges";
import { readToc } from "../postgres/archive/toc";
import type { Relation } from "../postgres/catalog/catalog";
import {
  byTable,
  type Measure,
  measure,
  type MeasuredRange,
  type MeasureOptions,
  type MeasureQuery,
  measureQuery,
  type PageRange,
  planMeasures,
  type TableQuery,
} from "../postgres/catalog/fingerprint";
import type { Storage } from "../postgres/catalog/storage";
import type { Connection } from "../postgres/session/connect";
import { sqlName } from "../postgres/session/names";
import type { Snapshot } from "../postgres/session/snapshot";
import { inSnapshot } from "../postgres/session/snapshot-reader";
import { together } from "../lib/concurrency";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { backupTime } from "../repository/backup-id";
import { readChecked, readChecksums, readWhole, recordedFile } from "../repository/checksums";
import type { BackupFiles, StoredFile } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import { milliseconds } from "../request/duration";
import { sharerOf, type Sharing } from "./share";

/** The backup that rows are shared with, and how. */
export interface Earlier {
  readonly manifest: Manifest;
  readonly files: BackupFiles;
  /** Rows that were dumped before this time, in milliseconds since 1970, are dumped anew. */
  readonly notBefore: number;
  readonly sharing: Sharing;
}

type RecordedTable = Manifest["tables"][number];
export type RangesRecord = NonNullable<NonNullable<RecordedTable["unchangedIf"]>["ranges"]>;
type SharedFrom = NonNullable<RecordedTable["sharedFrom"]>;

/** A data file that an earlier backup has too. */
export interface SharedFile {
  readonly stored: StoredFile;
  /** Where it is: in a folder, until the archive has its table of contents; in a bucket, its name. */
  readonly at: string;
  readonly sharedFrom: SharedFrom;
  /** What the earlier backup says of its ranges. */
  readonly ranges: RangesRecord | undefined;
}

/** Ranges of a table that are as they were, by their indexes. */
export interface KeptRanges {
  /** The earlier file, until the ranges have been taken out of it. */
  readonly at: string;
  readonly pieces: ReadonlyMap<number, Piece>;
  readonly sharedFrom: ReadonlyMap<number, SharedFrom>;
}

/** By the oids of the tables. */
export interface Unchanged {
  readonly shared: ReadonlyMap<string, SharedFile>;
  /** Of tables that have changed. */
  readonly kept: ReadonlyMap<string, KeptRanges>;
  /** Of the tables that were compared, also of those that had changed. */
  readonly measures: ReadonlyMap<string, Measure>;
}

/** Smaller tables are dumped in less time than it takes to compare them. */
const leastBytes = 1 << 20;

/** The backup to share with: the last good one of the database whose archive is like the one that is to be written. */
export function lastAlike(
  backups: readonly Manifest[],
  wanted: Pick<Manifest, "format" | "compression" | "pgDumpVersion" | "fingerprintMethod"> & {
    readonly source: Pick<Manifest["source"], "database" | "serverVersion" | "postgisVersion" | "encoding">;
  },
): Manifest | undefined {
  const last = backups.findLast(({ source }) => source.database === wanted.source.database);
  if (last === undefined || wanted.format !== "directory") return undefined;
  const alike = (["format", "compression", "pgDumpVersion", "fingerprintMethod"] as const).every(
    (key) => last[key] === wanted[key],
  );
  const sameServer = (["serverVersion", "postgisVersion", "encoding"] as const).every(
    (key) => last.source[key] === wanted.source[key],
  );
  return alike && sameServer ? last : undefined;
}

interface Comparing {
  readonly ranged: ReadonlyMap<string, RangedTable>;
  readonly measuring: MeasureOptions;
  readonly jobs: number;
  /** Reads the table of contents of all tables. */
  readonly contents: () => Promise<Buffer>;
}

/**
 * Compares tables, several at a time, and shares the files of those that did not change, or not in every range. A file is read, to
 * prove that it is whole, while other tables are compared.
 */
export async function compareTables(
  { session, target }: Connection,
  { id, tables }: Snapshot,
  earlier: Earlier,
  candidates: readonly Candidate[],
  { ranged, measuring, jobs, contents }: Comparing,
  progress: Progress,
  signal: AbortSignal,
): Promise<Unchanged> {
  progress.note(`Comparing ${candidates.length} tables with backup ${earlier.manifest.id}.`);
  const byOid = new Map(candidates.map((candidate) => [candidate.table.oid, candidate]));
  const planned = await planMeasures(session, [...byOid.keys()], measuring, rangesOf(ranged));
  const parts = dealOut(planned, jobs, ({ oid }) => byOid.get(oid)?.table.bytes ?? 1);
  const measures = new Map<string, Measure>();
  const shared = new Map<string, SharedFile>();
  const kept = new Map<string, KeptRanges>();
  let opened: ReturnType<typeof sharerOf> | undefined;
  const shareUnchanged = async ({ oid, measure: now }: MeasuredTable, either: AbortSignal) => {
    measures.set(oid, now);
    const candidate = byOid.get(oid);
    if (candidate === undefined) return;
    const { table, recorded, file } = candidate;
    const same = sameRanges(candidate, now, ranged.get(oid), earlier);
    const isWhole = isUnchanged(candidate, now, same);
    if (!isWhole && same.size === 0) return;
    either.throwIfAborted();
    const sharer = await (opened ??= sharerOf(earlier, contents, progress));
    const at = await sharer.share(table, file);
    if (at === undefined) return;
    if (isWhole) shared.set(oid, sharedFile(candidate, at, earlier));
    else kept.set(oid, keptRanges(recorded, at, same, earlier));
  };
  const found = new PassThrough({ objectMode: true });
  await together(signal, [
    async (either) => {
      const reading = parts.map(
        (part) => (each: AbortSignal) =>
          measure(inSnapshot(target, id, each), part, measuring, (ranges) => found.write(ranges)),
      );
      await together(either, reading).finally(() => found.end());
    },
    (either) =>
      pMap(measuredTables(planned, found), (one) => shareUnchanged(one, either), { concurrency: jobs }),
  ]);
  if (shared.size > 0)
    progress.note(
      `${shared.size} of ${tables.length} tables did not change; they are shared with backup ${earlier.manifest.id}.`,
    );
  for (const [oid, { pieces }] of kept) {
    const table = ranged.get(oid);
    if (table !== undefined)
      progress.note(
        `${pieces.size} of ${table.ranges.length} parts of ${table.sqlName} did not change; they are shared with backup ${earlier.manifest.id}.`,
      );
  }
  return { shared, kept, measures };
}

interface MeasuredTable {
  readonly oid: string;
  readonly measure: Measure;
}

/** Each table, once all its ranges are measured. */
async function* measuredTables(
  planned: readonly TableQuery[],
  found: AsyncIterable<readonly MeasuredRange[]>,
): AsyncGenerator<MeasuredTable, void> {
  const expected = new Map(planned.map(({ oid, ranges }) => [oid, ranges?.length ?? 1]));
  const measured = new Map<string, MeasuredRange[]>();
  for await (const ranges of found) {
    const oid = ranges[0]?.oid ?? "";
    const all = [...(measured.get(oid) ?? []), ...ranges];
    measured.set(oid, all);
    const whole = all.length === expected.get(oid) ? byTable(all).get(oid) : undefined;
    if (whole !== undefined) yield { oid, measure: whole };
  }
}

/** Of each table. */
export const rangesOf = (
  ranged: ReadonlyMap<string, RangedTable>,
): ReadonlyMap<string, readonly PageRange[]> =>
  new Map([...ranged].map(([oid, { ranges }]) => [oid, ranges]));

/** Parts that take about as long as each other. Each begins in the table where the part before ends, or after it. */
export function dealOut(
  tables: readonly TableQuery[],
  parts: number,
  bytesOf: (table: TableQuery) => number,
): MeasureQuery[][] {
  const total = tables.reduce((sum, table) => sum + bytesOf(table), 0);
  const dealt = Array.from({ length: parts }, (): MeasureQuery[] => []);
  let before = 0;
  for (const table of tables) {
    const count = table.ranges?.length ?? 1;
    const each = bytesOf(table) / count;
    const partOf = (range: number) => Math.floor(((before + (range + 0.5) * each) / total) * parts);
    let first = 0;
    while (first < count) {
      let end = first + 1;
      while (end < count && partOf(end) === partOf(first)) end += 1;
      dealt[partOf(first)]?.push(measureQuery(table, first, end));
      first = end;
    }
    before += each * count;
  }
  return dealt.filter(({ length }) => length > 0);
}

/** A table that may be unchanged. */
export interface Candidate {
  readonly table: Relation;
  readonly recorded: RecordedTable;
  /** Of the earlier backup. */
  readonly file: StoredFile;
}

/** The tables that still have their files, and whose rows are not too old. */
export async function findCandidates(
  earlier: Earlier,
  tables: readonly Relation[],
  storage: ReadonlyMap<string, Storage>,
  progress: Progress,
): Promise<Candidate[]> {
  const { manifest, files } = earlier;
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const likely = tables.flatMap((table) => {
    const { oid, kind, bytes, extension } = table;
    const before = recorded.get(sqlName(table));
    const now = storage.get(oid);
    // Of the tables of an extension, pg_dump dumps some rows only.
    if (kind !== "r" || extension !== null || bytes < leastBytes || before?.unchangedIf === undefined)
      return [];
    const { storage: file, columns, ranges } = before.unchangedIf;
    if (now?.storage !== file || now.columns !== columns) return [];
    const isNew = ranges?.parts.some((part) => isNewEnough(part, earlier)) ?? isNewEnough(before, earlier);
    return isNew ? [{ table, recorded: before }] : [];
  });
  if (likely.length === 0) return [];
  const stored = await dataFiles(files).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
    progress.note(`warning: Nothing is shared with backup ${manifest.id}: ${error.message}`);
    return new Map<string, StoredFile>();
  });
  return likely.flatMap((one) => {
    const file = stored.get(sqlName(one.table));
    return file === undefined ? [] : [{ ...one, file }];
  });
}

function isNewEnough(
  { sharedFrom }: { readonly sharedFrom?: SharedFrom | undefined },
  { manifest, notBefore }: Earlier,
): boolean {
  const dumped = backupTime(sharedFrom?.id ?? manifest.id);
  return dumped !== undefined && dumped.getTime() >= notBefore;
}

/** The files of a backup that hold the rows of its tables. Fails unless what says so has its checksums. */
async function dataFiles(files: BackupFiles): Promise<ReadonlyMap<string, StoredFile>> {
  const manifest = await readChecksums(files);
  const archive = archiveName("directory", manifest.compression);
  // pg_dump names them by the numbers of their entries.
  const byName = new Map(manifest.files.map((file) => [file.path.replace(/(\.dat)\.\w+$/, "$1"), file]));
  const contents = recordedFile(manifest, `${archive}/toc.dat`);
  const { entries } = readToc(await readWhole(readChecked(files, contents)));
  return new Map(
    entries.flatMap((entry) => {
      const file = entry.kind === "TABLE DATA" ? byName.get(`${archive}/${entry.id}.dat`) : undefined;
      return file === undefined ? [] : [[sqlName(entry), file]];
    }),
  );
}

/** The indexes of the ranges that have the same rows in the same places, which are not too old. */
function sameRanges(
  { recorded }: Candidate,
  now: Measure,
  ranged: RangedTable | undefined,
  earlier: Earlier,
): ReadonlySet<number> {
  const before = recorded.unchangedIf?.ranges;
  if (before === undefined || before.pages !== ranged?.pagesPerRange) return new Set();
  const same = (now.ranges ?? [now]).flatMap(({ rows, fingerprint, places }, index) => {
    const part = before.parts[index];
    const isSame = part?.rows === rows && part.fingerprint === fingerprint && part.places === places;
    return isSame && isNewEnough(part, earlier) ? [index] : [];
  });
  return new Set(same);
}

function isUnchanged({ recorded }: Candidate, now: Measure, same: ReadonlySet<number>): boolean {
  const { rows, fingerprint, unchangedIf } = recorded;
  if (unchangedIf?.ranges !== undefined)
    return same.size === unchangedIf.ranges.parts.length && same.size === (now.ranges?.length ?? 1);
  return now.rows === rows && now.fingerprint === fingerprint && now.places === unchangedIf?.places;
}

function sharedFile({ recorded, file }: Candidate, at: string, { manifest }: Earlier): SharedFile {
  const before = recorded.unchangedIf?.ranges;
  const ranges = before && {
    ...before,
    parts: before.parts.map((part) => ({ ...part, sharedFrom: sharedOnce(part, manifest) })),
  };
  return { stored: file, at, sharedFrom: sharedOnce(recorded, manifest), ranges };
}

function keptRanges(
  { unchangedIf }: RecordedTable,
  at: string,
  same: ReadonlySet<number>,
  { manifest }: Earlier,
): KeptRanges {
  const pieces = new Map<number, Piece>();
  const sharedFrom = new Map<number, SharedFrom>();
  let start = 0;
  for (const [index, part] of (unchangedIf?.ranges?.parts ?? []).entries()) {
    if (same.has(index)) {
      pieces.set(index, { file: at, start, bytes: part.bytes });
      sharedFrom.set(index, sharedOnce(part, manifest));
    }
    start += part.bytes;
  }
  return { at, pieces, sharedFrom };
}

/** What a manifest says of something that its backup shares with this one. */
function sharedOnce(
  { sharedFrom }: { readonly sharedFrom?: SharedFrom | undefined },
  { id }: Manifest,
): SharedFrom {
  const { id: first, generations } = sharedFrom ?? { id, generations: 0 };
  return { id: first, generations: generations + 1 };
}

/** Shared files under the names that they have in the archive, by the oids of their tables. */
export function sharedAs(
  names: ReadonlyMap<string, string>,
  { shared }: Pick<Unchanged, "shared">,
): ReadonlyMap<string, SharedFile> {
  return new Map(
    [...shared].map(([oid, file]) => {
      const name = names.get(oid);
      if (name === undefined) throw new Error(`the file of table ${oid} is not in the archive`);
      const { stored } = file;
      return [
        oid,
        { ...file, stored: { ...stored, path: path.posix.join(path.posix.dirname(stored.path), name) } },
      ];
    }),
  );
}

/**
 * The numbers of rows in shared files, by the names of these. The earlier backup was read to its end, and the files have the
 * same checksums; so nobody needs to read them again.
 */
export function rowsProven(
  earlier: Earlier | undefined,
  { shared, measures }: Pick<Unchanged, "shared" | "measures">,
): ReadonlyMap<string, number> {
  if (earlier === undefined || earlier.manifest.verification.level === "none") return new Map();
  return new Map(
    [...shared].map(([oid, { stored }]) => [path.basename(stored.path), measures.get(oid)?.rows ?? 0]),
  );
}

/** When rows must have been dumped, to be shared now, in milliseconds since 1970. */
export const dumpedSince = (fullEvery: string, full: boolean): number =>
  full ? Infinity : Date.now() - milliseconds(fullEvery);
