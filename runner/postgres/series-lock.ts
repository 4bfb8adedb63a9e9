/** One run at a time of each backup. */
import { createHash } from "node:crypto";
import path from "node:path";
import { Failure } from "../failure";
import { isBucketLocation } from "../store/bucket/location";
import { lockRuns } from "./run-lock";
import type { Session } from "./session";

interface Series {
  readonly container: string;
  readonly database: string;
  readonly directory: string;
  readonly name: string;
}

/** Tells this backup from every other; part of names that must be short. Runs with the same key exclude each other. */
export function seriesKey({ container, database, directory, name }: Series): string {
  const place = isBucketLocation(directory)
    ? path.posix.join(directory, name)
    : path.resolve(directory, name);
  const identity = JSON.stringify([container, database, place]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 8);
}

/** Name of all sessions of a run, cut by the server to 63 bytes; sessions without a run are known by it. */
export function applicationName(request: Series): string {
  return `postgis-backup ${seriesKey(request)} ${request.name}`;
}

/** Takes the lock of this backup for this session; the number of sessions of runs that were killed, which are ended. */
export function lockSeries(session: Session, request: Series): Promise<number> {
  const lock = { lock: `postgis-backup ${seriesKey(request)}`, applicationName: applicationName(request) };
  return lockRuns(session, lock, (since) => {
    return new Failure(
      "backup-in-progress",
      `Another run of backup "${request.name}" to the same place is in progress${since}. Wait for it, or use another name.`,
    );
  });
}
