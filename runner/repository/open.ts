import { type OneBackup, referenceOf, type S3Settings } from "../request";
import { parseRepository } from "../request/location";
import { folderStore } from "./folder/folder-repository";
import { findBackup, type Store, type StoredBackup } from "./repository";

/** The repository that a request names; the signal ends what is under way in it. */
export function openStore(
  { repository, s3 = {} }: { readonly repository: string; readonly s3?: Partial<S3Settings> | undefined },
  signal: AbortSignal = new AbortController().signal,
): Store {
  const location = parseRepository(repository);
  if (location.kind === "folder") return folderStore(location.path);
  const { bucketStore, connect } = s3Module();
  return bucketStore(connect(location, s3, signal));
}

/** The backup that a request names, and the repository that has it. */
export async function openBackup(
  request: OneBackup,
  signal: AbortSignal,
): Promise<{ readonly store: Store; readonly found: StoredBackup }> {
  const { repository, name, backup } = referenceOf(request);
  const store = openStore({ repository, s3: request.s3 }, signal);
  return { store, found: await findBackup(store, name, backup) };
}

/** Loaded where it is needed only: the SDK for S3 takes a good part of the time to start. */
function s3Module() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("./s3") as typeof import("./s3");
}
