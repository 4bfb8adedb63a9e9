import { ours } from "./cases/runner";
import { barChart } from "./plot";
import { type BenchResult, summaryOf } from "./result";
import type { GroupResult } from "./rounds";

/** The charts of the report, by file name. */
export function charts({ groups, sample }: BenchResult): Readonly<Record<string, string>> {
  const millions = `${(sample.rows / 1e6).toLocaleString("en")} million signature rows`;
  return {
    "performance-backup.svg": secondsOf(`Backup of ${millions}`, groups.backup),
    "performance-restore.svg": secondsOf(`Restore of ${millions}, with indexes`, groups.restore),
  };
}

function secondsOf(title: string, group: GroupResult): string {
  const bars = Object.keys(group).map((contender) => ({
    label: contender,
    value: summaryOf(group, contender),
    emphasized: contender.startsWith(ours),
  }));
  return barChart(`${title}, seconds`, "s", bars);
}
