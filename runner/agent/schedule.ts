/** When the runs of a schedule are due. Daylight saving is as croner has it: https://croner.56k.guru/usage/basics/ */
import { createHash } from "node:crypto";
import { Cron } from "croner";
import { milliseconds } from "../request";

export interface Schedule {
  /** The last due time that is not after `time`; undefined if there was none. */
  readonly last: (time: Date) => Date | undefined;
  /** The first due time after `time`; undefined if there is none. */
  readonly next: (time: Date) => Date | undefined;
}

/** A run starts `delay` milliseconds after the time in its cron line, and counts as due only then. */
export function schedule(line: string, timeZone: string, delay = 0): Schedule {
  const cron = new Cron(line, { mode: "5-or-6-parts", timezone: timeZone, paused: true });
  const moved = (time: Date, by: number) => new Date(time.getTime() + by);
  return {
    last(time) {
      // croner leaves out the reference itself.
      const reference = moved(time, 1 - delay);
      const due = cron.previousRuns(1, reference)[0];
      return due === undefined ? undefined : moved(due, delay);
    },
    next(time) {
      const due = cron.nextRun(moved(time, -delay));
      return due === null ? undefined : moved(due, delay);
    },
  };
}

/** A job's own share of the jitter, in milliseconds: always the same, so that a restarted agent neither repeats nor skips a run. */
export function jitterOf(job: string, jitter: string | undefined): number {
  if (jitter === undefined) return 0;
  const share = createHash("sha256").update(job).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor((share * milliseconds(jitter)) / 1000) * 1000;
}
