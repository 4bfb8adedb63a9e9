import type { Location } from "../request";
import { bucketStore } from "./bucket/bucket-store";
import { connect } from "./bucket/client";
import { isBucketLocation, parseBucketLocation } from "./bucket/location";
import { folderStore } from "./folder-store";
import type { Store } from "./store";

/** The store that a request means; the signal ends what is under way in it. */
export function openStore(
  { directory, s3 = {} }: { readonly directory: string; readonly s3?: Partial<Location["s3"]> },
  signal: AbortSignal = new AbortController().signal,
): Store {
  if (!isBucketLocation(directory)) return folderStore(directory);
  return bucketStore(connect(parseBucketLocation(directory), s3, signal));
}
