/** One run at a time of each backup. */
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { Failure } from "../lib/failure";
import type { S3Settings } from "../request";
import { parseRepository, s3Url, type S3Location } from "../request/location";
import { lockRuns } from "../postgres/session/run-lock";
import type { Session } from "../postgres/session/session";

interface Series {
  /** Its id: names come and go, and there are several ways to write one. */
  readonly containerId: string;
  readonly database: string;
  readonly repository: string;
  readonly s3?: Pick<S3Settings, "endpoint"> | undefined;
  readonly name: string;
}

/**
 * Tells this backup from every other, however its container and its repository are written; part of names that must be
 * short. Runs with the same key exclude each other.
 */
export async function seriesKey({ containerId, database, repository, s3, name }: Series): Promise<string> {
  const location = parseRepository(repository);
  const place =
    location.kind === "s3"
      ? `${s3Place(location, s3?.endpoint)}/${name}`
      : await realPlace(path.join(location.path, name));
  const identity = JSON.stringify([containerId, database, place]);
  return createHash("sha256").update(identity).digest("hex").slice(0, 8);
}

/** Name of all sessions of a run, cut by the server to 63 bytes; sessions without a run are known by it. */
export function applicationName(key: string, name: string): string {
  return `postgis-backup ${key} ${name}`;
}

/** Takes the lock of this backup for this session; the number of sessions of runs that were killed, which are ended. */
export function lockSeries(session: Session, key: string, name: string): Promise<number> {
  const lock = { lock: `postgis-backup ${key}`, applicationName: applicationName(key, name) };
  return lockRuns(session, lock, (since) => {
    return new Failure(
      "backup-in-progress",
      `Another run of backup "${name}" to the same place is in progress${since}. Wait for it, or use another name.`,
    );
  });
}

/** The same bucket and prefix on two servers are two repositories. */
function s3Place(location: S3Location, endpoint: string | undefined): string {
  const server = endpoint ?? process.env["AWS_ENDPOINT_URL_S3"] ?? process.env["AWS_ENDPOINT_URL"];
  const url = server !== undefined && URL.canParse(server) ? new URL(server).href : (server ?? "");
  return `${url.replace(/\/+$/, "")} ${s3Url(location, location.prefix)}`;
}

/** Without symbolic links; what does not exist yet has none. */
async function realPlace(folder: string): Promise<string> {
  const absolute = path.resolve(folder);
  const parent = path.dirname(absolute);
  return realpath(absolute).catch(async () =>
    parent === absolute ? absolute : path.join(await realPlace(parent), path.basename(absolute)),
  );
}
