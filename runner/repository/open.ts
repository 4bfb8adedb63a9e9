import { type OneBackup, referenceOf, type S3Settings } from "../request";
import { parseRepository } from "../request/location";
import { folderRepository } from "./folder/folder-repository";
import { findBackup, type Repository, type StoredBackup } from "./repository";

/** The repository that a request names; the signal aborts its requests. */
export function openRepository(
  { repository, s3 = {} }: { readonly repository: string; readonly s3?: Partial<S3Settings> | undefined },
  signal: AbortSignal = new AbortController().signal,
): Repository {
  const location = parseRepository(repository);
  if (location.kind === "folder") return folderRepository(location.path);
  const { s3Repository, connect } = s3Module();
  return s3Repository(connect(location, s3, signal));
}

/** The backup that a request names, and the repository that has it. */
export async function openBackup(
  request: OneBackup,
  signal: AbortSignal,
): Promise<{ readonly repository: Repository; readonly found: StoredBackup }> {
  const { name, backup, ...reference } = referenceOf(request);
  const repository = openRepository({ ...reference, s3: request.s3 }, signal);
  return { repository, found: await findBackup(repository, name, backup) };
}

/** Loaded only when needed: loading the SDK for S3 takes a good part of the time to start. */
function s3Module() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("./s3") as typeof import("./s3");
}
