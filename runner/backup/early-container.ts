/** A container that reads the archive as soon as it is written, because it started while `pg_dump` ran. */
import { startMountedContainer } from "../docker/backup-container";
import { archiveIn, checkContents } from "../verification";
import type { Run } from "./run";

export interface EarlyContainer {
  /** Whether the archive was read to its end; false where the verification has to see to that itself. Fails as that does. */
  check(manifest: Parameters<typeof checkContents>[3]): Promise<boolean>;
  /** Ends and removes it; can be repeated. */
  close(): Promise<void>;
}

/** To be called when there is something in the folder of the backup. */
export function startEarlyContainer(run: Run): EarlyContainer {
  const { request, format, container, target, draft, signal } = run;
  const { docker } = target;
  const isOfUse = request.verify === "archive" && format !== "plain";
  const options = { image: container.Image, files: draft.stored };
  const started = isOfUse ? startMountedContainer(docker, options, signal) : Promise.resolve(undefined);
  // What is wrong is said where it is awaited, if it is.
  const settled = started.catch(() => undefined);
  return {
    async check(manifest) {
      const reader = await started;
      if (reader === undefined) return false;
      await checkContents(docker, reader, archiveIn(reader, run), manifest, signal);
      return true;
    },
    close: async () => (await settled)?.close(),
  };
}
