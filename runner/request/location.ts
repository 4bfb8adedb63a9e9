/** Where in S3 backups are kept, as people write it: `s3://bucket/prefix`. */
import { Failure } from "../lib/failure";

export interface BucketLocation {
  readonly bucket: string;
  /** Before the name of a series in every key: empty, or names that each end with a slash. */
  readonly prefix: string;
}

export function isBucketLocation(directory: string): boolean {
  return /^s3:/i.test(directory);
}

const bucketName = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Only characters that mean nothing else in a key, a URL or the resource of a policy. */
const prefixNames = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9!_.'()-]+(\/[A-Za-z0-9!_.'()-]+)*$/;

export function parseBucketLocation(directory: string): BucketLocation {
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*?)\/?$/s.exec(directory) ?? [];
  if (!bucketName.test(bucket)) {
    throw invalid(
      directory,
      "The name of a bucket is 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
    );
  }
  if (prefix !== "" && !prefixNames.test(prefix)) {
    throw invalid(
      directory,
      "A prefix is names between slashes, made of letters, digits and ! _ . ' ( ) -, none of them . or ..",
    );
  }
  return { bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

function invalid(directory: string, rule: string): Failure {
  return new Failure(
    "usage",
    `${JSON.stringify(directory)} is not a place for backups in S3. Write s3://bucket/prefix. ${rule}.`,
  );
}

/** As people write it. */
export function bucketUrl({ bucket }: Pick<BucketLocation, "bucket">, key: string): string {
  return `s3://${bucket}/${key}`.replace(/\/$/, "");
}
