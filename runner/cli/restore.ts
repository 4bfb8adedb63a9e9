import { type Command, InvalidArgumentError, Option } from "commander";
import {
  Connections,
  IfExists,
  MissingRoles,
  RestoreRequest,
  type RestoreResult,
  TableTriggers,
} from "../request";
import { restore } from "../restore";
import { backupArgument, located } from "./location-argument";
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
} from "./options";

export function addRestore(main: Command, { progress, signal }: Context): void {
  exampleOf(
    repositoryOptions(serverOptions(main.command("restore"))),
    "./backups/cbm/latest --container pg --database gis",
  )
    .summary("bring tables of a backup into a database")
    .description(
      "Restores tables of a backup into the same or another database, new or in use. They are loaded, beside tables that are there, " +
        "and compared with what was backed up: all of them are restored, or nothing changes.",
    )
    .argument("[backup]", backupArgument)
    .option("--table <name>", "table, schema.table or a pattern (default: all); repeat for more", collect)
    .option("--exclude-table <name>", "leave this table or pattern out; repeat for more", collect)
    .option(
      "--schema <from=to>",
      "restore the tables of a schema into another one; repeat for more",
      collectPair,
    )
    .addOption(
      new Option(
        "--if-exists <action>",
        "where a table exists: fail; replace it; swap: keep the old one in another schema; skip, if all exist (default: fail)",
      ).choices(Object.values(IfExists)),
    )
    .addOption(
      new Option(
        "--connections <action>",
        "sessions in a database that a whole one takes the place of: fail; end them (default: fail)",
      ).choices(Object.values(Connections)),
    )
    .addOption(new Option("--data-only", "fill tables that exist").implies({ content: "data" }))
    .addOption(
      new Option("--schema-only", "restore tables without rows")
        .implies({ content: "schema" })
        .conflicts("dataOnly"),
    )
    .addOption(
      new Option("--missing-roles <action>", "roles that the server lacks (default: fail)").choices(
        Object.values(MissingRoles),
      ),
    )
    .addOption(
      new Option(
        "--table-triggers <action>",
        "with --data-only, triggers of the tables: fire, as with pg_restore; disable them meanwhile (default: fire)",
      ).choices(Object.values(TableTriggers)),
    )
    .option("--jobs <n>", "parallel pg_restore workers (default: CPUs, at most 4)", toNumber)
    .option(
      "--split-tables-from <bytes>",
      "tables of at least this size are loaded by several workers at once (default: 512 MiB; 0: never)",
      toNumber,
    )
    .option(
      "--lock-timeout <seconds>",
      "how long the last step waits for a locked table (default: 60)",
      toNumber,
    )
    .option(
      "--image <image>",
      "image with a pg_restore that reads the archive, where the container's own cannot (default: the one that the backup was taken with, if it is there)",
    )
    .option(
      "--create-database",
      "create the database, if it does not exist, with the encoding and the locale of the backup's; a failed restore removes it again",
    )
    .option("--dry-run", "only look for what would keep the backup from being restored")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (backup: string | undefined, options: Options) => {
      const request = await readRequest(RestoreRequest, located(options, backup));
      const result = await restore(request, progress, signal);
      await print(options, result, inWords(result, request.dryRun));
    });
}

function collectPair(value: string, previous: Record<string, string> = {}): Record<string, string> {
  const [, from, to] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
  if (from === undefined || to === undefined) throw new InvalidArgumentError("Write FROM=TO.");
  return { ...previous, [from]: to };
}

function inWords(result: RestoreResult, dryRun: boolean): string[] {
  const { backupId, database, tables, tableCount, rows, seconds, restored, swappedInto, notes } = result;
  const what = `${tableCount} tables, ${rows} rows, of backup ${backupId}`;
  const told = dryRun
    ? `Nothing keeps this from being restored into ${database}: ${what}.`
    : restored
      ? `Restored into ${database} in ${seconds} s: ${what}.`
      : `All of these tables exist in ${database}; nothing was done.`;
  return [
    told,
    ...tables,
    ...swappedInto.map((schema) => `The tables that were there before are in schema ${schema}.`),
    ...notes,
  ];
}
