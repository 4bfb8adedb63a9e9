import type { Command } from "commander";
import ms from "ms";
import { list } from "../prune";
import { ListRequest } from "../request";
import { openRepository } from "../repository/open";
import type { StoredBackup } from "../repository/repository";
import { columns } from "./columns";
import type { Context } from "./context";
import { exampleOf, type Options, print, readRequest, requestOption, repositoryOptions } from "./options";
import { formatBytes } from "../lib/format";

export function addList(main: Command, { signal }: Context): void {
  exampleOf(repositoryOptions(main.command("list"), "repository"), "--repository s3://gis-backups/production")
    .summary("list the backups in a repository")
    .description(
      "Lists the backups of one backup name or of all, with what their manifests say and what is wrong with them.",
    )
    .option("--json", "print an array with the whole manifest of each")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const request = await readRequest(ListRequest, options);
      const repository = openRepository(request, signal);
      const backups = await list(repository, request);
      const lines =
        backups.length === 0
          ? [`There are no backups in ${repository.location}.`]
          : columns([titles, ...backups.map((backup) => row(backup, new Date()))]);
      await print(options, backups, lines, "Nothing was changed.");
    });
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
