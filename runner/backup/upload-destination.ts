/** A folder first, and then, when the backup is complete and verified there, a bucket. */
import path from "node:path";
import { quote } from "shell-quote";
import { Attempts, Failure } from "../lib/failure";
import type { BackupRequest } from "../request";
import { s3Options } from "./restore-command";
import { greaterThan } from "../repository/newest";
import { openStore } from "../repository/open";
import type { Store } from "../repository/repository";
import { type Destination, type Draft, findEarlier, type Found, type Place } from "./destination";
import { folderDestination } from "./folder-destination";
import { uploadDraft } from "./upload";

type UploadRequest = BackupRequest & { readonly uploadTo: string };

export function uploadDestination(request: UploadRequest, signal: AbortSignal): Destination {
  const { uploadTo: directory, name, s3, keepLocal } = request;
  const store = openStore({ directory, s3 }, signal);
  const local = folderDestination(request, (id) => store.isTaken(name, id));
  let found: Found = { newest: undefined, ids: [] };
  return {
    ...local,
    stores: [store, ...(keepLocal ? local.stores : [])],
    async survey() {
      const attempts = new Attempts();
      found = (await attempts.run(() => findEarlier(store, name))) ?? found;
      const lastLocal = await attempts.run(() => local.survey());
      attempts.end();
      return found.newest ?? lastLocal;
    },
    async begin(expected) {
      const draft = await local.begin(expected);
      const newerThan = [...new Set([...draft.newerThan, ...greaterThan(draft.id, found.ids)])];
      return uploaded({ ...draft, newerThan }, store, request);
    },
  };
}

/** The draft in the folder, published in the bucket too, or there alone. */
function uploaded(draft: Draft, store: Store, request: UploadRequest): Draft {
  const { keepLocal } = request;
  return {
    ...draft,
    async publish(manifest, publication) {
      let place: Place;
      try {
        place = await uploadDraft(draft, store, manifest, publication);
      } catch (error) {
        publication.signal.throwIfAborted();
        if (!keepLocal) throw error;
        const { location } = await draft.publish(manifest, publication);
        throw notUploaded(error, location, request);
      }
      if (keepLocal) {
        const { location } = await draft.publish(manifest, publication);
        return { ...place, localLocation: location };
      }
      // The next run removes what could not be removed.
      await draft.abandon(undefined);
      return place;
    },
  };
}

function notUploaded(reason: unknown, location: string, request: UploadRequest): Failure {
  const { directory, name, uploadTo, s3 } = request;
  const from = ["--directory", path.resolve(directory), "--name", name];
  const send = quote(["postgis-backup", "export", path.basename(location), ...from]);
  const receive = quote(["postgis-backup", "import", "-", "--directory", uploadTo, ...s3Options(s3)]);
  const why = reason instanceof Error ? reason.message : String(reason);
  return new Failure(
    "upload-failed",
    `The backup is complete in ${location}, but did not get to ${uploadTo}: ${why} Send it there later: ${send} | ${receive}`,
  );
}
