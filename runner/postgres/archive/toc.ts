/**
 * The table of contents of an archive: as pg_dump 10 to 18 writes it, into `toc.dat` or at the beginning of a custom archive,
 * and as `pg_restore --list` prints it, without what an entry depends on and with names that can be ambiguous.
 */
import { Failure } from "../../lib/failure";

/** An entry as `pg_restore --list` prints it. */
export interface ListedEntry {
  /** The whole line, for `pg_restore --use-list`. */
  readonly line: string;
  /** The file of its rows is named after it. */
  readonly id: string;
  /** The oid of the catalog that the object is in; 0 if the entry is not an object, but for instance the rows of a table. */
  readonly catalog: string;
  readonly oid: string;
  /** Its kind, schema, name and owner, without quotes and without line breaks. */
  readonly title: string;
}

/** Splits at line feeds only, because names can hold other characters that end a line for a regular expression. */
export function readList(printed: string): ListedEntry[] {
  return printed.split("\n").flatMap((line) => {
    const [, id = "", catalog = "", oid = "", title] = /^(\d+); (\d+) (\d+) (.*)$/s.exec(line) ?? [];
    return title === undefined ? [] : [{ line, id, catalog, oid, title }];
  });
}

interface Owned {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
}

/** The oid of pg_class, the catalog of tables. */
const pgClass = "1259";

/** The rows of tables that the archive does not make: `CREATE EXTENSION` does. */
export function rowsOfExtensions(entries: readonly ListedEntry[]): ListedEntry[] {
  const made = new Set(entries.filter(({ catalog }) => catalog === pgClass).map(({ oid }) => oid));
  return entries.filter(
    ({ catalog, oid, title }) => catalog === "0" && title.startsWith("TABLE DATA ") && !made.has(oid),
  );
}

/** Finds the entries of a kind that are listed for a table; more than one if names are ambiguous. */
export function listedFinder(entries: readonly ListedEntry[]): (kind: string, table: Owned) => ListedEntry[] {
  const byTitle = new Map<string, ListedEntry[]>();
  for (const entry of entries) {
    const others = byTitle.get(entry.title);
    if (others === undefined) byTitle.set(entry.title, [entry]);
    else others.push(entry);
  }
  return (kind, { schema, name, owner }) =>
    byTitle.get([kind, schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ")) ?? [];
}

export interface TocEntry {
  readonly id: number;
  /** `catalog oid`, both as oids; "0 0" if the entry is not an object, but for instance a comment. */
  readonly object: string;
  readonly name: string;
  readonly kind: string;
  readonly section: "none" | "pre-data" | "data" | "post-data";
  readonly definition: string;
  readonly schema: string;
  readonly tablespace: string;
  readonly accessMethod: string;
  readonly owner: string;
  /** Ids of entries that this one cannot be restored without. */
  readonly needs: readonly number[];
}

interface Toc {
  readonly entries: readonly TocEntry[];
  /** The positions of the number of entries, and of each entry. */
  readonly countAt: number;
  readonly entriesAt: readonly { readonly start: number; readonly end: number }[];
  /** The position of the statement that sets the search path, with the number of bytes before it. */
  readonly searchPath: { readonly start: number; readonly end: number } | undefined;
  readonly intSize: number;
  readonly format: number;
  /** Its length. In a custom archive, the rows follow. */
  readonly bytes: number;
  /** The position of the byte that names the format. */
  readonly formatAt: number;
  /** For each entry, the position of the reference to its rows, and the file that it gets; undefined if it has no rows. */
  readonly rowsAt: readonly {
    readonly start: number;
    readonly end: number;
    readonly file: string | undefined;
  }[];
}

const sections: Readonly<Record<number, TocEntry["section"]>> = { 2: "pre-data", 3: "data", 4: "post-data" };
const magic = "PGDMP";
const customFormat = 1;
/** From this version on, which PostgreSQL 17 writes, an archive has a list of large objects for each owner. */
const severalLists = 16;
/** In `toc.dat`, pg_dump writes the format tar, and pg_restore expects that. */
const formatInDirectory = 3;

class TocReader {
  offset = magic.length;
  version = 0;
  intSize = 4;
  offsetSize = 8;

  constructor(readonly data: Buffer) {}

  byte(): number {
    return this.data.readUInt8(this.offset++);
  }

  int(): number {
    const sign = this.byte();
    const value = this.data.readUIntLE(this.offset, this.intSize);
    this.offset += this.intSize;
    return sign === 0 ? value : -value;
  }

  text(): string | undefined {
    const length = this.int();
    if (length < 0) return undefined;
    if (this.offset + length > this.data.length) throw new RangeError("a text is cut off");
    this.offset += length;
    return this.data.toString("utf8", this.offset - length, this.offset);
  }

  /** Reads a field that archives have from version 1.x on. */
  since<T>(version: number, read: () => T, otherwise: T): T {
    return this.version >= version ? read() : otherwise;
  }
}

export function readToc(data: Buffer): Toc {
  const toc = findToc(data);
  if (toc === undefined)
    throw new Failure("archive-incomplete", "The table of contents of the archive cannot be read.");
  return toc;
}

/** The same; undefined if the data ends before it does, or is none. */
export function findToc(data: Buffer): Toc | undefined {
  try {
    return readEntries(new TocReader(data));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readEntries(reader: TocReader): Toc {
  if (reader.data.toString("latin1", 0, magic.length) !== magic) throw new RangeError("no archive");
  const [major, minor] = [reader.byte(), reader.byte()];
  reader.byte();
  if (major !== 1 || minor < 12 || minor > 16) throw new RangeError("another format");
  reader.version = minor;
  reader.intSize = reader.byte();
  reader.offsetSize = reader.byte();
  const formatAt = reader.offset;
  const format = reader.byte();
  if (minor >= 15) reader.byte();
  else reader.int();
  for (let part = 0; part < 7; part++) reader.int();
  for (let text = 0; text < 3; text++) reader.text();
  let searchPath: Toc["searchPath"];
  const rowsAt: Toc["rowsAt"][number][] = [];
  const entriesAt: Toc["entriesAt"][number][] = [];
  const countAt = reader.offset;
  const entries = Array.from({ length: reader.int() }, (): TocEntry => {
    const entryAt = reader.offset;
    const id = reader.int();
    const hasRows = reader.int() !== 0;
    const object = `${reader.text() ?? "0"} ${reader.text() ?? "0"}`;
    const name = reader.text() ?? "";
    const kind = reader.text() ?? "";
    const section = sections[reader.int()] ?? "none";
    const start = reader.offset;
    const definition = reader.text() ?? "";
    if (kind === "SEARCHPATH") searchPath = { start, end: reader.offset };
    reader.text();
    reader.text();
    const schema = reader.text() ?? "";
    const tablespace = reader.text() ?? "";
    const accessMethod = reader.since(14, () => reader.text() ?? "", "");
    reader.since(16, () => reader.int(), 0);
    const owner = reader.text() ?? "";
    reader.text();
    const needs: number[] = [];
    for (let need = reader.text(); need !== undefined; need = reader.text()) needs.push(Number(need));
    const rows = reader.offset;
    if (format === customFormat) reader.offset += 1 + reader.offsetSize;
    else reader.text();
    rowsAt.push({ start: rows, end: reader.offset, file: hasRows ? fileOf(kind, id, minor) : undefined });
    entriesAt.push({ start: entryAt, end: reader.offset });
    return { id, object, name, kind, section, definition, schema, tablespace, accessMethod, owner, needs };
  });
  const { intSize, offset: bytes } = reader;
  return { entries, countAt, entriesAt, searchPath, intSize, format, bytes, formatAt, rowsAt };
}

/** The file that a directory archive has of an entry. Large objects have files of their own, and the entry a list of them. */
function fileOf(kind: string, id: number, minor: number): string {
  if (!holdsLargeObjects({ kind })) return `${id}.dat`;
  return minor >= severalLists ? `blobs_${id}.toc` : "blobs.toc";
}

/** The numbers of the entries that hold rows, by the oids of their tables. */
export function rowEntries(entries: readonly TocEntry[]): ReadonlyMap<string, number> {
  return new Map(entries.filter(holdsRows).map(({ id, object }) => [object.split(" ")[1] ?? "", id]));
}

export const holdsRows = ({ kind }: Pick<TocEntry, "kind">): boolean => kind === "TABLE DATA";

/** An entry of the content of large objects; there may be several. */
export const holdsLargeObjects = ({ kind }: Pick<TocEntry, "kind">): boolean => kind === "BLOBS";

/** The files that list large objects, by the names of their entries. */
export function largeObjectLists({
  entries,
  rowsAt,
}: Pick<Toc, "entries" | "rowsAt">): ReadonlyMap<string, string> {
  return new Map(
    entries.flatMap((entry, index) => {
      const file = rowsAt[index]?.file;
      return holdsLargeObjects(entry) && file !== undefined ? [[entry.name, file]] : [];
    }),
  );
}

/** What the name of every file of a directory archive begins with that is about large objects. */
export const largeObjectFile = "blob";

/** Turns the table of contents of a custom or a tar archive into one of a directory, with the names that pg_dump gives to files. */
export function asDirectory(data: Buffer): Buffer {
  const { formatAt, rowsAt, intSize } = readToc(data);
  const pieces = [data.subarray(0, formatAt), Buffer.of(formatInDirectory)];
  let copied = formatAt + 1;
  for (const { start, end, file = "" } of rowsAt) {
    pieces.push(data.subarray(copied, start), textOf(file, intSize));
    copied = end;
  }
  return Buffer.concat(pieces);
}

/** An archive that has these entries alone, in the same order, and no rows. */
export function withOnly(data: Buffer, ids: readonly number[]): Buffer {
  const { entries, countAt, entriesAt, intSize } = readToc(data);
  const wanted = new Set(ids);
  const kept = entriesAt.filter((_, index) => wanted.has(entries[index]?.id ?? 0));
  const header = [data.subarray(0, countAt), intOf(kept.length, intSize)];
  return Buffer.concat([...header, ...kept.map(({ start, end }) => data.subarray(start, end))]);
}

/** A text is its length and its bytes. */
function textOf(content: string, intSize: number): Buffer {
  const text = Buffer.from(content);
  return Buffer.concat([intOf(text.length, intSize), text]);
}

/** A number that is not negative: a sign, and its bytes. */
function intOf(value: number, intSize: number): Buffer {
  const int = Buffer.alloc(1 + intSize);
  int.writeUIntLE(value, 1, intSize);
  return int;
}

/** Changes the search path that pg_restore sets. */
export function withSearchPath(data: Buffer, statement: string): Buffer {
  const { searchPath, intSize } = readToc(data);
  if (searchPath === undefined) return data;
  const text = textOf(statement, intSize);
  return Buffer.concat([data.subarray(0, searchPath.start), text, data.subarray(searchPath.end)]);
}
