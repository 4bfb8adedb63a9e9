import { createHash } from "node:crypto";
import { Failure } from "../lib/failure";
import type { StoredFile } from "./files";

/** Passes on what a file holds; fails at its end unless size and checksum are those that the manifest records. */
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
  /** Read so far. */
  bytes(): number;
  /** Of all that was read. */
  read(): Pick<StoredFile, "bytes" | "sha256">;
}

/** Passes on what a file holds, and knows its size and checksum afterwards. */
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

// eslint-disable-next-line @typescript-eslint/require-await -- what it gives is there already, but a pipeline wants to wait
export async function* onceOnly(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield chunk;
}

/** A manifest or its checksums; more than this is none, and would be held in memory. */
const mostBytes = 1 << 28;

/** For files that are known to be small. */
export async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of content) {
    bytes += chunk.length;
    if (bytes > mostBytes)
      throw new Failure("manifest-unreadable", "A manifest, or its checksums, are larger than any can be.");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
