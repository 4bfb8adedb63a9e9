import type { Command } from "commander";
import ms from "ms";
import { formatBytes, totalBytes } from "../lib/format";
import { alarmsOf, list, type ListedBackup } from "../prune";
import { openRepository } from "../repository/open";
import { ListRequest } from "../request";
import { placeOf } from "../request/location";
import { alarmOption, endWithAlarms } from "./alarms";
import { columns } from "./columns";
import type { Context } from "./context";
import type { Options } from "./keys";
import { inRepository } from "./location-argument";
import { exampleOf, print, readRequest, requestOption, repositoryOptions } from "./options";

export function addList(main: Command, { progress, signal }: Context): void {
  const command = alarmOption(repositoryOptions(main.command("list")));
  exampleOf(command, "s3://gis-backups/production --max-age 26h --fail-on-alarm")
    .summary("list the backups in a repository")
    .description(
      "Lists the backups of one backup name or of all: what their manifests say, what later verifications found, and what is wrong with " +
        "them. GROWTH is the difference to the backup before of the same database; VERIFIED is the level, and how long ago if that was later.",
    )
    .option(
      "--max-age <duration>",
      "warn if the newest good backup of a name is older than this, such as 26h or 8d",
    )
    .option("--json", "print an array with the whole manifest of each, and all numbers")
    .addOption(requestOption())
    .argument("[location]", "REPOSITORY or REPOSITORY/NAME, instead of --repository and --name")
    .action(async (location: string | undefined, options: Options) => {
      const asked = await readRequest(ListRequest, inRepository(options, location));
      const request = location === undefined ? asked : await narrowed(asked, signal);
      const repository = openRepository(request, signal);
      const backups = await list(repository, request);
      const now = new Date();
      const lines =
        backups.length === 0
          ? [`There are no backups in ${repository.location}.`]
          : columns([titles, ...backups.map((backup) => row(backup, now)), total(backups)], numbers);
      await print(options, backups, lines, "Nothing was changed.");
      const alarms = alarmsOf(backups, request.maxAge, now);
      for (const alarm of alarms) progress.note(`warning: ${alarm}`);
      endWithAlarms(options, alarms);
    });
}

/** What was named can be a repository, or the backups of one name in it: only a look tells which. */
async function narrowed(request: ListRequest, signal: AbortSignal): Promise<ListRequest> {
  const place = placeOf(request.repository);
  if (place === undefined || (await openRepository(request, signal).names()).length > 0) return request;
  const above = { ...request, ...place };
  return (await openRepository(above, signal).backups(place.name)).length > 0 ? above : request;
}

const titles = "NAME ID AGE DATABASE SERVER TABLES ROWS SIZE GROWTH VERIFIED NOTE".split(" ");
/** Columns of numbers. */
const numbers = [2, 5, 6, 7, 8];

function row(backup: ListedBackup, now: Date): string[] {
  const { id, name, startedAt, bytes, manifest, contents, latest, kept, problem } = backup;
  const notes = [
    ...(problem === undefined ? [] : ["DAMAGED"]),
    ...(latest ? ["latest"] : []),
    ...(kept ? ["keep"] : []),
  ];
  return [
    name,
    id,
    ms(now.getTime() - startedAt.getTime()),
    manifest?.source.database ?? "?",
    // Without the words of the distribution behind it.
    manifest?.source.serverVersion.split(" ")[0] ?? "?",
    String(contents?.tables ?? "?"),
    String(contents?.rows ?? "?"),
    formatBytes(bytes),
    signed(contents?.growthBytes),
    verified(backup, now),
    notes.join(", "),
  ];
}

function signed(bytes: number | undefined): string {
  if (bytes === undefined) return "";
  return `${bytes < 0 ? "-" : "+"}${formatBytes(Math.abs(bytes))}`;
}

/** The last verification of each level, without those that a later and higher one includes. */
function verified({ manifest, verifications, failure }: ListedBackup, now: Date): string {
  const ago = ({ finishedAt }: { finishedAt: string }) => ms(now.getTime() - Date.parse(finishedAt));
  if (failure !== undefined) return `FAILED ${ago(failure)}`;
  const passed = verifications.filter(({ error }) => error === undefined);
  const later = passed.filter(
    ({ level }, index) => level === "restore" || !passed.slice(index).some((one) => one.level === "restore"),
  );
  const first = manifest?.verification.level ?? "?";
  const included = later.some(({ level }) => level === "restore" || first !== "restore");
  const known = later.map((one) => `${one.level} ${ago(one)}`);
  return [...(included ? [] : [first]), ...known].join(", ");
}

function total(backups: readonly ListedBackup[]): string[] {
  const count = backups.length === 1 ? "1 backup" : `${backups.length} backups`;
  return ["total", count, ...["", "", "", "", ""], formatBytes(totalBytes(backups)), ...["", "", ""]];
}
