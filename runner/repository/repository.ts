/** Where backups are kept. Verbs use this interface; the drivers `folder/` and `s3/` implement it. */
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { BackupRecord } from "./checksums";
import type { BackupFiles, StoredFile } from "./files";
import type { Manifest } from "./manifest";
import type { Verification } from "./verification";

interface Listed {
  readonly id: string;
  readonly name: string;
  /** For people and messages: a folder's absolute path, or a URL. */
  readonly location: string;
  /** When the backup began, read from its id. */
  readonly startedAt: Date;
  /** Size of all its files, the manifest included. */
  readonly bytes: number;
  /** True if it is marked, so that retention never removes it. */
  readonly kept: boolean;
  /** True if it is the backup that `latest` means. */
  readonly latest: boolean;
  /** What later verifications found: the last one of each level, the newest last. */
  readonly verifications: readonly Verification[];
}

export interface GoodBackup extends Listed {
  readonly manifest: Manifest;
  readonly problem?: undefined;
}

/** The manifest is missing or unreadable, is that of another backup, or names files that are missing or have another size. */
export interface DamagedBackup extends Listed {
  /** Absent if it cannot be read. */
  readonly manifest?: Manifest;
  readonly problem: string;
}

export type StoredBackup = GoodBackup | DamagedBackup;

/** The result of removing a backup: it is gone, with so many bytes; or `left` says why it is still there. */
export type Removal =
  | { readonly id: string; readonly bytes: number; readonly left?: undefined }
  | { readonly id: string; readonly left: string };

export interface Repository {
  /** A folder's absolute path, or a URL. */
  readonly location: string;
  /** The backup names that have a backup, sorted. */
  names(): Promise<string[]>;
  /** All complete backups of a name, oldest first. */
  backups(name: string): Promise<StoredBackup[]>;
  /** The files of one backup. */
  files(name: string, id: string): BackupFiles;
  /** Whether anything is stored under an id, complete or not. */
  isTaken(name: string, id: string): Promise<boolean>;
  /** Folder of this machine that holds the backups of a name; undefined if they are in a bucket. */
  folder(name: string): string | undefined;
  /** Fails if no backup of that name can be written; changes nothing. */
  check(name: string): Promise<void>;
  /** Fails if less space than that is free. */
  checkSpace(name: string, bytes: number): Promise<void>;
  /** Begins a backup; fails with `backup-exists` if its id is taken. */
  create(backup: NewBackup): Promise<BackupWriter>;
  /** Sets or clears the mark that retention respects. */
  mark(name: string, id: string, kept: boolean): Promise<void>;
  /** Keeps what a verification found beside the backup, in place of the last one of its level. */
  record(name: string, id: string, verification: Verification): Promise<void>;
  /** Removes a backup; one that contains files of somebody else is left. */
  remove(name: string, id: string): Promise<Removal>;
  /** Finishes the removals that were interrupted. */
  finishRemovals(name: string): Promise<Removal[]>;
}

export interface NewBackup {
  readonly name: string;
  readonly id: string;
  /** Upper limit for the size of each of its files. */
  readonly mostBytes: number;
  /** Permissions of its files, where files have any. */
  readonly fileMode: number;
  /** Set if the run holds the lock of this key: all other writers with this key are dead then. */
  readonly key?: string;
}

/** A backup that is being written; nobody sees it before it is published. */
export interface BackupWriter {
  /** What is written so far. If it has a `folder`, programs can write there directly. */
  readonly files: BackupFiles;
  /** Writes one file, which must not exist yet. `recorded` is given for content that checks itself, which is not hashed again. */
  write(file: string, content: AsyncIterable<Uint8Array>, recorded?: StoredFile): Promise<void>;
  /**
   * Writes a file that an earlier backup of the name has, after it has read that one and compared it with what is recorded of it.
   * Only where files cannot be linked: in a bucket, which copies them itself. Undefined if it did, or else why the content was sent
   * instead. Fails with {@link NotShared} if the file was not written, so that it can be written otherwise.
   */
  readonly copyFrom?: (id: string, recorded: StoredFile, file: string) => Promise<string | undefined>;
  /** Bytes written so far. */
  bytes(): Promise<number>;
  /** All files with sizes and checksums, sorted; afterwards they are on disk. Those that are known need not be read again. */
  checksums(progress: Pick<Progress, "note">, known?: readonly StoredFile[]): Promise<StoredFile[]>;
  /**
   * Writes the record, forces everything to disk, gives the backup its name, and makes it the latest unless a newer one exists. If
   * the signal is aborted by the time that only the name is left to give, this fails and there is no backup.
   */
  publish(record: BackupRecord, signal: AbortSignal): Promise<Published>;
  /** Removes what was written, unless it is published; returns the failure to report. */
  abandon(error: unknown): Promise<unknown>;
}

/** A file of an earlier backup is damaged, or cannot be copied. The code is `checksum-mismatch` if it is damaged or missing. */
export class NotShared extends Failure {}

export interface Published {
  readonly location: string;
  /** The version of each file, by its path, where the repository keeps versions. */
  readonly versionIds: Readonly<Record<string, string>>;
  /** Messages for people. */
  readonly notes: readonly string[];
}

export function alreadyExists(location: string): Failure {
  return new Failure(
    "backup-exists",
    `${location} exists already and is another backup, or is damaged. Nothing was changed; import into another repository, or verify the existing backup.`,
  );
}

export function isGood(backup: StoredBackup): backup is GoodBackup {
  return backup.problem === undefined;
}

/** The backups of a name, oldest first; fails if there are none. */
export async function existingBackups(repository: Repository, name: string): Promise<StoredBackup[]> {
  const backups = await repository.backups(name);
  if (backups.length > 0) return backups;
  const others = await repository.names();
  throw new Failure(
    "backup-not-found",
    `There is no backup of "${name}" in ${repository.location}. ` +
      (others.length === 0 ? "It has no backups at all." : `It has backups of: ${others.join(", ")}.`),
  );
}

const named = 20;

/** A backup by its id, or by `latest`. */
export async function findBackup(
  repository: Repository,
  name: string,
  wanted: string,
): Promise<StoredBackup> {
  const backups = await existingBackups(repository, name);
  const found = backups.find(({ id, latest }) => (wanted === "latest" ? latest : id === wanted));
  if (found !== undefined) return found;
  const ids = backups.map(({ id, problem }) => (problem === undefined ? id : `${id} (damaged)`)).reverse();
  const more = ids.length > named ? ` and ${ids.length - named} older ones` : "";
  throw new Failure(
    "backup-not-found",
    `There is no backup "${wanted}" of "${name}" in ${repository.location}. There are, newest first: ` +
      `${ids.slice(0, named).join(", ")}${more}.`,
  );
}
