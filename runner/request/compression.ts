/** The compression methods of archives. Everything that this program knows about a method is in its entry here. */
import * as z from "zod";

export interface CompressionMethod {
  /** Ending of the name of a compressed file. */
  readonly suffix: string;
  /** The first major version of `pg_dump` that knows it; unset: all do. */
  readonly since?: number;
  /** The level of `pg_dump` where none is given; unset: the method has no levels. */
  readonly level?: number;
  /**
   * Compresses standard input as `pg_dump` does. Only for methods whose program PostgreSQL's own images contain; they use it for
   * init scripts.
   */
  readonly compress?: (level: number) => readonly string[];
  /** Writes the decompressed content of the files that are its further arguments. */
  readonly decompress: readonly string[];
}

const methods = {
  none: { suffix: "", compress: () => ["cat"], decompress: ["cat"] },
  zstd: {
    suffix: ".zst",
    since: 16,
    level: 3,
    compress: (level) => ["zstd", `-${level}`, "--ultra", "--quiet", "--stdout"],
    decompress: ["zstd", "-dc"],
  },
  gzip: {
    suffix: ".gz",
    level: 6,
    compress: (level) => ["gzip", `-${level}`, "--no-name", "--stdout"],
    decompress: ["gzip", "-dc"],
  },
  lz4: { suffix: ".lz4", since: 16, level: 0, decompress: ["lz4", "-dcm"] },
} satisfies Record<string, CompressionMethod>;

export const compressionMethods: Readonly<Record<string, CompressionMethod>> = methods;

export type CompressionName = keyof typeof methods;

const names = Object.keys(methods);
const leveled = names.filter((name) => compressionMethods[name]?.level !== undefined);

/** `METHOD` or `METHOD:LEVEL`, as `pg_dump --compress` takes it from version 16 on. */
export const Compression = z.string().regex(
  new RegExp(`^(none|(${leveled.join("|")})(:\\d{1,2})?)$`),
  `must be ${names
    .slice(0, -1)
    .map((name) => `"${name}"`)
    .join(", ")} or "${names.at(-1) ?? ""}", with an optional level such as "zstd:1"`,
);
