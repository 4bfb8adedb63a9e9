/** SHA256SUMS: the checksum of every file of a backup, for `sha256sum --check`. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { Failure, Failures } from "../failure";
import { type Manifest, manifestFile } from "../manifest";
import { hashFile, type StoredFile, writeDurably } from "./files";
import { isErrno } from "./folder";
import { parseManifest, readManifest } from "./folder-manifest";

export const sumsFile = "SHA256SUMS";

/** Names of files in a backup need no escaping, for they are pg_dump's and this program's. */
function sumsText(files: readonly Pick<StoredFile, "path" | "sha256">[]): string {
  const lines = files.map(({ path, sha256 }) => `${sha256}  ${path}\n`);
  return lines.join("");
}

/** What seals a backup: the manifest, and the checksums of all files with that of the manifest. */
export function sealOf(manifest: Manifest): { readonly source: string; readonly sums: string } {
  const source = `${JSON.stringify(manifest, null, 2)}\n`;
  const sha256 = createHash("sha256").update(source).digest("hex");
  return { source, sums: sumsText([...manifest.files, { path: manifestFile, sha256 }]) };
}

/** Writes the manifest and then the checksums, and reads both back. */
export async function sealBackup(folder: string, manifest: Manifest): Promise<void> {
  const { source, sums } = sealOf(manifest);
  await writeDurably(path.join(folder, manifestFile), source);
  await writeDurably(path.join(folder, sumsFile), sums);
  await readSealed(folder);
}

/** The manifest, once it and the checksums agree with each other to the last bit. */
export async function readSealed(folder: string): Promise<Manifest> {
  const { manifest, problem: unparsed } = await readManifest(folder);
  if (manifest === undefined) throw new Failure("manifest-unreadable", `${folder}: ${unparsed}. ${remedy}`);
  const sums = await readFile(path.join(folder, sumsFile), "utf8").catch((error: unknown) => {
    throw damaged(folder, unreadable(sumsFile, error));
  });
  const problem = findSealProblem(manifest, await hashFile(path.join(folder, manifestFile)), sums);
  if (problem === undefined) return manifest;
  throw damaged(folder, problem);
}

/** The same for a backup that is not in a folder of this machine. */
export function parseSealed(source: Uint8Array, sums: Uint8Array, where: string): Manifest {
  const text = new TextDecoder();
  const { manifest, problem: unparsed } = parseManifest(text.decode(source));
  if (manifest === undefined) throw new Failure("manifest-unreadable", `${where}: ${unparsed}. ${remedy}`);
  const sha256 = createHash("sha256").update(source).digest("hex");
  const problem = findSealProblem(manifest, sha256, text.decode(sums));
  if (problem === undefined) return manifest;
  throw damaged(where, problem);
}

/** Where the manifest, its own checksum and the text of the checksums do not agree with each other. */
function findSealProblem(manifest: Manifest, sha256: string, sums: string): string | undefined {
  const sealed = { path: manifestFile, sha256 };
  if (sums === sumsText([...manifest.files, sealed])) return undefined;
  return sums.endsWith(sumsText([sealed]))
    ? `${sumsFile} is not what was written`
    : `${manifestFile} does not have the checksum that ${sumsFile} records; one of the two is damaged`;
}

/**
 * Reads every file and compares its checksum. The files were forced to disk when they were first read, but Node cannot
 * bypass the system's cache: right after a backup this may prove what memory holds, and only later what the disk does.
 */
export async function checkFiles(
  folder: string,
  files: readonly StoredFile[],
  signal: AbortSignal,
): Promise<void> {
  const problems: Failure[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    const problem = await findDamage(path.join(folder, file.path), file);
    if (problem !== undefined) problems.push(damaged(folder, problem));
  }
  Failures.throwIfAny(problems);
}

async function findDamage(absolute: string, file: StoredFile): Promise<string | undefined> {
  try {
    const { size } = await stat(absolute);
    if (size !== file.bytes) return `${file.path} has ${size} bytes instead of ${file.bytes}`;
    if ((await hashFile(absolute)) !== file.sha256)
      return `${file.path} does not have the checksum that the manifest records`;
    return undefined;
  } catch (error) {
    return unreadable(file.path, error);
  }
}

function unreadable(file: string, error: unknown): string {
  return isErrno(error, "ENOENT")
    ? `${file} is missing`
    : `${file} cannot be read: ${(error as Error).message}`;
}

const remedy = "Use another backup; this one is damaged.";

function damaged(folder: string, problem: string): Failure {
  return new Failure("checksum-mismatch", `${folder}: ${problem}. ${remedy}`);
}
