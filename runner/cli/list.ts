import type { Command } from "commander";
import ms from "ms";
import { list } from "../prune";
import { ListRequest } from "../request";
import { openRepository } from "../repository/open";
import { placeOf } from "../request/location";
import { inRepository } from "./location-argument";
import type { StoredBackup } from "../repository/repository";
import { columns } from "./columns";
import type { Context } from "./context";
import type { Options } from "./keys";
import { exampleOf, print, readRequest, requestOption, repositoryOptions } from "./options";
import { formatBytes } from "../lib/format";

export function addList(main: Command, { signal }: Context): void {
  exampleOf(repositoryOptions(main.command("list")), "s3://gis-backups/production")
    .summary("list the backups in a repository")
    .description(
      "Lists the backups of one backup name or of all, with what their manifests say and what is wrong with them.",
    )
    .option("--json", "print an array with the whole manifest of each")
    .addOption(requestOption())
    .argument("[location]", "REPOSITORY or REPOSITORY/NAME, instead of --repository and --name")
    .action(async (location: string | undefined, options: Options) => {
      const asked = await readRequest(ListRequest, inRepository(options, location));
      const request = location === undefined ? asked : await narrowed(asked, signal);
      const repository = openRepository(request, signal);
      const backups = await list(repository, request);
      const lines =
        backups.length === 0
          ? [`There are no backups in ${repository.location}.`]
          : columns([titles, ...backups.map((backup) => row(backup, new Date()))]);
      await print(options, backups, lines, "Nothing was changed.");
    });
}

/** What was named can be a repository, or the backups of one name in it: only a look tells which. */
async function narrowed(request: ListRequest, signal: AbortSignal): Promise<ListRequest> {
  const place = placeOf(request.repository);
  if (place === undefined || (await openRepository(request, signal).names()).length > 0) return request;
  const above = { ...request, ...place };
  return (await openRepository(above, signal).backups(place.name)).length > 0 ? above : request;
}

const titles = ["NAME", "ID", "AGE", "TABLES", "ROWS", "SIZE", "FORMAT", "VERIFIED", "NOTE"];

function row(backup: StoredBackup, now: Date): string[] {
  const { id, name, startedAt, bytes, manifest, latest, kept, problem } = backup;
  const notes = [
    ...(latest ? ["latest"] : []),
    ...(kept ? ["keep"] : []),
    ...(problem === undefined ? [] : [`damaged: ${problem}`]),
  ];
  const described =
    manifest === undefined
      ? { tables: "?", rows: "?", format: "?", verified: "?" }
      : {
          tables: String(manifest.tables.length),
          rows: String(manifest.tables.reduce((sum, { rows }) => sum + rows, 0)),
          format: manifest.format,
          verified: manifest.verification.level,
        };
  return [
    name,
    id,
    ms(now.getTime() - startedAt.getTime()),
    described.tables,
    described.rows,
    formatBytes(bytes),
    described.format,
    described.verified,
    notes.join(", "),
  ];
}
