import type { Command } from "commander";
import { exportBackup, type ExportResult } from "../export";
import { Failure } from "../failure";
import { formatBytes } from "../progress";
import { ExportRequest } from "../request";
import { backupTime } from "../store/folder";
import { openStore } from "../store/open-store";
import type { Context } from "./context";
import { answersInJson, type Options, print, readRequest, requestOption, seriesOptions } from "./options";

export function addExport(main: Command, { progress, signal }: Context): void {
  seriesOptions(main.command("export"))
    .summary("write a backup as one tar file, to carry it elsewhere")
    .description(
      "Writes a backup as one tar file, checked while it is written, for import or for tar -x. " +
        'To standard output, if FILE is "-" or not given: the result then goes to standard error.',
    )
    .argument("[id]", 'id of the backup, or "latest" (default: latest)')
    .argument("[file]", 'tar file to write; one that exists is replaced; "-" is standard output')
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (first: string | undefined, second: string | undefined, options: Options) => {
      const request = await readRequest(ExportRequest, { ...options, ...positional(first, second) });
      if (request.file === "-" && process.stdout.isTTY) {
        throw new Failure("usage", "A tar is not for the terminal. Name a file, or send it on with | or >.");
      }
      const store = openStore(request, signal);
      const result = await exportBackup(store, request, process.stdout, progress, signal);
      if (request.file !== "-") print(options, result, [describe(result)]);
      else progress.note(answersInJson(options) ? JSON.stringify(result) : describe(result));
    });
}

/** A single argument that is no id is the file. */
function positional(
  first: string | undefined,
  second: string | undefined,
): { backup?: string; file?: string } {
  if (first === undefined) return {};
  if (second !== undefined) return { backup: first, file: second };
  return first === "latest" || backupTime(first) !== undefined ? { backup: first } : { file: first };
}

function describe({ backupId, file, files, sizeBytes }: ExportResult): string {
  const where = file === "-" ? "" : `: ${file}`;
  return `Backup ${backupId} is exported, ${files} files, ${formatBytes(sizeBytes)}${where}`;
}
