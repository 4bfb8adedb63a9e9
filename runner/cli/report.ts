import { readFile } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { Failure } from "../lib/failure";
import { isErrno } from "../lib/files";
import { list } from "../prune";
import { openRepository } from "../repository/open";
import { ReportRequest } from "../request";
import { writeNewFile } from "../transfer";
import type { Context } from "./context";
import type { Options } from "./keys";
import { reportModule } from "./modules";
import { exampleOf, print, readRequest, repositoryOptions, retentionOptions } from "./options";
import { processOutput } from "./output";

const usualFile = "report.html";

export function addReport(main: Command, { progress, signal }: Context): void {
  const command = retentionOptions(repositoryOptions(main.command("report"), "repository"));
  exampleOf(command, "--repository ./backups --keep-daily 7 --keep-weekly 4 --output backups.html")
    .summary("write a page that shows the backups in a repository")
    .description(
      "Writes one HTML page about the backups of one backup name or of all: whether the last is good, what needs somebody, and how sizes, " +
        "rows and durations came to be. With rules, it shows what prune would remove. The page needs no network, and nobody but you can read the file.",
    )
    .option(
      "--output <file>",
      `file to write, which is replaced; "-" is standard output (default: ${usualFile}, unless that is no report)`,
    )
    .action(async (options: Options) => {
      const request = await readRequest(ReportRequest, options);
      const { output = usualFile } = request;
      const { report, isReport } = reportModule();
      if (request.output === undefined) await failUnlessReport(output, isReport);
      const repository = openRepository(request, signal);
      const backups = await list(repository, request);
      const { location } = repository;
      const { page, verdict } = report({ location, backups, retention: request.retention, now: new Date() });
      if (output === "-") {
        await processOutput.result(page, "Nothing was changed.");
        progress.note(verdict);
        return;
      }
      await writeNewFile(output, Buffer.byteLength(page), (destination) =>
        pipeline(Readable.from([page]), destination),
      );
      await print(options, {}, [verdict, `The report is in ${path.resolve(output)}`]);
    });
}

/** A file that the user did not name is replaced only if this program wrote it. */
async function failUnlessReport(file: string, isReport: (source: string) => boolean): Promise<void> {
  const source = await readFile(file, "utf8").catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  });
  if (source === undefined || isReport(source)) return;
  throw new Failure(
    "usage",
    `There is a ${file} already, and it is not a report. Name the file to write with --output; a file that is named is replaced.`,
  );
}
