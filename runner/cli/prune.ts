import type { Command } from "commander";
import { prune, type PruneResult } from "../prune";
import { PruneRequest } from "../request";
import { openRepository } from "../repository/open";
import { formatBytes } from "../lib/format";
import { alarmOption, endWithAlarms } from "./alarms";
import { columns } from "./columns";
import { inPlace } from "./location-argument";
import type { Context } from "./context";
import type { Options } from "./keys";
import {
  checksumOption,
  exampleOf,
  print,
  readRequest,
  requestOption,
  retentionOptions,
  repositoryOptions,
} from "./options";

export function addPrune(main: Command, { progress, signal }: Context): void {
  const command = checksumOption(repositoryOptions(main.command("prune")));
  exampleOf(alarmOption(retentionOptions(command)), "./backups/cbm --keep-daily 7 --keep-weekly 4")
    .summary("remove old backups")
    .description(
      "Removes the backups of a backup name that no rule keeps. Whatever the rules say, these stay: the newest good backup, the latest, " +
        'those marked with "keep", damaged ones, those dated in the future, and any that has files in it that are not its own.',
    )
    .option("--dry-run", "only say what would be removed, and why the others stay")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .argument("[location]", "REPOSITORY/NAME, instead of --repository and --name")
    .action(async (location: string | undefined, options: Options) => {
      const request = await readRequest(PruneRequest, inPlace(options, location));
      const result = await prune(openRepository(request, signal), request, progress, signal);
      const { removed, dryRun } = result;
      const done =
        removed.length === 0 || dryRun
          ? "Nothing was removed."
          : `Removed: ${removed.map(({ id }) => id).join(", ")}.`;
      await print(options, result, [...describe(result), sumUp(result)], done);
      endWithAlarms(options, result.alarms);
    });
}

function describe({ name, dryRun, removed, kept, left }: PruneResult): string[] {
  const rows = [
    ...removed.map(({ id, bytes }) => ({
      id,
      what: dryRun ? "would be removed" : "removed",
      why: formatBytes(bytes),
    })),
    ...left.map(({ id, reason }) => ({ id, what: "not removed", why: reason })),
    ...kept.map(({ id, reasons }) => ({ id, what: dryRun ? "stays" : "kept", why: reasons.join(", ") })),
  ];
  rows.sort((one, other) => (one.id < other.id ? -1 : 1));
  return columns(rows.map(({ id, what, why }) => [name, id, what, why]));
}

function sumUp({ dryRun, removed, freedBytes }: PruneResult): string {
  const count = removed.length === 1 ? "1 backup" : `${removed.length} backups`;
  return `${count}, ${formatBytes(freedBytes)}, ${dryRun ? "would be removed" : "removed"}.`;
}
