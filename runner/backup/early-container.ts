/** A container that reads the archive as soon as it is written, because it started while `pg_dump` ran. */
import { startMountedContainer, archiveIn, checkContents } from "../verify";
import type { Run } from "./run";
import type { Description } from "./describe-backup";

export interface EarlyContainer {
  /** Whether the archive was read to its end; false where the verification has to see to that itself. Fails as that does. */
  check(description: Description): Promise<boolean>;
  /** Ends and removes it; can be repeated. */
  close(): Promise<void>;
}

/** To be called when there is something in the folder of the backup. */
export function startEarlyContainer({
  request,
  format,
  container,
  target,
  writer,
  progress,
  signal,
}: Run): EarlyContainer {
  const { docker } = target;
  const isOfUse = request.verify === "archive" && format !== "plain";
  const options = { image: container.Image, files: writer.files };
  const started = isOfUse ? startMountedContainer(docker, options, signal) : Promise.resolve(undefined);
  // What is wrong is said where it is awaited, if it is.
  const settled = started.catch(() => undefined);
  return {
    async check(description) {
      const reader = await started;
      if (reader === undefined) return false;
      progress.note("Reading the backup to its end.");
      await checkContents(docker, reader, archiveIn(reader, description), description, signal);
      return true;
    },
    close: async () => (await settled)?.close(),
  };
}
