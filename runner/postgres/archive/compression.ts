/** How archives are compressed, and decompressed again; `compressionMethods` says what can be. */
import { addAbortSignal, pipeline, Transform, type TransformCallback } from "node:stream";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { spawnDocker } from "../../docker/docker";
import { execArguments, type ExecTarget } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { setting } from "../../lib/setting";
import type { ArchiveFormat } from "../../request";
import { type CompressionMethod, compressionMethods, type CompressionName } from "../../request/compression";
import type { DumpInfo } from "../session/server";

/** zstd level 1 is faster than gzip and compresses as well. */
export const preferredCompression = "zstd:1";
const fallback = "gzip:1";

function methodOf(compression: string): CompressionMethod & { readonly name: string } {
  const [name = ""] = compression.split(":");
  return { name, ...(compressionMethods[name] ?? { suffix: "", decompress: ["cat"] }) };
}

/** The level of `pg_dump` where none is given. */
function levelOf(compression: string): number {
  const [, level] = compression.split(":");
  return level === undefined ? (methodOf(compression).level ?? 0) : Number(level);
}

/**
 * The compression that was asked for, or else the best one that this `pg_dump` knows. The files of an archive can be split off a
 * custom archive where gzip does not compress it.
 */
export function chooseCompression(
  requested: string | undefined,
  format: ArchiveFormat,
  dump: DumpInfo,
  isSplit = false,
): string {
  const { name, since = 0, compress } = methodOf(requested ?? preferredCompression);
  if (requested === undefined) {
    if (dump.major >= since && dump.compresses) return preferredCompression;
    if (!isSplit) return fallback;
    throw new Failure(
      "compression-unsupported",
      `An archive in the directory format is streamed to S3 with zstd, which pg_dump ${dump.version} in the container does not know, or with ` +
        `${setting("--compression none", 'compression: "none"')}. Choose that, ${setting("--format custom", 'format: "custom"')}, or a work directory.`,
    );
  }
  if (format === "plain" && compress === undefined) {
    throw new Failure(
      "compression-unsupported",
      `A plain archive cannot be compressed with ${name}: psql reads it only after it was decompressed, and PostgreSQL's images ` +
        `have no program that decompresses ${name}. Use zstd or gzip, or another format.`,
    );
  }
  if (dump.major < since) {
    throw new Failure(
      "compression-unsupported",
      `pg_dump ${dump.major} in the container cannot compress with ${name}, which came with version ${since}. Use gzip or none.`,
    );
  }
  if (!dump.compresses) {
    throw new Failure(
      "compression-unsupported",
      `pg_dump ${dump.version} in the container was built without ${name}. Use gzip or none.`,
    );
  }
  return requested;
}

/** The option of `pg_dump`, which before version 16 took the level of gzip only. */
export function compressOption(compression: string, major: number): string {
  return `--compress=${major >= 16 ? compression : levelOf(compression)}`;
}

/** The name of the archive in the folder of its backup. */
export function archiveName(format: ArchiveFormat, compression: string): string {
  switch (format) {
    case "directory":
      return "archive";
    case "custom":
      return "archive.dump";
    case "plain":
      return `archive.sql${methodOf(compression).suffix}`;
  }
}

/** What the names of data files of a directory archive end in. */
export function suffixOf(compression: string): string {
  return methodOf(compression).suffix;
}

/** A program in the container that compresses its standard input as `pg_dump` does. */
export interface Compressor {
  readonly command: readonly string[];
  /** `pg_restore` decompresses files whose names end in this. */
  readonly suffix: string;
}

/** Undefined for a method whose program PostgreSQL's images do not have. */
export function compressorFor(compression: string): Compressor | undefined {
  const { compress, suffix } = methodOf(compression);
  return compress && { command: compress(levelOf(compression)), suffix };
}

/** The compressor, if the container has its program. */
export async function findCompressor(
  target: ExecTarget,
  compression: string,
): Promise<Compressor | undefined> {
  const compressor = compressorFor(compression);
  if (compressor === undefined) return undefined;
  const probe = execArguments(target, compressor.command);
  const { failed } = await spawnDocker(target.docker, probe, {
    stdin: "ignore",
    stdout: "ignore",
    reject: false,
  });
  return failed ? undefined : compressor;
}

/** Writes the decompressed content of the files that are its further arguments. */
export function decompressCommand(compression: string): readonly string[] {
  return methodOf(compression).decompress;
}

const compressing = Object.entries(compressionMethods).filter(([, { suffix }]) => suffix !== "");

/** Suffixes of compressed files, each followed by the command that decompresses them. */
export const decompressors: readonly string[] = compressing.flatMap(([, { suffix, decompress }]) => [
  suffix,
  decompress.join(" "),
]);

/** The same for a file of this name. The manifest would not do: gzip of level 0 is no compression. */
export function decompressorOf(file: string): readonly string[] {
  return methodOfFile(file)?.[1].decompress ?? ["cat"];
}

function methodOfFile(file: string) {
  return compressing.find(([, { suffix }]) => file.endsWith(suffix));
}

const chunkBytes = 1 << 18;

/** Decompression in this program, of the methods that a plain archive can have. */
const transforms: Partial<Record<CompressionName, () => Transform>> = {
  gzip: () => createGunzip({ chunkSize: chunkBytes }),
  zstd: unzstd,
};

/** Whether this program can decompress a file of this name. */
export function isReadable(file: string): boolean {
  const [name] = methodOfFile(file) ?? [];
  return name === undefined || name in transforms;
}

/** The decompressed content of a file of this name. */
export function decompressed(
  content: AsyncIterable<Uint8Array>,
  file: string,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const [name] = methodOfFile(file) ?? [];
  const transform = transforms[name as CompressionName]?.();
  // The reader of the last stream gets the errors of all.
  return transform === undefined
    ? content
    : pipeline(content, addAbortSignal(signal, transform), () => undefined);
}

/** Node.js itself has zstd only from version 22.15 on. */
function unzstd(): Transform {
  let push: (block: Uint8Array) => void = () => undefined;
  const decompressor = new Decompress((block) => {
    // The library reuses the memory of a block.
    if (block.length > 0) push(Uint8Array.from(block));
  });
  const feed = (chunk: Uint8Array, last: boolean, done: TransformCallback) => {
    try {
      decompressor.push(chunk, last);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
  const transform = new Transform({
    readableHighWaterMark: chunkBytes,
    transform: (chunk: Uint8Array, _, done) => {
      feed(chunk, false, done);
    },
    flush: (done) => {
      feed(new Uint8Array(0), true, done);
    },
  });
  push = (block) => transform.push(block);
  return transform;
}
