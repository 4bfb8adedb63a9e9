/** Writes and reads tars of plain files. The library handles both encodings of sizes of 8 GiB and more. */
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract, pack } from "tar-stream";
import { Failure } from "./failure";

export interface TarFile {
  /** Relative, with forward slashes. */
  readonly path: string;
  readonly bytes: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface TarEntry extends TarFile {
  /** False for links, devices and the like. */
  readonly isFile: boolean;
}

/** The same files with the same `modified` make the same tar, bit for bit. */
export async function writeTar(
  files: Iterable<TarFile>,
  modified: Date,
  output: Writable,
  signal: AbortSignal,
): Promise<void> {
  const tar = pack();
  const fill = async () => {
    for (const { path, bytes, content } of files)
      await pipeline(content, tar.entry({ name: path, size: bytes, mode: 0o600, mtime: modified }));
    tar.finalize();
  };
  const filled = fill().catch((error: unknown) => {
    // The tar then lacks its last blocks, so a reader sees that it is incomplete.
    tar.destroy(error as Error);
    throw error;
  });
  // When `output` fails, the filling fails too, because of it. So the error of `output` comes first.
  const [written, content] = await Promise.allSettled([pipeline(tar, output, { signal }), filled]);
  if (written.status === "rejected") throw written.reason;
  if (content.status === "rejected") throw content.reason;
}

/** Yields the entries of a tar in order. Content that the caller does not read is skipped. */
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

/** Replaces the error of an entry by the error of the whole tar, which tells more. */
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

/** The library throws plain errors. Only their text tells them apart. */
function tarFailure(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Failure || error.name === "AbortError") return error;
  if ("syscall" in error) {
    return new Failure("folder-not-readable", `The tar cannot be read: ${error.message}.`);
  }
  if (error.message === "Unexpected end of data") return endsEarly();
  return new Failure(
    "tar-invalid",
    `This is not a tar, or it is damaged or compressed: ${error.message} Decompress it, or transfer it again.`,
  );
}

export function endsEarly(missing = ""): Failure {
  return new Failure(
    "archive-incomplete",
    `The tar ends too early${missing}. Transfer it again. If that does not help, export it again and check that the export succeeds.`,
  );
}

const block = 512;

/** Size of a tar with files of these sizes. Correct for short paths only. */
export function tarBytes(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + block + Math.ceil(size / block) * block, 2 * block);
}
