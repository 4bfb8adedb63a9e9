/**
 * Makes the files of a directory archive out of a custom archive while that is being written. Both have the same table of contents, and
 * the same compressed rows of each table: a custom archive has them one after the other, in blocks
 * (src/bin/pg_dump/pg_backup_custom.c). It must be compressed with zstd or not at all: gzip has other headers there.
 */
import { Readable } from "node:stream";
import { Failure } from "../../lib/failure";
import { asDirectory, findToc, readToc, type TocEntry } from "./toc";

/** A file of the archive. Its content must be read to its end before the next file is asked for. */
export interface ArchiveFile {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** What begins the rows of a table. */
const rowsFollow = 1;
/** When the first attempt is made to read the table of contents; each further one waits for twice as much. */
const firstBytes = 1 << 16;

/**
 * The suffix is that of compressed files. If the table of contents of more tables is given, as a directory archive has it, the files
 * get the names that it gives them.
 */
export async function* splitArchive(
  archive: AsyncIterable<Uint8Array>,
  suffix: string,
  contents?: Buffer,
): AsyncGenerator<ArchiveFile, void> {
  const input = new Input(archive);
  const { entries, rowsAt, intSize, bytes } = await readStart(input);
  const own = asDirectory(input.take(bytes));
  yield tocFile(contents ?? own);
  const names = rowEntries(readToc(contents ?? own).entries);
  const oids = new Map([...rowEntries(entries)].map(([oid, id]) => [id, oid]));

  const missing = new Set(
    rowsAt.flatMap(({ file }, index) => (file === undefined ? [] : [entries[index]?.id])),
  );
  while (await input.has(1)) {
    const kind = input.take(1)[0];
    const id = await readInt(input, intSize);
    if (kind !== rowsFollow || !missing.delete(id))
      throw damaged(`has a block of kind ${kind} for entry ${id}`);
    const named = names.get(oids.get(id) ?? "");
    if (named === undefined) throw damaged(`has rows of entry ${id}, which the table of contents lacks`);
    yield { name: `${named}.dat${suffix}`, content: blocks(input, intSize) };
  }
  if (missing.size > 0) throw damaged(`lacks the rows of ${missing.size} tables`);
}

export function tocFile(contents: Buffer): ArchiveFile {
  return { name: "toc.dat", content: Readable.from([contents]) };
}

/** The numbers of the entries that hold rows, by the oids of their tables. */
export function rowEntries(entries: readonly TocEntry[]): ReadonlyMap<string, number> {
  const holding = entries.filter(({ kind }) => kind === "TABLE DATA");
  return new Map(holding.map(({ id, object }) => [object.split(" ")[1] ?? "", id]));
}

async function readStart(input: Input) {
  let bytes = firstBytes;
  for (;;) {
    const isLonger = await input.has(bytes);
    const toc = findToc(input.peek());
    if (toc !== undefined) return toc;
    if (!isLonger) throw damaged("has no table of contents");
    bytes *= 2;
  }
}

/** A block is its length and its bytes; one of no bytes is the last. */
async function* blocks(input: Input, intSize: number): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    let rest = await readInt(input, intSize);
    if (rest === 0) return;
    while (rest > 0) {
      if (!(await input.has(1))) throw damaged("ends too early");
      const piece = input.take(Math.min(rest, input.peek().length));
      rest -= piece.length;
      yield piece;
    }
  }
}

/** A number that is not negative: a sign, and its bytes. */
async function readInt(input: Input, intSize: number): Promise<number> {
  if (!(await input.has(1 + intSize))) throw damaged("ends too early");
  const [sign = 0, ...bytes] = input.take(1 + intSize);
  if (sign !== 0) throw damaged("has a negative length");
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

/** What has been received of a stream, and not been taken yet. */
class Input {
  #held = Buffer.alloc(0);
  readonly #chunks: AsyncIterator<Uint8Array, unknown>;

  constructor(stream: AsyncIterable<Uint8Array, unknown>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** Receives until there are so many bytes; false if the stream ends before. */
  async has(bytes: number): Promise<boolean> {
    const more: Uint8Array[] = [];
    let length = this.#held.length;
    while (length < bytes) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      more.push(next.value);
      length += next.value.length;
    }
    if (more.length > 0) this.#held = Buffer.concat([this.#held, ...more]);
    return length >= bytes;
  }

  peek(): Buffer {
    return this.#held;
  }

  take(bytes: number): Buffer {
    const taken = this.#held.subarray(0, bytes);
    this.#held = this.#held.subarray(bytes);
    return taken;
  }
}

function damaged(what: string): Failure {
  return new Failure("archive-incomplete", `The archive that pg_dump writes ${what}.`);
}
