/**
 * The table of contents of an archive (`toc.dat`, or the beginning of a custom archive), as pg_dump 10 to 18 writes it.
 * `pg_restore --list` prints it without what an entry depends on, and with names that cannot be told apart.
 */
import { Failure } from "../../lib/failure";

export interface TocEntry {
  readonly id: number;
  /** `catalog oid`, both as oids; "0 0" where the entry is no object of its own, such as a comment. */
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
  /** Where the statement that sets the search path is, with the number of bytes before it. */
  readonly searchPath: { readonly start: number; readonly end: number } | undefined;
  readonly intSize: number;
  readonly format: number;
  /** Where the byte is that names the format. */
  readonly formatAt: number;
  /** For each entry, where it says where its rows are; no file, where it has none. */
  readonly rowsAt: readonly {
    readonly start: number;
    readonly end: number;
    readonly file: string | undefined;
  }[];
}

const sections: Readonly<Record<number, TocEntry["section"]>> = { 2: "pre-data", 3: "data", 4: "post-data" };
const magic = "PGDMP";
const customFormat = 1;
/** That of tar, which pg_dump writes there, and pg_restore expects. */
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

  /** From version 1.x on. */
  since<T>(version: number, read: () => T, otherwise: T): T {
    return this.version >= version ? read() : otherwise;
  }
}

export function readToc(data: Buffer): Toc {
  try {
    return readEntries(new TocReader(data));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Failure("archive-incomplete", "The table of contents of the archive cannot be read.");
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
  const entries = Array.from({ length: reader.int() }, (): TocEntry => {
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
    rowsAt.push({ start: rows, end: reader.offset, file: hasRows ? `${id}.dat` : undefined });
    return { id, object, name, kind, section, definition, schema, tablespace, accessMethod, owner, needs };
  });
  return { entries, searchPath, intSize: reader.intSize, format, formatAt, rowsAt };
}

/** The table of contents of a custom archive as one of a directory, whose files are named as pg_dump names them. */
export function asDirectory(data: Buffer): Buffer {
  const { format, formatAt, rowsAt, intSize } = readToc(data);
  if (format !== customFormat) throw new Error(`an archive of format ${format} is no custom archive`);
  const pieces = [data.subarray(0, formatAt), Buffer.of(formatInDirectory)];
  let copied = formatAt + 1;
  for (const { start, end, file = "" } of rowsAt) {
    pieces.push(data.subarray(copied, start), textOf(file, intSize));
    copied = end;
  }
  return Buffer.concat(pieces);
}

/** Its length, which begins with a sign, and its bytes. */
function textOf(content: string, intSize: number): Buffer {
  const text = Buffer.from(content);
  const length = Buffer.alloc(1 + intSize);
  length.writeUIntLE(text.length, 1, intSize);
  return Buffer.concat([length, text]);
}

/** The same table of contents, by which pg_restore sets another search path than none. */
export function withSearchPath(data: Buffer, statement: string): Buffer {
  const { searchPath, intSize } = readToc(data);
  if (searchPath === undefined) return data;
  const text = textOf(statement, intSize);
  return Buffer.concat([data.subarray(0, searchPath.start), text, data.subarray(searchPath.end)]);
}
