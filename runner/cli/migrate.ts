import { type Command, Option } from "commander";
import { migrate, removeOldServer } from "../migrate";
import {
  ArchiveFormat,
  MigrateRequest,
  type MigrateResult,
  RemoveOldRequest,
  MissingRoles,
} from "../request";
import type { Context } from "./context";
import type { Options } from "./keys";
import {
  exampleOf,
  collect,
  print,
  readRequest,
  requestOption,
  repositoryOptions,
  serverOptions,
  toNumber,
  uploadOptions,
} from "./options";

export function addMigrate(main: Command, { progress, signal }: Context): void {
  const command = repositoryOptions(serverOptions(main.command("migrate")), "repository", "name");
  exampleOf(
    newServerOptions(uploadOptions(command)),
    "--container pg15 --to-container pg17 --repository ./backups --name upgrade",
  )
    .summary("move a server's tables, or a whole database, and its published port to a new server")
    .description(
      "Backs up all tables of a database, or all of it, restores them into a new server, compares, and gives the new server's container the port " +
        "of the old one's, which is stopped and kept. Writers wait meanwhile. What fails leaves the old server on its port.",
    )
    .option(
      "--all",
      "move the whole database, in the place of the new server's: views, functions, large objects and all else that pg_dump dumps of it",
    )
    .option("--exclude-table <name>", "table, view or pattern that stays behind; repeat for more", collect)
    .option("--exclude-database <name>", "database that stays behind; repeat for more", collect)
    .option(
      "--leave-behind <what>",
      "what else stays behind, as the error names it, such as 'view public.seen' or 'server setting *'; repeat for more",
      collect,
    )
    .option(
      "--logical-foreign-key <key>",
      "foreign key that the database does not declare, as 'child.column -> parent.column'; its orphans are compared; repeat for more",
      collect,
    )
    .addOption(
      new Option("--format <format>", "archive format (default: custom)").choices(
        Object.values(ArchiveFormat),
      ),
    )
    .addOption(
      new Option("--missing-roles <action>", "owners that the new server lacks (default: fail)").choices(
        Object.values(MissingRoles),
      ),
    )
    .option("--jobs <n>", "parallel workers (default: CPUs, at most 4)", toNumber)
    .option(
      "--lock-timeout <seconds>",
      "how long to wait for transactions that write (default: 60)",
      toNumber,
    )
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const result = await migrate(await readRequest(MigrateRequest, options), progress, signal);
      await print(options, result, inWords(result));
    });
}

export function addRemoveOld(main: Command, { signal }: Context): void {
  exampleOf(
    newServerOptions(main.command("remove-old")),
    "--container pg15 --to-container pg17 --remove-data",
  )
    .summary("remove the old server's container after a migration")
    .description(
      "Removes the old server's container after its tables were migrated; its data only with --remove-data.",
    )
    .option("--container <name>", "the old server's container (required)")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST")
    .option("--remove-data", "remove the volume with its data too")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const result = await removeOldServer(await readRequest(RemoveOldRequest, options), signal);
      const { removed } = result;
      await print(options, result, [
        removed.length === 0 ? "There is nothing left to remove." : `Removed: ${removed.join(", ")}`,
      ]);
    });
}

function newServerOptions(command: Command): Command {
  return command
    .option("--to-container <name>", "container that the new server runs in (required)")
    .option("--to-user <role>", "role of the new server (default: postgres)")
    .option("--to-database <name>", "database of the new server (default: postgres)");
}

function inWords({ backupId, location, tables, tableCount, rows, notes }: MigrateResult): string[] {
  return [
    `Migrated ${tableCount} tables, ${rows} rows, by backup ${backupId}: ${location}`,
    ...tables,
    ...notes,
  ];
}
