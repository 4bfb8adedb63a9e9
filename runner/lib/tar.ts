/** Backups as one tar of plain files, which every tar reads. Sizes of 8 GiB and more, in either way of writing them, are the library's. */
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";
import { Failure } from "./failure";

export interface TarFile {
  /** With forward slashes, and relative. */
  readonly path: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface TarEntry extends TarFile {
  /** A link, a device … is no file. */
  readonly isFile: boolean;
}

/** The same files at the same time make the same tar, to the last bit. */
export async function writeTar(
  files: Iterable<TarFile>,
  modified: Date,
  destination: Writable,
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const fill = async () => {
    for (const { path, bytes, content } of files)
      await pipeline(content, tar.entry({ name: path, size: bytes, mode: 0o600, mtime: modified }));
    tar.finalize();
  };
  const filled = fill().catch((error: unknown) => {
    // Without its last blocks: whoever has read it so far knows that it is not whole.
    tar.destroy(error as Error);
    throw error;
  });
  // When the destination fails, what fills the tar fails after it; the first is the reason.
  const [written, content] = await Promise.allSettled([pipeline(tar, destination, { signal }), filled]);
  if (written.status === "rejected") throw written.reason;
  if (content.status === "rejected") throw content.reason;
}

/** The entries of a tar, one after the other; what is not read of one is passed over. */
export async function* readTar(source: Readable, signal: AbortSignal): AsyncGenerator<TarEntry, void> {
  const tar = extract();
  const fed = pipeline(source, tar, { signal });
  fed.catch(() => undefined);
  try {
    for await (const entry of explained(tar, fed)) {
      const { name, type, size } = entry.header;
      yield {
        path: name,
        isFile: type === "file",
        bytes: size,
        content: explained(entry as AsyncIterable<Uint8Array>, fed),
      };
      entry.resume();
    }
    await fed;
  } finally {
    tar.destroy();
    source.destroy();
  }
}

/** What an entry says when it fails tells less than why the whole tar did. */
async function* explained<T>(content: AsyncIterable<T>, fed: Promise<void>): AsyncGenerator<T, void> {
  try {
    yield* content;
  } catch (error) {
    await fed.catch((reason: unknown) => {
      throw tarFailure(reason);
    });
    throw error;
  }
}

/** The library's own errors are plain ones, told by their text. */
function tarFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure || error.name === "AbortError") return error;
  if ("syscall" in error) {
    return new Failure("directory-not-readable", `The tar cannot be read: ${error.message}.`);
  }
  if (error.message === "Unexpected end of data") return endsEarly();
  return new Failure(
    "tar-invalid",
    `This is no tar, or a damaged or compressed one: ${error.message} Decompress it first, or transfer it again.`,
  );
}

export function endsEarly(missing = ""): Failure {
  return new Failure(
    "archive-incomplete",
    `The tar ends too early${missing}. Transfer it again; if that does not help, export it again, and see whether the export succeeds.`,
  );
}

const block = 512;

/** Size of a tar of files of these sizes, as long as their paths are short. */
export function tarBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + block + Math.ceil(size / block) * block, 2 * block);
}
