/** Ways to spoil a backup on disk. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { verificationFiles } from "../../runner/repository/layout";
import type { Manifest } from "../../runner/repository/manifest";

/** Flips one bit of a file, by default in the middle. */
export async function flipBit(file: string, position?: number): Promise<void> {
  const bytes = await readFile(file);
  const at = position ?? Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(file, bytes);
}

export async function cutEnd(file: string, bytes = 1): Promise<void> {
  await truncate(file, (await stat(file)).size - bytes);
}

/** All files of a backup, relative to its folder, without what verifications found, which they put beside them. */
export async function filesOf(backup: string): Promise<string[]> {
  const entries = await readdir(backup, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(backup, path.join(entry.parentPath, entry.name)))
    .filter((file) => !verificationFiles.includes(file))
    .sort();
}

/** Changes a manifest, and makes every size and checksum fit the files as they are, as only a forger would. */
export async function reseal(
  backup: string,
  change: (manifest: Manifest) => void = () => undefined,
): Promise<void> {
  const file = path.join(backup, "manifest.json");
  const manifest = JSON.parse(await readFile(file, "utf8")) as Manifest;
  change(manifest);
  const hash = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");
  for (const stored of manifest.files) {
    const content = await readFile(path.join(backup, stored.path));
    Object.assign(stored, { bytes: content.length, sha256: hash(content) });
  }
  const text = JSON.stringify(manifest);
  await writeFile(file, text);
  const lines = [...manifest.files, { path: "manifest.json", sha256: hash(text) }];
  const sums = lines.map((line) => `${line.sha256}  ${line.path}\n`).join("");
  await writeFile(path.join(backup, "SHA256SUMS"), sums);
}
