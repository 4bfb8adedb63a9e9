import os from "node:os";

/** A server has others to serve too, however many CPUs this machine has. */
const mostByDefault = 4;

/** Parallel workers of pg_dump or pg_restore: as many as are asked for, else as many as there are CPUs. */
export function chooseJobs(asked: number | undefined): number {
  return asked ?? Math.min(os.availableParallelism(), mostByDefault);
}
