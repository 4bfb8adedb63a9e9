#!/usr/bin/env node
import { text } from "node:stream/consumers";
import { Command, Option } from "commander";
import { z } from "zod";
import { backup } from "./backup";
import { Failure } from "./failure";
import { preflight } from "./preflight";
import { type Progress, progressTo } from "./progress";
import { ready } from "./ready";
import { ArchiveFormat, BackupRequest, PreflightRequest, ReadyRequest } from "./request";

/** Wrong usage, as opposed to a failure of the work itself. */
class UsageError extends Failure {}

const progress: Progress = progressTo((line) => process.stderr.write(`${line}\n`));

function program(signal: AbortSignal): Command {
  const main = new Command("postgis-backup")
    .description("Consistent backups of PostGIS tables that live in a Docker container.")
    .exitOverride()
    .addHelpText(
      "after",
      "\nA password, where the server asks for one, is taken from the environment variable PGPASSWORD.",
    );

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
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (options: Options) => {
      const result = await backup(
        await readRequest(BackupRequest, options, { table: "tables", excludeTable: "excludeTables" }),
        progress,
        signal,
      );
      const lines = [
        `Backup ${result.backupId} is complete: ${result.location}`,
        `Restore it with: ${result.restoreCommand}`,
      ];
      print(options, result, lines);
    });

  serverOptions(main.command("ready"))
    .summary("wait until the server in a container answers")
    .description(
      "Waits until the server answers over TCP and has the database; if PGPASSWORD is set, it becomes the user's password.",
    )
    .option("--timeout <seconds>", "how long to wait (default: 600)", Number)
    .addOption(requestOption())
    .action(async (options: Options) => {
      await ready(await readRequest(ReadyRequest, options), progress, signal);
    });

  main
    .command("preflight")
    .summary("check that a container can be created")
    .description(
      "Checks that the container's name and port are free and that the backup directory can be written.",
    )
    .option("--container <name>", "name that the container would get")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST")
    .option("--owner <label>", "value of the label by which an existing container is known as one's own")
    .option("--host-address <address>", "address of this machine that the port would be published on")
    .option("--port <n>", "port that would be published", Number)
    .option("--backup-directory <path>", "directory that would be mounted")
    .addOption(requestOption())
    .action(async (options: Options) => {
      await preflight(await readRequest(PreflightRequest, options));
    });
  return main;
}

type Options = Readonly<Record<string, unknown>>;

function serverOptions(command: Command): Command {
  return command
    .option("--container <name>", "container that the server runs in")
    .option("--user <role>", "database role (default: postgres)")
    .option("--database <name>", "database (default: postgres)")
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST");
}

function requestOption(): Option {
  return new Option("--request <file>", 'read all options as one JSON object; "-" is standard input').choices(
    ["-"],
  );
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

/** The request from standard input or from options, whose names may differ from the request's. */
async function readRequest<T>(
  schema: z.ZodType<T>,
  options: Options,
  names: Readonly<Record<string, string>> = {},
): Promise<T> {
  const raw: unknown =
    options["request"] === undefined
      ? Object.fromEntries(
          Object.entries(options)
            .filter(([key]) => key !== "json")
            .map(([key, value]) => [names[key] ?? key, value]),
        )
      : parseJson(await text(process.stdin));
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("\n"),
  );
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    throw new UsageError("The request on standard input is not JSON.");
  }
}

/** A request that came as JSON is answered in JSON. */
function print(options: Options, result: object, lines: readonly string[]): void {
  const asJson = options["json"] === true || options["request"] !== undefined;
  process.stdout.write(asJson ? JSON.stringify(result) : `${lines.join("\n")}\n`);
}

async function main(): Promise<number> {
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, () => {
      interrupted.abort(new Failure(`Interrupted by ${name}; no backup was kept from this run.`));
    });
  }
  try {
    await program(interrupted.signal).parseAsync();
    return 0;
  } catch (error) {
    return report(interrupted.signal.aborted ? interrupted.signal.reason : error);
  }
}

function report(error: unknown): number {
  // commander has printed its own message already.
  if (error instanceof Error && "exitCode" in error) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(
    error instanceof Failure ? `error: ${error.message}\n` : `error: ${inspectDefect(error)}\n`,
  );
  return error instanceof UsageError ? 2 : 1;
}

function inspectDefect(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

void main().then((code) => {
  process.exitCode = code;
});
