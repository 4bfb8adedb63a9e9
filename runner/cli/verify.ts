import { type Command, Option } from "commander";
import { Attempts } from "../lib/failure";
import { VerifyRequest, type VerifyResult } from "../request";
import { verify } from "../verify";
import { alarmOption, endWithAlarms } from "./alarms";
import { backupArgument, located } from "./location-argument";
import type { Context } from "./context";
import type { Options } from "./keys";
import { checksumOption, exampleOf, print, readRequest, requestOption, repositoryOptions } from "./options";
import { FailedWithResult } from "./failures";

export function addVerify(main: Command, { progress, signal }: Context): void {
  const command = checksumOption(repositoryOptions(main.command("verify")));
  exampleOf(alarmOption(command), "./backups/cbm/latest --level restore")
    .summary("prove that a backup can be restored")
    .description(
      "Reads a backup back, and, with --level restore, restores it in a throwaway container and compares the " +
        "result with what was backed up. What it finds is recorded beside the backup, where list reads it.",
    )
    .argument("[backup]", backupArgument)
    .option("--all", "verify every backup of the backup name")
    .addOption(
      new Option(
        "--level <level>",
        "archive: checksums, and the archive read to its end; restore: a restore and a comparison too (default: archive)",
      ).choices(VerifyRequest.shape.level.unwrap().options),
    )
    .option(
      "--image <image>",
      "image of the throwaway container (default: the one that the backup was taken with, if it is there)",
    )
    .option("--docker-host <url>", "Docker daemon, as in DOCKER_HOST")
    .option("--json", "print the result as one JSON object")
    .addOption(requestOption())
    .action(async (backup: string | undefined, options: Options) => {
      const request = await readRequest(VerifyRequest, located(options, backup));
      const { result, failures } = await verify(request, progress, signal);
      if (failures.length > 0 && options["json"] === true) throw new FailedWithResult(failures, result);
      const lines = result.backups.map(inWords);
      const attempts = new Attempts();
      for (const failure of failures) attempts.add(failure);
      await attempts.run(() => print(options, result, lines, lines.join("; ")));
      attempts.end();
      const unrecorded = result.backups.filter(({ recorded }) => !recorded);
      endWithAlarms(
        options,
        unrecorded.map(({ location }) => location),
      );
    });
}

function inWords({ backupId, level, seconds, error }: VerifyResult["backups"][number]): string {
  return error === undefined
    ? `${backupId}: verified (${level}) in ${seconds} s`
    : `${backupId}: failed (${error.code})`;
}
