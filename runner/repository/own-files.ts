import { type Manifest } from "./manifest";
import { afterTablesFile, manifestFile, runFile, sumsFile, prepareFile } from "./layout";

/** The files of a backup that are its own, and go with it. */
export function ownFiles(manifest: Manifest | undefined): Set<string> {
  const listed = manifest?.files.map(({ path }) => path) ?? [];
  return new Set([manifestFile, sumsFile, prepareFile, afterTablesFile, runFile, ...listed]);
}
