import { type Manifest, manifestFile } from "./manifest";
import { afterTablesFile, prepareFile } from "../backup/restore-command";
import { runFile } from "./folder/folder";
import { sumsFile } from "./checksums";

/** The files of a backup that are its own, and go with it. */
export function ownFiles(manifest: Manifest | undefined): Set<string> {
  const listed = manifest?.files.map(({ path }) => path) ?? [];
  return new Set([manifestFile, sumsFile, prepareFile, afterTablesFile, runFile, ...listed]);
}
