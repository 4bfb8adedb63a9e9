import type { Command } from "commander";
import ms from "ms";
import { formatBytes } from "../lib/format";
import { list } from "../prune";
import { openRepository } from "../repository/open";
import { StatusRequest } from "../request";
import { isOlder, statusOf, type Status } from "../status";
import { columns } from "./columns";
import type { Context } from "./context";
import type { Options } from "./keys";
import { inRepository } from "./location-argument";
import { agentModule } from "./modules";
import { exampleOf, print, readRequest, repositoryOptions } from "./options";

/** Exit status of a run that did its work and found something overdue, as monitoring expects it. */
const overdueStatus = 1;

export function addStatus(main: Command, { signal }: Context): void {
  exampleOf(repositoryOptions(main.command("status")), "./backups --max-age 26h")
    .summary("tell how old the newest good backups are")
    .description(
      "Shows, for each backup name and database, the newest good backup, when it was verified and restored in a test, and what is wrong. " +
        "With --agent, for each job, and when it is due. Ends with exit status 1 if something is overdue.",
    )
    .option("--agent <file>", "configuration of an agent, whose jobs are meant, instead of a repository")
    .option(
      "--max-age <duration>",
      "a newest good backup that is older than this is overdue, such as 26h or 8d",
    )
    .option("--json", "print the result as one JSON object")
    .argument("[location]", "REPOSITORY, instead of --repository")
    .action(async (location: string | undefined, options: Options) => {
      const { agent, ...others } = options as Options & { agent?: string };
      const request = await readRequest(
        StatusRequest,
        agent === undefined ? inRepository(others, location) : { agent, ...others },
      );
      const now = new Date();
      const found =
        request.agent === undefined
          ? await inOneRepository(request, signal)
          : await agentModule().overdueJobs(request.agent, now, signal);
      const overdue = (one: Found) =>
        one.overdue || (request.maxAge !== undefined && isOlder(one.status, request.maxAge, now));
      const statuses = found.map((one) => ({ ...one.status, next: one.next, overdue: overdue(one) }));
      const rows = statuses.map((status) => row(status, now));
      const lines = rows.length === 0 ? ["There are no backups."] : columns([titles, ...rows], [3, 4, 5]);
      await print(options, { statuses }, lines, "Nothing was changed.");
      if (rows.length === 0 || statuses.some((status) => status.overdue)) process.exitCode = overdueStatus;
    });
}

interface Found {
  readonly status: Status;
  readonly next?: Date | undefined;
  readonly overdue: boolean;
}

async function inOneRepository(request: StatusRequest, signal: AbortSignal): Promise<Found[]> {
  const { repository = "", s3, name } = request;
  const backups = await list(openRepository({ repository, s3 }, signal), { repository, name });
  return statusOf(backups, new Date()).map((status) => ({ status, overdue: status.newest === undefined }));
}

const titles = "NAME DATABASE NEWEST AGE SIZE GROWTH VERIFIED RESTORED NEXT NOTE".split(" ");

function row(
  { overdue, next, ...status }: Status & { overdue: boolean; next: Date | undefined },
  now: Date,
): string[] {
  const { name, database, newest, verifiedAt, restoreTestedAt, restoreTestFailed, bad } = status;
  const ago = (time: Date | undefined) =>
    time === undefined ? "never" : ms(Math.max(0, now.getTime() - time.getTime()));
  const notes = [
    ...(overdue ? ["OVERDUE"] : []),
    ...(restoreTestFailed ? ["RESTORE TEST FAILED"] : []),
    ...(bad.length === 0
      ? []
      : [`${bad.length} BAD: ${bad.slice(0, 3).join(", ")}${bad.length > 3 ? " …" : ""}`]),
  ];
  const growth = newest?.growthBytes;
  return [
    name,
    database ?? "?",
    newest?.id ?? "none",
    newest === undefined ? "" : ago(newest.startedAt),
    newest === undefined ? "" : formatBytes(newest.bytes),
    growth === undefined ? "" : `${growth < 0 ? "-" : "+"}${formatBytes(Math.abs(growth))}`,
    ago(verifiedAt),
    ago(restoreTestedAt),
    next === undefined ? "" : `in ${ms(next.getTime() - now.getTime())}`,
    notes.join(", "),
  ];
}
