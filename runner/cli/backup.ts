import { type Command, Option } from "commander";
import { backup } from "../backup";
import { ArchiveFormat, BackupRequest, VerifyLevel } from "../request";
import type { Context } from "./context";
import { collect, type Options, print, readRequest, requestOption, serverOptions } from "./options";

export function addBackup(main: Command, { progress, signal }: Context): void {
  serverOptions(main.command("backup"))
    .summary("back up tables to a folder")
    .description(
      "Backs up tables with pg_dump inside the container, all from one snapshot, with exact row counts, fingerprints and checksums. " +
        "The backup appears as DIRECTORY/NAME/ID, complete, or not at all.",
    )
    .option(
      "--table <name>",
      "table, schema.table or a pattern with * and ?; case-sensitive; repeat for more",
      collect,
    )
    .option("--exclude-table <name>", "leave this table or pattern out; repeat for more", collect)
    .option("--directory <path>", "folder that holds the backups")
    .option("--name <name>", "name of this series of backups, a folder under the directory")
    .addOption(
      new Option("--format <format>", "archive format (default: directory)").choices(ArchiveFormat.options),
    )
    .option(
      "--jobs <n>",
      "parallel pg_dump workers, directory format only (default: CPUs, at most 4)",
      Number,
    )
    .option(
      "--compression <method>",
      "zstd:1, gzip:6, lz4, none (default: zstd:1, or gzip:1 below PostgreSQL 16)",
    )
    .addOption(
      new Option(
        "--verify <level>",
        "none, archive: read back to its end; restore: restored in a throwaway container and compared (default: archive)",
      ).choices(VerifyLevel.options),
    )
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const request = await readRequest(BackupRequest, options, {
        table: "tables",
        excludeTable: "excludeTables",
      });
      const result = await backup(request, progress, signal);
      print(options, result, [
        `Backup ${result.backupId} is complete: ${result.location}`,
        `Restore it with: ${result.restoreCommand}`,
      ]);
    });
}
