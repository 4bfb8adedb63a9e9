/**
 * Tables that did not change since the last backup. Their data files are shared with it, once it is proven that they hold the same
 * rows: the table has the same files, columns and versions around it, and all rows have the same digest together with their
 * places. Any doubt is a dump.
 */
import path from "node:path";
import pMap from "p-map";
import { archiveName } from "../postgres/archive/compression";
import { canReadContents } from "../postgres/archive/contents";
import { readToc } from "../postgres/archive/toc";
import type { Relation } from "../postgres/catalog/catalog";
import { type Measure, type MeasureOptions, planMeasures } from "../postgres/catalog/fingerprint";
import { readStorage, type Storage } from "../postgres/catalog/storage";
import type { Connection } from "../postgres/session/connect";
import { sqlName } from "../postgres/session/names";
import type { Snapshot } from "../postgres/session/snapshot";
import { inSnapshot } from "../postgres/session/snapshot-reader";
import { together } from "../lib/concurrency";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { backupTime } from "../repository/backup-id";
import { readChecked, readChecksums, readWhole, recordedFile } from "../repository/checksums";
import { type BackupFiles, shareFile, type StoredFile } from "../repository/files";
import type { Manifest } from "../repository/manifest";
import { milliseconds } from "../request/duration";

/** The backup that rows are shared with, and how. */
export interface Earlier {
  readonly manifest: Manifest;
  readonly files: BackupFiles;
  /** Rows that were dumped before this time are dumped anew. */
  readonly notBefore: Date;
  /** The folder that the new backup is written to. Shared files wait there until the archive has its table of contents. */
  readonly folder: string;
  readonly fileMode: number;
}

/** A data file that an earlier backup has too. */
export interface SharedFile {
  readonly stored: StoredFile;
  /** Where it is until the archive has its table of contents. */
  readonly at: string;
  readonly sharedFrom: NonNullable<Manifest["tables"][number]["sharedFrom"]>;
}

export interface Unchanged {
  /** By oid. */
  readonly storage: ReadonlyMap<string, Storage>;
  readonly shared: ReadonlyMap<string, SharedFile>;
  /** Of the tables that were compared, also of those that had changed. */
  readonly measures: ReadonlyMap<string, Measure>;
}

export const nothingUnchanged: Unchanged = { storage: new Map(), shared: new Map(), measures: new Map() };

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

/** Compares the tables that may be unchanged, several at a time, and links the files of those that are. */
export async function findUnchanged(
  { session, target }: Connection,
  { id, tables }: Snapshot,
  earlier: Earlier | undefined,
  { measuring, jobs }: { readonly measuring: MeasureOptions; readonly jobs: number },
  progress: Progress,
  signal: AbortSignal,
): Promise<Unchanged> {
  const storage = await readStorage(
    session,
    tables.map(({ oid }) => oid),
  );
  const candidates = earlier === undefined ? [] : await candidatesIn(earlier, tables, storage, progress);
  if (earlier === undefined || candidates.length === 0 || !(await canReadContents(target)))
    return { ...nothingUnchanged, storage };
  progress.note(`Comparing ${candidates.length} tables with backup ${earlier.manifest.id}.`);
  const plans = [];
  for (const part of dealOut(candidates, jobs))
    plans.push(
      await planMeasures(
        session,
        part.map(({ table }) => table.oid),
        measuring,
      ),
    );
  const measured = await together(
    signal,
    plans.map((measure) => (either: AbortSignal) => measure(inSnapshot(target, id, either))),
  );
  const measures = new Map(measured.flatMap((part) => [...part]));
  const shared = new Map<string, SharedFile>();
  const shareUnchanged = async (candidate: Candidate) => {
    const { table, file } = candidate;
    signal.throwIfAborted();
    if (!isUnchanged(candidate, measures.get(table.oid))) return;
    const found = await share(candidate, earlier);
    if (found !== undefined) shared.set(table.oid, found);
    else
      progress.note(
        `warning: Backup ${earlier.manifest.id} is damaged: ${file.path} is missing or has another checksum. ` +
          `Table ${table.sqlName} is dumped anew; verify that backup.`,
      );
  };
  await pMap(candidates, shareUnchanged, { concurrency: jobs });
  if (shared.size > 0)
    progress.note(
      `${shared.size} of ${tables.length} tables did not change; they are shared with backup ${earlier.manifest.id}.`,
    );
  return { storage, shared, measures };
}

/** Parts that take about as long as each other. */
function dealOut(candidates: readonly Candidate[], parts: number): Candidate[][] {
  const largestFirst = candidates.toSorted((one, other) => other.table.bytes - one.table.bytes);
  const dealt = Array.from({ length: parts }, (_, part) =>
    largestFirst.filter((_, index) => index % parts === part),
  );
  return dealt.filter(({ length }) => length > 0);
}

interface Candidate {
  readonly table: Relation;
  readonly recorded: Manifest["tables"][number];
  /** Of the earlier backup. */
  readonly file: StoredFile;
}

/** The tables that still have their files, and whose rows are not too old. */
async function candidatesIn(
  { manifest, files, notBefore }: Earlier,
  tables: readonly Relation[],
  storage: ReadonlyMap<string, Storage>,
  progress: Progress,
): Promise<Candidate[]> {
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const likely = tables.flatMap((table) => {
    const { oid, kind, bytes, extension } = table;
    const before = recorded.get(sqlName(table));
    const now = storage.get(oid);
    // Of the tables of an extension, pg_dump dumps some rows only.
    if (kind !== "r" || extension !== null || bytes < leastBytes || before?.unchangedIf === undefined)
      return [];
    const { storage: file, columns } = before.unchangedIf;
    if (now?.storage !== file || now.columns !== columns) return [];
    const dumped = backupTime(before.sharedFrom?.id ?? manifest.id);
    return dumped === undefined || dumped < notBefore ? [] : [{ table, recorded: before }];
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

function isUnchanged({ recorded }: Candidate, measure: Measure | undefined): boolean {
  const { rows, fingerprint, unchangedIf } = recorded;
  return (
    measure?.rows === rows && measure.fingerprint === fingerprint && measure.places === unchangedIf?.places
  );
}

/** The file in its new place, with the checksum that the earlier backup recorded; undefined if it has another one. */
async function share(
  { table, recorded, file }: Candidate,
  earlier: Earlier,
): Promise<SharedFile | undefined> {
  const { folder: from } = earlier.files;
  if (from === undefined) return undefined;
  const at = path.join(earlier.folder, `shared-${table.oid}${path.basename(file.path).replace(/^\d+/, "")}`);
  if (!(await shareFile(path.join(from, file.path), at, file, earlier.fileMode))) return undefined;
  const { id, generations } = recorded.sharedFrom ?? { id: earlier.manifest.id, generations: 0 };
  return { stored: file, at, sharedFrom: { id, generations: generations + 1 } };
}

/** Shared files under the names that they have in the archive, by the oids of their tables. */
export function sharedAs(
  names: ReadonlyMap<string, string>,
  { shared }: Unchanged,
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

/** When rows must have been dumped, to be shared now. */
export const dumpedSince = (fullEvery: string): Date => new Date(Date.now() - milliseconds(fullEvery));
