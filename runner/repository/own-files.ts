import { type Manifest } from "./manifest";
import {
  afterTablesFile,
  databaseFile,
  globalsFile,
  manifestFile,
  objectsFile,
  prepareFile,
  runFile,
  sumsFile,
  verificationFiles,
} from "./layout";

/** The files that belong to a backup and are removed with it. */
export function ownFiles(manifest: Manifest | undefined): Set<string> {
  const listed = manifest?.files.map(({ path }) => path) ?? [];
  return new Set([
    ...[
      manifestFile,
      sumsFile,
      prepareFile,
      afterTablesFile,
      databaseFile,
      globalsFile,
      objectsFile,
      runFile,
    ],
    ...verificationFiles,
    ...listed,
  ]);
}
