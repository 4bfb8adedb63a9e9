import { type Manifest, manifestFile } from "../manifest";
import { afterTablesFile, prepareFile } from "../restore-command";
import { runFile } from "./folder";
import { sumsFile } from "./seal";

/** The files of a backup that are its own, and go with it. */
export function ownFiles(manifest: Manifest | undefined): Set<string> {
  const listed = manifest?.files.map(({ path }) => path) ?? [];
  return new Set([manifestFile, sumsFile, prepareFile, afterTablesFile, runFile, ...listed]);
}
