/**
 * Makes the files of a directory archive out of a custom archive while that is being written. Both have the same table of contents, and
 * the same compressed rows of each table: a custom archive has them one after the other, in blocks
 * (src/bin/pg_dump/pg_backup_custom.c). It must be compressed with zstd or not at all: gzip has other headers there.
 */
import { Readable } from "node:stream";
import { Failure } from "../../lib/failure";
import { asDirectory, findToc, largeObjectFile, largeObjectLists, readToc, rowEntries } from "./toc";

/** A file of the archive. Its content must be read to its end before the next file is asked for. */
export interface ArchiveFile {
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
}

/** What begins the rows of a table, and what begins large objects. */
const [rowsFollow, largeObjectsFollow] = [1, 3];
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
  const named = readToc(contents ?? own);
  const [names, lists] = [rowEntries(named.entries), largeObjectLists(named)];
  const oids = new Map([...rowEntries(entries)].map(([oid, id]) => [id, oid]));

  const missing = new Map(
    rowsAt.flatMap(({ file }, index) => {
      const entry = entries[index];
      return file === undefined || entry === undefined ? [] : [[entry.id, entry]];
    }),
  );
  while (await input.has(1)) {
    const kind = input.take(1)[0];
    const id = await readInt(input, intSize);
    const entry = missing.get(id);
    missing.delete(id);
    if (entry !== undefined && kind === rowsFollow)
      yield {
        name: `${listed(names.get(oids.get(id) ?? ""), id)}.dat${suffix}`,
        content: blocks(input, intSize),
      };
    else if (entry !== undefined && kind === largeObjectsFollow)
      yield* largeObjects(input, intSize, listed(lists.get(entry.name), id), suffix);
    else throw damaged(`has a block of kind ${kind} for entry ${id}`);
  }
  if (missing.size > 0) throw damaged(`lacks the rows of ${missing.size} tables or large objects`);
}

function listed<T>(name: T | undefined, id: number): T {
  if (name === undefined) throw damaged(`has entry ${id}, which the table of contents lacks`);
  return name;
}

/** A file for each of them, and the list of these, which is never compressed. An oid of 0 ends them. */
async function* largeObjects(
  input: Input,
  intSize: number,
  list: string,
  suffix: string,
): AsyncGenerator<ArchiveFile, void> {
  const lines: string[] = [];
  for (;;) {
    const oid = await readOid(input, intSize);
    if (oid === 0) break;
    const name = `${largeObjectFile}_${oid}.dat`;
    yield { name: `${name}${suffix}`, content: blocks(input, intSize) };
    lines.push(`${oid} ${name}\n`);
  }
  yield { name: list, content: Readable.from([Buffer.from(lines.join(""))]) };
}

export function tocFile(contents: Buffer): ArchiveFile {
  return { name: "toc.dat", content: Readable.from([contents]) };
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

/** A number that is not negative. */
async function readInt(input: Input, intSize: number): Promise<number> {
  const int = await readSigned(input, intSize);
  if (int < 0) throw damaged("has a negative length");
  return int;
}

/** pg_dump writes an oid as an int, so that large ones become negative. */
async function readOid(input: Input, intSize: number): Promise<number> {
  return (await readSigned(input, intSize)) >>> 0;
}

/** A sign, and the bytes of the number without it. */
async function readSigned(input: Input, intSize: number): Promise<number> {
  if (!(await input.has(1 + intSize))) throw damaged("ends too early");
  const [sign = 0, ...bytes] = input.take(1 + intSize);
  const absolute = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
  return sign === 0 ? absolute : -absolute;
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
