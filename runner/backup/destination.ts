/** Where a run writes its backup, and how; the rest of a run does not ask whether that is a folder or a bucket. */
import type { Inspection } from "../docker/container";
import type { Manifest } from "../repository/manifest";
import type { DumpDestination } from "../postgres/archive/dump";
import type { Progress } from "../lib/progress";
import type { ArchiveFormat, BackupPlace } from "../request";
import type { BackupFiles } from "../repository/backup-files";
import type { StoredFile } from "../repository/files";
import { isGood, type Store } from "../repository/repository";

export interface Destination {
  /** The repository that the backup is published in. */
  readonly store: Store;
  /** What archives are written in there, unless the request says. */
  readonly format: ArchiveFormat;
  /** Fails where no backup can be written; gives the manifest of the newest good one, if there is one. */
  survey(): Promise<Manifest | undefined>;
  /** Fails where `pg_dump` in this container cannot write there. */
  checkContainer(container: Inspection): void;
  /** Fails where there is less room than a backup is expected to take. */
  checkSpace(bytes: number): Promise<void>;
  /** Begins a backup under an id that nobody has. */
  begin(expected: Expected): Promise<Draft>;
}

interface Expected {
  /** Of the run: no two with the same are in progress at a time. */
  readonly key: string;
  /** More than the backup will take. */
  readonly mostBytes: number;
}

/** A backup that is being written; nobody sees it before it is published. */
export interface Draft {
  readonly id: string;
  readonly startedAt: Date;
  /** Ids of earlier backups that are greater than its own. */
  readonly newerThan: readonly string[];
  /** The files that are written so far, where they are written. */
  readonly stored: BackupFiles;
  /** Writes a small file. */
  write(file: string, content: string): Promise<void>;
  /** Where an archive goes that `pg_dump` writes to its standard output. */
  archive(file: string): DumpDestination;
  /** Bytes written so far. */
  bytes(): Promise<number>;
  /** Every file, with the size and the checksum that it has where it is. */
  files(progress: Progress): Promise<StoredFile[]>;
  /** Seals the backup and gives it its name. */
  publish(manifest: Manifest, publication: Publication): Promise<BackupPlace>;
  /** Removes what was written; gives the failure to report. */
  abandon(error: unknown): Promise<unknown>;
}

export interface Publication {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Whether an id is taken in another repository that the backup goes to. */
export type IsTaken = (id: string) => Promise<boolean>;

/** What a destination finds before it begins. */
export interface Found {
  readonly newest: Manifest | undefined;
  readonly ids: readonly string[];
}

export async function findEarlier(store: Store, name: string): Promise<Found> {
  const backups = await store.backups(name);
  return { newest: backups.findLast(isGood)?.manifest, ids: backups.map(({ id }) => id) };
}
