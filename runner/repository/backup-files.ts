import type { Store, StoredBackup } from "./repository";

/** The files of one backup, wherever it is kept. */
export interface BackupFiles {
  /** For messages: a folder's absolute path, or a URL. */
  readonly location: string;
  /** Folder of this machine that holds them; none where they are in no folder. */
  readonly folder: string | undefined;
  /** What one file holds; its path is relative to the backup. A file that is missing is a `checksum-mismatch`. */
  read(file: string): AsyncIterable<Uint8Array>;
}

export function filesOf(
  store: Store,
  { name, id, location }: Pick<StoredBackup, "name" | "id" | "location">,
): BackupFiles {
  return { location, folder: store.folder(name, id), read: (file) => store.read(name, id, file) };
}
