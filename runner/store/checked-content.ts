import { createHash } from "node:crypto";
import type { StoredFile } from "./files";

/** Passes on what a file holds; fails at its end unless size and checksum are those that the manifest records. */
export async function* checkedContent(
  content: AsyncIterable<Uint8Array>,
  { bytes, sha256 }: StoredFile,
  failure: (problem: string) => Error,
  onBytes: (bytes: number) => void = () => undefined,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash("sha256");
  let read = 0;
  for await (const chunk of content) {
    read += chunk.length;
    if (read > bytes) throw failure(`is longer than ${bytes} bytes`);
    hash.update(chunk);
    onBytes(chunk.length);
    yield chunk;
  }
  if (read !== bytes) throw failure(`has ${read} bytes instead of ${bytes}`);
  if (hash.digest("hex") !== sha256) throw failure("does not have the checksum that the manifest records");
}

// eslint-disable-next-line @typescript-eslint/require-await -- what it gives is there already, but a pipeline wants to wait
export async function* onceOnly(chunk: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield chunk;
}

/** For files that are known to be small. */
export async function readWhole(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks);
}
