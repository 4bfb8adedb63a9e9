/** Sealed backups made without a database, and tars of them, whole and otherwise. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { checksumsBelow } from "../../runner/repository/files";
import { readChecksums, recordOf } from "../../runner/repository/checksums";
import { filesIn } from "../../runner/repository/folder/files";
import type { Manifest } from "../../runner/repository/manifest";
import { sampleManifest } from "./sample-backups";

/** Contents that no tar block's border divides evenly. */
export const sealedFiles: Readonly<Record<string, Buffer>> = {
  "RESTORE.md": Buffer.from("# How\n"),
  "archive/1.dat": randomBytes(70_001),
  "archive/empty.dat": Buffer.alloc(0),
  "archive/toc.dat": randomBytes(512),
  "prepare.sql": Buffer.from("-- nothing\n"),
};

/** Writes the manifest and the checksums, and reads both back. */
export async function writeRecord(folder: string, manifest: Manifest): Promise<void> {
  const { source, sums } = recordOf(manifest);
  await writeFile(path.join(folder, "manifest.json"), source);
  await writeFile(path.join(folder, "SHA256SUMS"), sums);
  await readChecksums(filesIn(folder));
}

/** A backup that passes every check of its checksums; its folder. */
export async function writeSealed(
  repository: string,
  id: string,
  {
    name = "cbm",
    files = sealedFiles,
    manifest = {},
  }: {
    name?: string;
    files?: Readonly<Record<string, Buffer>>;
    manifest?: Partial<Manifest>;
  } = {},
): Promise<string> {
  const folder = path.join(repository, name, id);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), content);
  }
  await writeRecord(folder, {
    ...sampleManifest(id, { name }),
    ...manifest,
    files: await checksumsBelow(folder),
  });
  return folder;
}
