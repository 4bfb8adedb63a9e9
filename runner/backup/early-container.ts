/** A container that reads the archive once it is written, and that starts while `pg_dump` runs. */
import { type BackupContainer, startMountedContainer } from "../docker/backup-container";
import type { Run } from "./run";

export interface EarlyContainer {
  /** Undefined where the verification has to start one itself. */
  ready(): Promise<BackupContainer | undefined>;
  /** Ends and removes it; can be repeated. */
  close(): Promise<void>;
}

/** To be called when there is something in the folder of the backup. */
export function startEarlyContainer({
  request,
  format,
  container,
  target,
  draft,
  signal,
}: Run): EarlyContainer {
  const isOfUse = request.verify === "archive" && format !== "plain";
  const options = { image: container.Image, files: draft.stored };
  const started = isOfUse
    ? startMountedContainer(target.docker, options, signal)
    : Promise.resolve(undefined);
  // What is wrong is said where it is awaited, if it is.
  const settled = started.catch(() => undefined);
  return {
    ready: () => started,
    close: async () => (await settled)?.close(),
  };
}
