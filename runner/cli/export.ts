import type { Command } from "commander";
import { exportBackup, type ExportResult } from "../transfer";
import { Failure } from "../lib/failure";
import { ExportRequest } from "../request";
import { isS3Url } from "../request/location";
import { backupArgument, endsWithId, located } from "./location-argument";
import type { Context } from "./context";
import { processOutput } from "./output";
import type { Options } from "./keys";
import { exampleOf, print, readRequest, requestOption, repositoryOptions } from "./options";
import { formatBytes } from "../lib/format";

export function addExport(main: Command, { progress, signal }: Context): void {
  exampleOf(repositoryOptions(main.command("export")), "./backups/cbm/latest cbm.tar")
    .summary("write a backup as one tar file, to carry it elsewhere")
    .description(
      "Writes a backup as one tar file, checked while it is written, for import or for tar -x. " +
        'To standard output, if FILE is "-" or not given: the result then goes to standard error.',
    )
    .argument("[backup]", backupArgument)
    .argument("[file]", 'tar file to write; one that exists is replaced; "-" is standard output')
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (first: string | undefined, second: string | undefined, options: Options) => {
      const request = await readRequest(ExportRequest, positional(options, first, second));
      if (request.file === "-") processOutput.divertResults();
      if (request.file === "-" && process.stdout.isTTY) {
        throw new Failure("usage", "A tar is not for the terminal. Name a file, or send it on with | or >.");
      }
      const result = await exportBackup(request, process.stdout, progress, signal);
      await print(options, result, [describe(result)]);
    });
}

/** A single argument that does not name a backup is the file. */
function positional(options: Options, first: string | undefined, second: string | undefined): Options {
  if (first !== undefined && second === undefined && !isS3Url(first) && !endsWithId(first))
    return { ...options, file: first };
  return { ...located(options, first), ...(second === undefined ? {} : { file: second }) };
}

function describe({ backupId, file, files, sizeBytes }: ExportResult): string {
  const where = file === "-" ? "" : `: ${file}`;
  return `Backup ${backupId} is exported, ${files} files, ${formatBytes(sizeBytes)}${where}`;
}
