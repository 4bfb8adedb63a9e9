import { createHash } from "node:crypto";
import { Failure } from "../lib/failure";
import type { StoredFile } from "./files";

/** Passes on the content of a file; fails at its end unless size and checksum are what the manifest records. */
export async function* checkedContent(
  content: AsyncIterable<Uint8Array>,
  { bytes, sha256 }: StoredFile,
  failure: (problem: string) => Error,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array, void> {
  const measured = measuring(content);
  for await (const chunk of measured.content) {
    if (measured.bytes() > bytes) throw failure(`is longer than ${bytes} bytes`);
    onBytes(chunk.length);
    yield chunk;
  }
  const read = measured.read();
  if (read.bytes !== bytes) throw failure(`has ${read.bytes} bytes instead of ${bytes}`);
  if (read.sha256 !== sha256) throw failure("does not have the checksum that the manifest records");
}

interface Measured {
  readonly content: AsyncIterable<Uint8Array>;
  /** Bytes read so far. */
  bytes(): number;
  /** Size and checksum of all that was read. */
  read(): Pick<StoredFile, "bytes" | "sha256">;
}

/** Passes on the content of a file, and knows its size and checksum afterwards. */
export function measuring(content: AsyncIterable<Uint8Array>): Measured {
  const hash = createHash("sha256");
  let bytes = 0;
  const pass = async function* () {
    for await (const chunk of content) {
      bytes += chunk.length;
      hash.update(chunk);
      yield chunk;
    }
  };
  return { content: pass(), bytes: () => bytes, read: () => ({ bytes, sha256: hash.digest("hex") }) };
}

// eslint-disable-next-line @typescript-eslint/require-await -- the content is there already, but a pipeline needs an async iterable
export async function* onceOnly(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield chunk;
}

/** The largest possible manifest or SHA256SUMS. A larger file would fill the memory. */
const mostBytes = 1 << 28;

/** Reads a small file into memory. */
export async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > mostBytes)
      throw new Failure(
        "manifest-unreadable",
        "A manifest or SHA256SUMS is larger than 256 MiB, so it is damaged.",
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
