import type { BackupRequest } from "../request";
import { isBucketLocation } from "../request/location";
import { bucketDestination } from "./bucket-destination";
import type { Destination } from "./destination";
import { folderDestination } from "./folder-destination";
import { uploadDestination } from "./upload-destination";

/** Where a request wants its backup. */
export function openDestination(request: BackupRequest, signal: AbortSignal): Destination {
  if (isBucketLocation(request.directory)) return bucketDestination(request, signal);
  const { uploadTo } = request;
  return uploadTo === undefined
    ? folderDestination(request)
    : uploadDestination({ ...request, uploadTo }, signal);
}
