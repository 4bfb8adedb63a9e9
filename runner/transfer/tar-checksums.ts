/** The beginning of a tar that `export` wrote: whose it is, and what must follow. */
import path from "node:path";
import { Failure } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import { BackupName } from "../request";
import { readWhole } from "../repository/checked-content";
import { oddPath } from "../repository/plain-paths";
import { parseSealed } from "../repository/checksums";
import { endsEarly, type TarEntry } from "../lib/tar";
import { backupTime } from "../repository/backup-id";
import { sumsFile } from "../repository/layout";

export interface TarSeal {
  readonly manifest: Manifest;
  /** The manifest and the checksums as they are in the tar. */
  readonly source: Buffer;
  readonly sums: Buffer;
}

/** It is held in memory. */
const largestSeal = 1 << 28;

/** Fails unless manifest and checksums come first, agree with each other, and name no file that could be written elsewhere. */
export async function readTarSeal(entries: AsyncGenerator<TarEntry, void>): Promise<TarSeal> {
  const first = await nextEntry(entries);
  const [, name = "", id = ""] = /^([^/]+)\/([^/]+)\/manifest\.json$/.exec(first.path) ?? [];
  if (!BackupName.safeParse(name).success || backupTime(id) === undefined) {
    throw invalid(
      `it begins with ${JSON.stringify(first.path)} instead of the manifest of a backup. ` +
        "A folder that was packed by hand is unpacked by hand",
    );
  }
  const source = await readSmall(first);
  const second = await nextEntry(entries);
  if (second.path !== path.posix.join(name, id, sumsFile))
    throw invalid(`${JSON.stringify(second.path)} follows the manifest instead of ${sumsFile}`);
  const sums = await readSmall(second);
  const manifest = parseSealed(source, sums, "The tar");
  if (manifest.name !== name || manifest.id !== id)
    throw invalid(`its manifest is that of ${JSON.stringify(`${manifest.name}/${manifest.id}`)}`);
  const odd = oddPath(manifest.files);
  if (odd !== undefined) throw invalid(odd);
  return { manifest, source, sums };
}

export function invalid(problem: string): Failure {
  return new Failure(
    "tar-invalid",
    `This is not what "postgis-backup export" writes: ${problem}. Nothing was imported.`,
  );
}

async function nextEntry(entries: AsyncGenerator<TarEntry, void>): Promise<TarEntry> {
  const { value } = await entries.next();
  if (value === undefined) throw endsEarly();
  return value;
}

async function readSmall(entry: TarEntry): Promise<Buffer> {
  if (!entry.isFile) throw invalid(`${entry.path} is not a plain file`);
  if (entry.bytes > largestSeal) throw invalid(`${entry.path} has ${entry.bytes} bytes`);
  return readWhole(entry.content);
}
