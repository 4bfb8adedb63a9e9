import { Failure } from "../../lib/failure";
import type { ArchiveFormat } from "../../request";
import type { DumpFacts } from "../session/server-info";

/** zstd level 1 is faster than gzip and as small; `pg_dump` knows it from 16 on, if it was built with it. */
export const preferredCompression = "zstd:1";
const defaultBelow16 = "gzip:1";

/** The compression that was asked for, or else the best that this `pg_dump` knows. */
export function chooseCompression(
  requested: string | undefined,
  format: ArchiveFormat,
  dump: DumpFacts,
): string {
  if (requested === undefined)
    return dump.major >= 16 && dump.compresses ? preferredCompression : defaultBelow16;
  const method = methodOf(requested);
  if (format === "plain" && method === "lz4") {
    throw new Failure(
      "compression-unsupported",
      "A plain archive is not compressed with lz4: psql reads it decompressed only, and PostgreSQL's images have nothing " +
        "that undoes lz4. Use zstd or gzip, or another format.",
    );
  }
  if (dump.major < 16 && method !== "none" && method !== "gzip") {
    throw new Failure(
      "compression-unsupported",
      `pg_dump ${dump.major} in the container cannot compress with ${method}, which came with version 16. Use gzip or none.`,
    );
  }
  if (!dump.compresses) {
    throw new Failure(
      "compression-unsupported",
      `pg_dump ${dump.version} in the container was built without ${method}. Use gzip or none.`,
    );
  }
  return requested;
}

/** `pg_dump --compress` took a bare gzip level before version 16. */
export function compressOption(compression: string, major: number): string {
  if (major >= 16) return `--compress=${compression}`;
  const level = compression.split(":")[1] ?? "6";
  return `--compress=${methodOf(compression) === "none" ? "0" : level}`;
}

function methodOf(compression: string): string {
  return compression.split(":")[0] ?? "";
}
