import { type Command, Option } from "commander";
import { backup, checkBackup } from "../backup";
import {
  ArchiveFormat,
  BackupRequest,
  Globals,
  MissingReferences,
  NotCarried,
  VerifyLevel,
} from "../request";
import { alarmOption, endWithAlarms } from "./alarms";
import type { Context } from "./context";
import type { Options } from "./keys";
import {
  exampleOf,
  collect,
  print,
  readRequest,
  requestOption,
  retentionOptions,
  repositoryOptions,
  serverOptions,
  uploadOptions,
  toNumber,
} from "./options";
import { formatBytes } from "../lib/format";

export function addBackup(main: Command, { progress, signal }: Context): void {
  const command = repositoryOptions(serverOptions(main.command("backup")), "repository", "name");
  exampleOf(
    alarmOption(uploadOptions(retentionOptions(command))),
    "--container pg --repository ./backups --name cbm --table parcel_set --table roi2020_S2_signatures",
  )
    .summary("back up tables to a folder or a bucket")
    .description(
      "Backs up tables with pg_dump inside the container, all from one snapshot, with exact row counts, fingerprints and checksums. " +
        "The backup appears as REPOSITORY/NAME/ID, complete, or not at all.",
    )
    .option(
      "--table <name>",
      "table, schema.table or a pattern with * and ?; case-sensitive; repeat for more (this or --all is required)",
      collect,
    )
    .option(
      "--all",
      "back up the whole database instead of tables: views, functions, large objects and all else that pg_dump dumps of it",
    )
    .option(
      "--exclude-table-data <name>",
      "with --all: back up this table or pattern without its rows; repeat for more",
      collect,
    )
    .addOption(
      new Option(
        "--globals <what>",
        "with --all: the roles of the server too, with the hashes of their passwords or without",
      ).choices(Object.values(Globals)),
    )
    .option("--exclude-schema <name>", "with --all: leave this schema out; repeat for more", collect)
    .option("--exclude-table <name>", "leave this table or pattern out; repeat for more", collect)
    .option(
      "--copy <repository>",
      "another repository to copy the complete and verified backup to; repeat for more",
      collect,
    )
    .option(
      "--work-directory <folder>",
      "folder to write and verify a backup in before it is uploaded to S3; it is removed there afterwards",
    )
    .addOption(
      new Option(
        "--format <format>",
        "archive format (default: directory, or custom where it is streamed to S3)",
      ).choices(Object.values(ArchiveFormat)),
    )
    .option(
      "--jobs <n>",
      "parallel pg_dump workers, directory format only (default: CPUs, at most 4)",
      toNumber,
    )
    .option(
      "--split-tables-from <bytes>",
      "tables of this size are dumped by all of three or more workers together; 0 for none (default: 536870912, 512 MiB)",
      toNumber,
    )
    .option(
      "--compression <method>",
      "zstd:1, gzip:6, lz4, none (default: zstd:1, or gzip:1 below PostgreSQL 16)",
    )
    .option(
      "--full-every <duration>",
      "how long rows that did not change are shared with earlier backups before they are dumped anew, such as 7d; " +
        "directory format only (default: all rows are dumped each time)",
    )
    .option("--full", "dump all rows this time, whatever --full-every says")
    .addOption(
      new Option(
        "--missing-references <policy>",
        "foreign keys to tables that are not selected: fail, include the tables, or ignore the keys (default: fail)",
      ).choices(Object.values(MissingReferences)),
    )
    .option(
      "--accept <kind>",
      `leave out content that no dump of tables holds: ${Object.values(NotCarried).join(", ")}; repeat for more`,
      collect,
    )
    .option(
      "--logical-foreign-key <key>",
      "foreign key that the database does not declare, as 'child.column -> parent.column'; its orphans are counted; repeat for more",
      collect,
    )
    .option(
      "--max-orphans <n>",
      "fail when a logical foreign key has more orphans than this (default: no limit)",
      toNumber,
    )
    .option("--lock-timeout <seconds>", "how long to wait for a locked table (default: 60)", toNumber)
    .addOption(
      new Option("--verify <level>", "what to prove of the archive (default: archive)").choices(
        Object.values(VerifyLevel),
      ),
    )
    .option("--file-mode <mode>", "permissions of the files, in octal (default: 0600)")
    .option("--dry-run", "only look for what would keep the backup from being taken")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const request = await readRequest(BackupRequest, options);
      if (request.dryRun) {
        const plan = await checkBackup(request, progress, signal);
        await print(options, plan, [
          `Nothing keeps this backup from being taken: ${plan.tableCount} tables, ${formatBytes(plan.databaseBytes)} in the database, ` +
            `about ${formatBytes(plan.estimatedBytes)} as a backup.`,
          ...plan.tables,
        ]);
        return;
      }
      const result = await backup(request, progress, signal);
      await print(options, result, [
        `Backup ${result.backupId} is complete: ${result.location}`,
        ...result.copies.map(({ location }) => `A copy is in ${location}`),
        `Restore it with: ${result.restoreCommand}`,
        ...(result.pruned.length > 0 ? [`Earlier backups removed: ${result.pruned.join(", ")}`] : []),
      ]);
      endWithAlarms(options, result.alarm === undefined ? [] : [result.alarm]);
    });
}
