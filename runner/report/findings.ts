/** What somebody should look at, the most urgent first. */
import ms from "ms";
import { formatBytes } from "../lib/format";
import { notAfter } from "../prune";
import { type History, problemOf, rowsOf, stateOf, tableName } from "./history";
import { plural, span } from "./words";

export type Urgency = "problem" | "warning" | "note";

export interface Finding {
  readonly urgency: Urgency;
  readonly text: string;
  /** What to do about it. */
  readonly remedy: string;
}

const order: readonly Urgency[] = ["problem", "warning", "note"];

export function findingsOf(history: History, now: Date): Finding[] {
  const found = [
    ...damaged(history),
    ...missing(history, now),
    ...unproved(history),
    ...shrunk(history),
    ...orphans(history),
    ...fromTheFuture(history, now),
    ...invalidGeometries(history),
  ];
  return found.toSorted((one, other) => order.indexOf(one.urgency) - order.indexOf(other.urgency));
}

/** The first few are named. */
const named = 5;

function damaged({ backups }: History): Finding[] {
  const bad = backups.filter((backup) => stateOf(backup) === "damaged").reverse();
  const found = bad.slice(0, named).map((backup) => ({
    urgency: "problem" as const,
    text: `Backup ${backup.id} is damaged: ${(problemOf(backup) ?? "").replace(/\.$/, "")}.`,
    remedy:
      "Restore from another one. Copy this one back from elsewhere, or remove it by hand; prune leaves it alone.",
  }));
  if (bad.length <= named) return found;
  const more = {
    text: `${plural(bad.length - named, "older backup")} more are damaged.`,
    remedy: "They are in the list below.",
  };
  return [...found, { urgency: "problem", ...more }];
}

/** The median is used, so that one long pause does not count. */
export function usualInterval({ good }: Pick<History, "good">): number | undefined {
  const times = good.slice(-30).map(({ startedAt }) => startedAt.getTime());
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  return gaps.length < 2 ? undefined : gaps.sort((one, other) => one - other)[Math.floor(gaps.length / 2)];
}

function missing(history: History, now: Date): Finding[] {
  const { last, title } = history;
  if (last === undefined)
    return [{ urgency: "problem", text: `There is no good backup of ${title}.`, remedy: "Take one now." }];
  const age = now.getTime() - last.startedAt.getTime();
  const usual = usualInterval(history);
  if (usual === undefined || age <= 2 * usual + ms("1h")) return [];
  const text = `The last good backup is ${span(age)} old, but the usual time between two is ${span(usual)}.`;
  return [
    { urgency: "problem", text, remedy: "See whether what takes the backups still runs, and what it said." },
  ];
}

function unproved({ last, good }: History): Finding[] {
  if (last === undefined) return [];
  const verify = `postgis-backup verify ${last.location}`;
  if (stateOf(last) === "none")
    return [
      { urgency: "warning", text: "The last good backup was not verified.", remedy: `Verify it: ${verify}` },
    ];
  if (good.some((backup) => stateOf(backup) === "restore")) return [];
  const remedy = `Restore the last one in a throwaway server: ${verify} --level restore`;
  return [{ urgency: "note", text: "None of these backups has passed a restore test.", remedy }];
}

/** What has less than this share of what it had is likely to have lost something. */
const suspicious = 0.5;

function shrunk({ last, before }: History): Finding[] {
  if (last === undefined || before === undefined) return [];
  const remedy = `If that was no intention, restore from ${before.id}, and mark it with "postgis-backup keep" now.`;
  const warning = (text: string): Finding => ({ urgency: "warning", text, remedy });
  const now = new Map(last.manifest.tables.map((table) => [tableName(table), table]));
  const gone = before.manifest.tables.map(tableName).filter((name) => !now.has(name));
  const lost = before.manifest.tables.filter((table) => {
    const rows = now.get(tableName(table))?.rows;
    return rows !== undefined && rows < suspicious * table.rows;
  });
  const isSmall = last.bytes < suspicious * before.bytes && rowsOf(last.manifest) < rowsOf(before.manifest);
  return [
    ...(gone.length > 0
      ? [warning(`The last backup lacks ${some(gone)}, which the one before it has.`)]
      : []),
    ...(lost.length > 0
      ? [warning(`More than half of the rows are gone from ${some(lost.map(tableName))}.`)]
      : []),
    ...(isSmall && gone.length === 0 && lost.length === 0
      ? [
          warning(
            `The last backup has ${formatBytes(last.bytes)}; the one before it had ${formatBytes(before.bytes)}.`,
          ),
        ]
      : []),
  ];
}

function some(names: readonly string[]): string {
  const more = names.length > named ? ` and ${names.length - named} more` : "";
  return `${names.slice(0, named).join(", ")}${more}`;
}

function orphans({ last }: History): Finding[] {
  const broken = last?.manifest.logicalForeignKeys.filter((key) => key.orphans > 0) ?? [];
  return broken.map((key) => ({
    urgency: "warning",
    text: `${key.key} has ${plural(key.orphans, "orphan")}: rows that refer to no row of ${tableName(key.parent)}.`,
    remedy:
      "Find out whether rows were deleted there, or loaded in the wrong order. --max-orphans makes a backup fail.",
  }));
}

function fromTheFuture({ backups }: History, now: Date): Finding[] {
  const past = new Set(notAfter(now, backups));
  const future = backups.filter((backup) => !past.has(backup)).map(({ id }) => id);
  if (future.length === 0) return [];
  const text = `The clock was ahead when these were taken: ${some(future)}.`;
  return [
    {
      urgency: "warning",
      text,
      remedy: "Set the clock. No rule counts these backups, and prune keeps them.",
    },
  ];
}

function invalidGeometries({ last }: History): Finding[] {
  const tables = last?.manifest.tables.filter(({ invalidGeometries = 0 }) => invalidGeometries > 0) ?? [];
  return tables.map((table) => ({
    urgency: "note",
    text: `${tableName(table)} has ${plural(table.invalidGeometries ?? 0, "geometry").replace("geometrys", "geometries")} that PostGIS calls invalid.`,
    remedy: "They are backed up as they are. ST_IsValidReason says what is wrong with each.",
  }));
}
