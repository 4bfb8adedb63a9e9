/** The backups in a repository, each compared with the one before it; and what somebody should look at. */
import { totalBytes } from "../lib/format";
import { milliseconds, type ListRequest } from "../request";
import { existingBackups, isGood, type Repository, type StoredBackup } from "../repository/repository";
import { type FailedVerification, standingFailure } from "../repository/verification";
import { notAfter, sourceOf } from "./retention";

export type ListedBackup = StoredBackup & {
  /** Absent where the manifest cannot be read. */
  readonly contents?: {
    readonly tables: number;
    readonly rows: number;
    /** Size in the database, without indexes. */
    readonly databaseBytes: number;
    /** Size of the backup, without what was put beside it later. */
    readonly archiveBytes: number;
    /** How much larger it is than the good backup before it of the same database; absent for the first. */
    readonly growthBytes?: number;
  };
  /** Set if its last verification failed. */
  readonly failure?: FailedVerification;
};

/** The backups of one name, or of all names; sorted by name, oldest backups first. */
export async function list(repository: Repository, { name }: ListRequest): Promise<ListedBackup[]> {
  if (name !== undefined) return compare(await existingBackups(repository, name));
  const found: ListedBackup[] = [];
  for (const one of await repository.names()) found.push(...compare(await repository.backups(one)));
  return found;
}

/** Backups of one name. */
export function compare(backups: readonly StoredBackup[]): ListedBackup[] {
  const sizes = new Map<string, number>();
  return backups.map((backup): ListedBackup => {
    const failure = standingFailure(backup.verifications);
    const { manifest } = backup;
    const failed = failure === undefined ? {} : { failure };
    if (manifest === undefined) return { ...backup, ...failed };
    const source = sourceOf(manifest);
    const before = sizes.get(source);
    const archiveBytes = totalBytes(manifest.files);
    if (isGood(backup)) sizes.set(source, archiveBytes);
    const contents = {
      tables: manifest.tables.length,
      rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
      databaseBytes: totalBytes(manifest.tables),
      archiveBytes,
      ...(before === undefined ? {} : { growthBytes: archiveBytes - before }),
    };
    return { ...backup, ...failed, contents };
  });
}

/** What is wrong with the backups, and which database has no new one. */
export function alarmsOf(backups: readonly ListedBackup[], maxAge: string | undefined, now: Date): string[] {
  const wrong = backups.flatMap(({ location, problem, failure }) => [
    ...(problem === undefined ? [] : [`Backup ${location} is damaged: ${problem}.`]),
    ...(failure === undefined ? [] : [`Backup ${location} failed its verification: ${describe(failure)}`]),
  ]);
  return [...wrong, ...(maxAge === undefined ? [] : outdated(backups, maxAge, now))];
}

/** The first line tells enough; there can be one for each table. */
function describe({ level, finishedAt, error: { code, message } }: FailedVerification): string {
  return `${code}, at ${finishedAt} (${level}). ${message.split("\n")[0] ?? ""}`;
}

/** Backups that are damaged, failed or dated in the future do not count. */
function outdated(backups: readonly ListedBackup[], maxAge: string, now: Date): string[] {
  if (backups.length === 0) return ["There is no backup at all."];
  const good = notAfter(now, backups).filter((backup) => isGood(backup) && backup.failure === undefined);
  return [...new Set(backups.map(({ name }) => name))].flatMap((name) => {
    const newest = good.findLast((backup) => backup.name === name);
    if (newest === undefined) return [`There is no good backup of "${name}".`];
    if (now.getTime() - newest.startedAt.getTime() <= milliseconds(maxAge)) return [];
    return [`The newest good backup of "${name}" is ${newest.id}, from more than ${maxAge} ago.`];
  });
}
