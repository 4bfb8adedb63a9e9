import type { ArchiveFormat } from "../../request";

/** How each method of compression shows in a file's name, and what undoes it. */
const methods: Readonly<Record<string, { readonly suffix: string; readonly decompress: string[] }>> = {
  zstd: { suffix: ".zst", decompress: ["zstd", "-dc"] },
  gzip: { suffix: ".gz", decompress: ["gzip", "-dc"] },
  lz4: { suffix: ".lz4", decompress: ["lz4", "-dc"] },
};

const uncompressed = { suffix: "", decompress: ["cat"] };

function methodOf(compression: string) {
  return methods[compression.split(":")[0] ?? ""] ?? uncompressed;
}

/** What writes the decompressed content of the file that is named after it. */
export function decompressCommand(compression: string): string[] {
  return methodOf(compression).decompress;
}

/** File name of each format's archive within the backup's folder. */
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
