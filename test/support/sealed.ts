/** Sealed backups made without a database, and tars of them, whole and otherwise. */
import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { sealFiles } from "../../runner/repository/files";
import { sealBackup } from "../../runner/repository/checksums";
import { sampleManifest } from "./series";

/** Contents that no tar block's border divides evenly. */
export const sealedFiles: Readonly<Record<string, Buffer>> = {
  "RESTORE.md": Buffer.from("# How\n"),
  "archive/1.dat": randomBytes(70_001),
  "archive/empty.dat": Buffer.alloc(0),
  "archive/toc.dat": randomBytes(512),
  "prepare.sql": Buffer.from("-- nothing\n"),
};

/** A backup that passes every check of its checksums; its folder. */
export async function writeSealed(
  repository: string,
  id: string,
  { name = "cbm", files = sealedFiles }: { name?: string; files?: Readonly<Record<string, Buffer>> } = {},
): Promise<string> {
  const folder = path.join(repository, name, id);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), content);
  }
  await sealBackup(folder, { ...sampleManifest(id, { name }), files: await sealFiles(folder) });
  return folder;
}
