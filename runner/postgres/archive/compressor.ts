import { dockerOutput } from "../../docker/docker";
import { execArguments, type ExecTarget } from "../../docker/exec";

/** A program in the container that compresses its standard input as `pg_dump` would. */
export interface Compressor {
  readonly command: string;
  /** What the name of a file ends in that `pg_restore` is to decompress. */
  readonly suffix: string;
}

/** What it is for a method and level of `pg_dump --compress`; there is none for lz4, whose program the images lack. */
export function compressorFor(compression: string): Compressor | undefined {
  const [method, level] = compression.split(":");
  switch (method) {
    case "zstd":
      return { command: `zstd -${level ?? "3"} --ultra --quiet --stdout`, suffix: ".zst" };
    case "gzip":
      return { command: `gzip -${level ?? "6"} --no-name --stdout`, suffix: ".gz" };
    case "none":
      return { command: "cat", suffix: "" };
    default:
      return undefined;
  }
}

/** The compressor, if the container has its program; PostgreSQL's own images do, for their init scripts. */
export async function findCompressor(
  target: ExecTarget,
  compression: string,
): Promise<Compressor | undefined> {
  const compressor = compressorFor(compression);
  if (compressor === undefined) return undefined;
  const probe = ["sh", "-c", `if ${compressor.command} </dev/null >/dev/null 2>&1; then echo found; fi`];
  const found = await dockerOutput(target.docker, execArguments(target, probe));
  return found.trim() === "found" ? compressor : undefined;
}

/** Programs that decompress a file, by the end of its name; what was asked for may be no compression, as is level 0 of gzip. */
export const decompressors = { ".zst": "zstdcat", ".gz": "zcat", ".lz4": "lz4cat" } as const;

export function decompressor(file: string): string {
  return Object.entries(decompressors).find(([suffix]) => file.endsWith(suffix))?.[1] ?? "cat";
}
