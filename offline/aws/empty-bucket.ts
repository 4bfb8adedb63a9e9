import {
  DeleteObjectsCommand,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  type S3Client,
} from "@aws-sdk/client-s3";

/** Deletes every version of every object, also those under retention in governance mode. */
export async function emptyBucket(s3: S3Client, Bucket: string, locked: boolean): Promise<void> {
  for (;;) {
    const page = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const Objects: ObjectIdentifier[] = [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(
      ({ Key, VersionId }) => ({ Key, VersionId }),
    );
    if (Objects.length === 0) return;
    const bypass = locked ? { BypassGovernanceRetention: true } : {};
    const Delete = { Objects, Quiet: true };
    const { Errors = [] } = await s3.send(new DeleteObjectsCommand({ Bucket, Delete, ...bypass }));
    const [failed] = Errors;
    if (failed !== undefined)
      throw new Error(`deleting ${failed.Key ?? ""}: ${failed.Code ?? ""}: ${failed.Message ?? ""}`);
  }
}
