/** What a report is about: the backups of one database under one backup name, and what is known of each. */
import { sourceOf } from "../prune";
import type { Manifest } from "../repository/manifest";
import { newestOf } from "../repository/newest";
import { type GoodBackup, isGood, type StoredBackup } from "../repository/repository";
import { standingFailure } from "../repository/verification";

export interface History {
  readonly name: string;
  /** The name, and the database where several have their backups under it. */
  readonly title: string;
  /** All backups, damaged ones too, oldest first. */
  readonly backups: readonly StoredBackup[];
  readonly good: readonly GoodBackup[];
  /** The newest good one. */
  readonly last: GoodBackup | undefined;
  /** The good one before it. */
  readonly before: GoodBackup | undefined;
}

/** What is known to be true of a backup. */
export type State = "restore" | "archive" | "none" | "damaged";

export function stateOf(backup: StoredBackup): State {
  if (!isSound(backup)) return "damaged";
  if (restoreTestOf(backup) !== undefined) return "restore";
  return backup.verifications.some(({ error }) => error === undefined)
    ? "archive"
    : backup.manifest.verification.level;
}

/** What is wrong with a backup, as it is listed or as its last verification found it. */
export function problemOf({ problem, verifications }: StoredBackup): string | undefined {
  const [first] = standingFailure(verifications)?.error.message.split("\n") ?? [];
  return problem ?? first;
}

function isSound(backup: StoredBackup): backup is GoodBackup {
  return isGood(backup) && problemOf(backup) === undefined;
}

interface RestoreTest {
  readonly at: Date;
  readonly seconds: number;
}

/** The last restore test that a backup passed, when it was taken or later. */
export function restoreTestOf({ manifest, verifications }: GoodBackup): RestoreTest | undefined {
  const later = verifications.findLast(({ level, error }) => level === "restore" && error === undefined);
  if (later !== undefined) return { at: new Date(later.finishedAt), seconds: later.seconds };
  const { finishedAt, verification } = manifest;
  if (verification.level !== "restore") return undefined;
  return { at: new Date(finishedAt), seconds: verification.seconds };
}

export type Table = Manifest["tables"][number];

export const tableName = ({ schema, name }: Pick<Table, "schema" | "name">): string => `${schema}.${name}`;

export const rowsOf = ({ tables }: Manifest): number => tables.reduce((sum, { rows }) => sum + rows, 0);

/** From the beginning of the backup to its end, in seconds. */
export function secondsOf({ startedAt, finishedAt }: Manifest): number {
  return (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
}

/** Divides backups of one name or of several, each name's oldest first. */
export function historiesOf(backups: readonly StoredBackup[]): History[] {
  return grouped(backups, ({ name }) => name).flatMap(([name, ofName]) => {
    const last = newestOf(ofName) ?? ofName.find(({ manifest }) => manifest !== undefined);
    // Nobody can tell which database a backup without a manifest is of.
    const unknown = last?.manifest === undefined ? "" : sourceOf(last.manifest);
    const sources = grouped(ofName, ({ manifest }) =>
      manifest === undefined ? unknown : sourceOf(manifest),
    );
    return sources.map(([, ofSource]) => historyOf(name, ofSource, sources.length > 1));
  });
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups];
}

function historyOf(name: string, backups: readonly StoredBackup[], isShared: boolean): History {
  const good = backups.filter(isSound);
  const newest = newestOf(good);
  const last = good.find((backup) => backup === newest);
  const source = (last ?? backups.find(({ manifest }) => manifest !== undefined))?.manifest?.source;
  const database = source === undefined ? "an unknown database" : `${source.database} in ${source.container}`;
  return {
    name,
    title: isShared ? `${name}: ${database}` : name,
    backups,
    good,
    last,
    before: good.findLast(({ startedAt }) => last !== undefined && startedAt < last.startedAt),
  };
}
