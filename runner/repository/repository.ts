/** How verbs find, mark and remove backups, wherever those are kept. */
import { Failure } from "../lib/failure";
import type { Manifest } from "./manifest";
import type { StoredFile } from "./files";

interface Listed {
  readonly id: string;
  /** The series that it belongs to. */
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

export interface Store {
  /** For messages. */
  readonly location: string;
  /** The series that have a backup, sorted. */
  series(): Promise<string[]>;
  /** All complete backups of a series, oldest first; none if there is no such series. */
  backups(name: string): Promise<StoredBackup[]>;
  /** Whether anything is stored under an id, complete or not. */
  isTaken(name: string, id: string): Promise<boolean>;
  /** Removes a backup that has nothing but its own files in it. */
  remove(name: string, id: string): Promise<Removal>;
  /** Ends the removals that were cut off. */
  finishRemovals(name: string): Promise<Removal[]>;
  /** Sets or clears the mark that retention respects. */
  mark(name: string, id: string, kept: boolean): Promise<void>;
  /** Folder of this machine that holds a backup; none where backups are no folders. */
  folder(name: string, id: string): string | undefined;
  /** What one file of a backup holds; its path is relative to the backup. */
  read(name: string, id: string, file: string): AsyncIterable<Uint8Array>;
  /** Makes room for a backup that was taken elsewhere. */
  receive(arrival: Arrival): Promise<IncomingBackup>;
}

export interface Arrival {
  readonly name: string;
  readonly id: string;
  /** All that will be written. */
  readonly bytes: number;
  /** Permissions of its files, where files have any. */
  readonly fileMode: number;
}

export interface Published {
  /** Of each file, by its path, where the store keeps versions. */
  readonly versionIds: Readonly<Record<string, string>>;
  /** For people. */
  readonly notes?: readonly string[];
}

/** A backup on its way into a store; nobody sees it before it is published. */
export interface IncomingBackup {
  /** Writes one file, which must not be there yet. The manifest makes a backup whole, and so is not to be seen before the rest is. */
  write(file: string, content: AsyncIterable<Uint8Array>): Promise<StoredFile>;
  /** Makes it durable, gives it its name, and makes it the latest if it is newer than that. */
  publish(): Promise<Published>;
  /** Removes what was written; gives the failure to report. */
  abandon(error: unknown): Promise<unknown>;
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

/** The backups of a series that must have one, oldest first. */
export async function existingBackups(store: Store, name: string): Promise<StoredBackup[]> {
  const backups = await store.backups(name);
  if (backups.length > 0) return backups;
  const others = await store.series();
  throw new Failure(
    "backup-not-found",
    `There is no backup of "${name}" in ${store.location}. ` +
      (others.length === 0 ? "It has no backups at all." : `It has backups of: ${others.join(", ")}.`),
  );
}

const named = 20;

/** A backup by its id, or by `latest`. */
export async function findBackup(store: Store, name: string, wanted: string): Promise<StoredBackup> {
  const backups = await existingBackups(store, name);
  const found = backups.find(({ id, latest }) => (wanted === "latest" ? latest : id === wanted));
  if (found !== undefined) return found;
  const ids = backups.map(({ id, problem }) => (problem === undefined ? id : `${id} (damaged)`)).reverse();
  const more = ids.length > named ? ` and ${ids.length - named} older ones` : "";
  throw new Failure(
    "backup-not-found",
    `There is no backup "${wanted}" of "${name}" in ${store.location}. There are, newest first: ` +
      `${ids.slice(0, named).join(", ")}${more}.`,
  );
}
