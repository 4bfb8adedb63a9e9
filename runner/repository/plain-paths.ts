/** The names of the files that a manifest may list. */
import path from "node:path";
import { manifestFile, keepFile, sumsFile, verificationFiles } from "./layout";

/** The file names that pg_dump and this program choose: nothing hidden, nothing that leaves the folder. */
const plainPath = /^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/;

/** Writers of backups refuse all other names. */
export function failUnlessPlain(file: string): void {
  if (!plainPath.test(file)) throw new Error(`no file of a backup is called ${JSON.stringify(file)}`);
}

/** What is wrong with the file names in a manifest; undefined if each names a different file in the backup's folder. */
export function oddPath(files: readonly { readonly path: string }[]): string | undefined {
  const paths = new Set([manifestFile, sumsFile, keepFile, ...verificationFiles]);
  for (const { path: file } of files) {
    if (!plainPath.test(file)) return `its manifest names a file ${JSON.stringify(file)}`;
    if (paths.has(file)) return `its manifest names ${file}, which is reserved or listed twice`;
    paths.add(file);
  }
  const both = [...paths].find((file) => parents(file).some((folder) => paths.has(folder)));
  return both && `its manifest names ${both} and also a file that is the folder of it`;
}

/** `a/b` and `a` of `a/b/c`. */
function parents(file: string): string[] {
  const parent = path.posix.dirname(file);
  return parent === "." ? [] : [parent, ...parents(parent)];
}
