import { createWriteStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { pathInContainer } from "../docker/container";
import { Failure } from "../lib/failure";
import type { BackupRequest } from "../request";
import { abandonBackup } from "../repository/folder/abandon";
import { checkSpace, checkWritable } from "../repository/folder/space";
import { bytesBelow, sealFiles, writeDurably } from "../repository/files";
import { beginBackup, type PendingBackup, publishBackup } from "../repository/folder/folder";
import { filesIn } from "../repository/folder/files";
import { checkLatest } from "../repository/folder/latest";
import { folderStore } from "../repository/folder/folder-repository";
import { openToReaders } from "../repository/folder/modes";
import { greaterThan } from "../repository/newest";
import { sealBackup } from "../repository/checksums";
import { type Destination, type Draft, findEarlier, type Found, type IsTaken } from "./destination";
import { manifestFile } from "../repository/layout";

/** A folder of this machine. */
export function folderDestination(folder: string, request: BackupRequest, isTaken: IsTaken): Destination {
  const { name, format = "directory" } = request;
  const series = path.resolve(folder, name);
  const store = folderStore(folder);
  const none: Found = { newest: undefined, ids: [] };
  let found = none;
  return {
    store,
    format: "directory",
    async survey() {
      await checkWritable(series);
      await checkLatest(series);
      // Whether there should be one that can be read is none of this run's business.
      found = await findEarlier(store, name).catch(() => none);
      return found.newest;
    },
    checkContainer(container) {
      if (format === "directory" && pathInContainer(container, series) === undefined)
        throw notMounted(request, series);
    },
    checkSpace: (bytes) => checkSpace(series, bytes),
    async begin({ key }) {
      const pending = await beginBackup(folder, name, key, isTaken);
      return draftIn(pending, request, greaterThan(pending.id, found.ids));
    },
  };
}

function draftIn(pending: PendingBackup, { fileMode }: BackupRequest, newerThan: readonly string[]): Draft {
  const { id, startedAt, workPath, finalPath } = pending;
  return {
    id,
    startedAt,
    newerThan,
    stored: filesIn(workPath),
    write: (file, content) => writeDurably(path.join(workPath, file), content),
    archive: (file) => ({
      receive: (archive) => pipeline(archive, createWriteStream(path.join(workPath, file))),
    }),
    bytes: () => bytesBelow(workPath),
    files(progress) {
      progress.note("Reading the files back for their checksums.");
      return sealFiles(workPath);
    },
    async publish(manifest, { progress, signal }) {
      await sealBackup(workPath, manifest);
      signal.throwIfAborted();
      await openToReaders(workPath, Number.parseInt(fileMode, 8));
      const notes = [...pending.notes, ...(await publishBackup(pending))];
      for (const note of notes) progress.note(`warning: ${note}`);
      return { location: finalPath, manifest: path.join(finalPath, manifestFile) };
    },
    abandon: (error) => abandonBackup(pending, error),
  };
}

export function notMounted({ container }: BackupRequest, folder: string): Failure {
  return new Failure(
    "directory-not-mounted",
    `Container "${container}" has no writable mount of ${folder}, and pg_dump writes the directory format inside the container. ` +
      "Mount that folder into it, or take --format custom, which is streamed out.",
  );
}
