/** The beginning of a tar that `export` wrote: which backup it holds, and which files must follow. */
import path from "node:path";
import { Failure } from "../lib/failure";
import { BackupName } from "../request";
import { readWhole, type BackupRecord, parseRecord } from "../repository/checksums";
import { oddPath } from "../repository/plain-paths";
import { endsEarly, type TarEntry } from "../lib/tar";
import { backupTime } from "../repository/backup-id";
import { sumsFile } from "../repository/layout";

/** Largest manifest, which is held in memory. */
const largestRecord = 1 << 28;

/** Fails unless manifest and checksums come first, agree with each other, and name no file outside of the backup. */
export async function readTarRecord(entries: AsyncGenerator<TarEntry, void>): Promise<BackupRecord> {
  const first = await nextEntry(entries);
  const [, name = "", id = ""] = /^([^/]+)\/([^/]+)\/manifest\.json$/.exec(first.path) ?? [];
  if (!BackupName.safeParse(name).success || backupTime(id) === undefined) {
    throw invalid(
      `it begins with ${JSON.stringify(first.path)} instead of the manifest of a backup. ` +
        "Unpack a folder by hand if it was packed by hand",
    );
  }
  const source = await readSmall(first);
  const second = await nextEntry(entries);
  if (second.path !== path.posix.join(name, id, sumsFile))
    throw invalid(`${JSON.stringify(second.path)} follows the manifest instead of ${sumsFile}`);
  const sums = await readSmall(second);
  const record = parseRecord(source, sums, "The tar");
  const { manifest } = record;
  if (manifest.name !== name || manifest.id !== id)
    throw invalid(`its manifest is that of ${JSON.stringify(`${manifest.name}/${manifest.id}`)}`);
  const odd = oddPath(manifest.files);
  if (odd !== undefined) throw invalid(odd);
  return record;
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
  if (entry.bytes > largestRecord) throw invalid(`${entry.path} has ${entry.bytes} bytes`);
  return readWhole(entry.content);
}
