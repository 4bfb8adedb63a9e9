import { Attempts } from "../lib/failure";
import type { BackupRequest } from "../request";
import { greaterThan } from "../repository/newest";
import { openStore } from "../repository/open";
import type { Store } from "../repository/repository";
import { copyFilesTo } from "../transfer";
import { bucketDestination } from "./bucket-destination";
import { type Destination, type Draft, findEarlier, type Found, type IsTaken } from "./destination";
import { folderDestination } from "./folder-destination";

/** Where a request wants its backup, under an id that is free in the repositories of the copies too. */
export function openDestination(
  request: BackupRequest,
  copies: readonly Store[],
  signal: AbortSignal,
): Destination {
  const { name, workDirectory } = request;
  const store = openStore(request, signal);
  const isTaken: IsTaken = async (id) => {
    for (const copy of copies) if (await copy.isTaken(name, id)) return true;
    return false;
  };
  const destination =
    workDirectory !== undefined
      ? workDestination(workDirectory, request, store, isTaken)
      : store.folder(name, "") === undefined
        ? bucketDestination(request, store, isTaken)
        : folderDestination(store.location, request, isTaken);
  return copies.length === 0 ? destination : knowingCopies(destination, copies, name);
}

/** The repositories of the copies are looked at before anything is written, and what is in them is earlier than the backup. */
function knowingCopies(destination: Destination, copies: readonly Store[], name: string): Destination {
  let found: readonly Found[] = [];
  return {
    ...destination,
    async survey() {
      const attempts = new Attempts();
      const newest = await attempts.run(() => destination.survey());
      const others = [];
      for (const copy of copies) others.push(await attempts.run(() => findEarlier(copy, name)));
      attempts.end();
      found = others.filter((one) => one !== undefined);
      return newest ?? found.find((one) => one.newest !== undefined)?.newest;
    },
    async begin(expected) {
      const draft = await destination.begin(expected);
      return newerThanAll(
        draft,
        found.flatMap(({ ids }) => ids),
      );
    },
  };
}

/** A folder first, and then, when the backup is complete and verified there, the repository. */
function workDestination(
  workDirectory: string,
  request: BackupRequest,
  store: Store,
  isTaken: IsTaken,
): Destination {
  const { name } = request;
  const isTakenAnywhere = async (id: string) => (await store.isTaken(name, id)) || (await isTaken(id));
  const work = folderDestination(workDirectory, request, isTakenAnywhere);
  let found: Found = { newest: undefined, ids: [] };
  return {
    ...work,
    store,
    async survey() {
      const attempts = new Attempts();
      found = (await attempts.run(() => findEarlier(store, name))) ?? found;
      const inWork = await attempts.run(() => work.survey());
      attempts.end();
      return found.newest ?? inWork;
    },
    async begin(expected) {
      const draft = newerThanAll(await work.begin(expected), found.ids);
      return {
        ...draft,
        async publish(manifest, publication) {
          const place = await copyFilesTo(draft.stored, manifest, store, {
            ...publication,
            fileMode: request.fileMode,
          });
          // The next run removes what could not be removed.
          await draft.abandon(undefined);
          return place;
        },
      };
    },
  };
}

function newerThanAll(draft: Draft, ids: readonly string[]): Draft {
  return { ...draft, newerThan: [...new Set([...draft.newerThan, ...greaterThan(draft.id, ids)])] };
}
