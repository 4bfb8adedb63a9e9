import type { Command } from "commander";
import { Failure } from "../lib/failure";
import { importBackup } from "../transfer";
import { ImportRequest } from "../request";
import { openRepository } from "../repository/open";
import { openFile } from "./open-file";
import type { Context } from "./context";
import type { Options } from "./keys";
import { exampleOf, print, readRequest, requestOption, repositoryOptions, uploadOptions } from "./options";

export function addImport(main: Command, { progress, signal }: Context): void {
  const command = repositoryOptions(main.command("import"), "repository");
  exampleOf(uploadOptions(command), "cbm.tar --repository s3://gis-backups/production")
    .summary("bring in a backup that export wrote")
    .description(
      "Reads a tar that export wrote. The backup appears as REPOSITORY/NAME/ID once every file is there and has its checksum, or not at all.",
    )
    .argument("[file]", 'tar file to read; "-", or none, is standard input')
    .option("--file-mode <mode>", "permissions of the files, in octal (default: 0600)")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (file: string | undefined, options: Options) => {
      const request = await readRequest(ImportRequest, {
        ...options,
        ...(file === undefined ? {} : { file }),
      });
      if (request.file === "-" && (process.stdin.isTTY || options["request"] !== undefined)) {
        throw new Failure(
          "usage",
          "Standard input does not hold a tar. Name the file, or send it in with | or <.",
        );
      }
      const tar = request.file === "-" ? process.stdin : await openFile(request.file);
      const result = await importBackup(openRepository(request, signal), request, tar, progress, signal);
      const what = result.imported ? "is imported" : "existed already, and is complete";
      await print(options, result, [
        `Backup ${result.backupId} ${what}: ${result.location}`,
        ...(result.latest ? [] : ["It is not the latest of its backup name."]),
      ]);
    });
}
