/** What a run found that somebody should look at, although it did what it was asked for. */
import type { Command } from "commander";
import type { Options } from "./keys";

/** Exit status of a run that did its work and raised an alarm. */
const alarmStatus = 3;

export function alarmOption(command: Command): Command {
  return command.option(
    "--fail-on-alarm",
    `end with exit status ${alarmStatus}, after the result, if there is a warning that somebody should look at`,
  );
}

/** To be called when the result is printed. */
export function endWithAlarms({ failOnAlarm }: Options, alarms: readonly string[]): void {
  if (failOnAlarm === true && alarms.length > 0) process.exitCode = alarmStatus;
}
