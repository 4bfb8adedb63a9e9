/** Where backups are kept, whatever it is: verbs know this interface, and each driver implements it. */
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { BackupRecord } from "./checksums";
import type { BackupFiles, StoredFile } from "./files";
import type { Manifest } from "./manifest";

interface Listed {
  readonly id: string;
  readonly name: string;
  /** Where it is, for people and messages: a folder's absolute path, or a URL. */
  readonly location: string;
  /** When it began, as its id says. */
  readonly startedAt: Date;
  /** All that is stored of it, the manifest too. */
  readonly bytes: number;
  /** It is marked, and retention never removes it. */
  readonly kept: boolean;
  /** It is the one that `latest` means. */
  readonly latest: boolean;
}

export interface GoodBackup extends Listed {
  readonly manifest: Manifest;
  readonly problem?: undefined;
}

/** Its manifest is missing or unreadable, is of another backup, or names files that are not there in that size. */
export interface DamagedBackup extends Listed {
  /** There, if it can be read. */
  readonly manifest?: Manifest;
  readonly problem: string;
}

export type StoredBackup = GoodBackup | DamagedBackup;

/** What became of a backup that was to be removed: gone, or left as it was, and why. */
export interface Removal {
  readonly id: string;
  readonly left?: string;
}

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
  /** Folder of this machine that holds the backups of a name; none where backups are no folders. */
  folder(name: string): string | undefined;
  /** Fails where no backup of that name can be written; nothing is changed. */
  check(name: string): Promise<void>;
  /** Fails where less room is left than that. */
  checkSpace(name: string, bytes: number): Promise<void>;
  /** Begins a backup; `backup-exists` where its id is taken. */
  create(backup: NewBackup): Promise<BackupWriter>;
  /** Sets or clears the mark that retention respects. */
  mark(name: string, id: string, kept: boolean): Promise<void>;
  /** Removes a backup that has nothing but its own files in it. */
  remove(name: string, id: string): Promise<Removal>;
  /** Ends the removals that were cut off. */
  finishRemovals(name: string): Promise<Removal[]>;
}

export interface NewBackup {
  readonly name: string;
  readonly id: string;
  /** More than any of its files will have. */
  readonly mostBytes: number;
  /** Permissions of its files, where files have any. */
  readonly fileMode: number;
  /** Of a run that holds the lock of this key, so that all other writers with this key are dead. */
  readonly key?: string;
}

/** A backup that is being written; nobody sees it before it is published. */
export interface BackupWriter {
  /** What is written so far, where it is written. A folder among them can be written to directly. */
  readonly files: BackupFiles;
  /** Writes one file, which must not be there yet. Content that checks itself is said to be as `recorded`, and not hashed again. */
  write(file: string, content: AsyncIterable<Uint8Array>, recorded?: StoredFile): Promise<void>;
  /** Bytes written so far. */
  bytes(): Promise<number>;
  /** Every file with its size and checksum, sorted; they are on disk then. */
  checksums(progress: Pick<Progress, "note">): Promise<StoredFile[]>;
  /** Writes the record, makes all durable, gives the backup its name, and makes it the latest if it is newer than that. */
  publish(record: BackupRecord): Promise<Published>;
  /** Removes what was written, unless it is published; gives the failure to report. */
  abandon(error: unknown): Promise<unknown>;
}

export interface Published {
  readonly location: string;
  /** Of each file, by its path, where the repository keeps versions. */
  readonly versionIds: Readonly<Record<string, string>>;
  /** For people. */
  readonly notes: readonly string[];
}

export function alreadyExists(location: string): Failure {
  return new Failure(
    "backup-exists",
    `${location} exists already and is not the same backup, or is damaged. Nothing was changed; import into another repository, or verify the one that is there.`,
  );
}

export function isGood(backup: StoredBackup): backup is GoodBackup {
  return backup.problem === undefined;
}

/** The backups of a name that must have one, oldest first. */
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
