import type { Location } from "../request";
import { isBucketLocation, parseBucketLocation } from "../request/location";
import { folderStore } from "./folder/folder-repository";
import type { Store } from "./repository";

/** The store that a request means; the signal ends what is under way in it. */
export function openStore(
  { directory, s3 = {} }: { readonly directory: string; readonly s3?: Partial<Location["s3"]> },
  signal: AbortSignal = new AbortController().signal,
): Store {
  if (!isBucketLocation(directory)) return folderStore(directory);
  const { bucketStore, connect } = bucketModule();
  return bucketStore(connect(parseBucketLocation(directory), s3, signal));
}

/** Loaded where it is needed only: S3's SDK is a good part of what a start takes. */
function bucketModule() {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an import of this module loads it always
  return require("./s3") as typeof import("./s3");
}
