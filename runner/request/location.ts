/** Where backups are, as people write it: a folder or `s3://bucket/prefix`, and for one backup `/<name>/<id>` behind that. */
import { Failure } from "../lib/failure";

export interface S3Location {
  readonly kind: "s3";
  readonly bucket: string;
  /** Before the backup name in every key: empty, or names that each end with a slash. */
  readonly prefix: string;
}

interface FolderLocation {
  readonly kind: "folder";
  readonly path: string;
}

export type RepositoryLocation = FolderLocation | S3Location;

/** One backup, by its id or `latest`. */
export interface BackupReference {
  readonly repository: string;
  readonly name: string;
  readonly backup: string;
}

export function isS3Url(text: string): boolean {
  return /^s3:/i.test(text);
}

const bucketName = /^(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Only characters that mean nothing else in a key, a URL or the resource of a policy. */
const prefixNames = /^(?!.*(^|\/)\.{1,2}(\/|$))[A-Za-z0-9!_.'()-]+(\/[A-Za-z0-9!_.'()-]+)*$/;

export function parseRepository(text: string): RepositoryLocation {
  if (!isS3Url(text)) return { kind: "folder", path: text };
  const [, bucket = "", prefix = ""] = /^s3:\/\/([^/]*)\/?(.*?)\/?$/s.exec(text) ?? [];
  if (!bucketName.test(bucket)) {
    throw invalid(
      text,
      "The name of a bucket is 3 to 63 lower-case letters, digits, dots and hyphens, with a letter or digit at both ends",
    );
  }
  if (prefix !== "" && !prefixNames.test(prefix)) {
    throw invalid(
      text,
      "A prefix is names between slashes, made of letters, digits and ! _ . ' ( ) -, none of them . or ..",
    );
  }
  return { kind: "s3", bucket, prefix: prefix === "" ? "" : `${prefix}/` };
}

function invalid(text: string, rule: string): Failure {
  return new Failure(
    "usage",
    `${JSON.stringify(text)} is not a repository in S3. Write s3://bucket/prefix. ${rule}.`,
  );
}

/** The URL of a key, without a slash at the end. */
export function s3Url({ bucket }: Pick<S3Location, "bucket">, key: string): string {
  return `s3://${bucket}/${key}`.replace(/\/$/, "");
}

/** A name that needs no quoting on any system and cannot leave its folder. */
export const backupNamePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

/** `latest`, or the time at which a backup began: `20261122T081500Z`. */
export const backupIdPattern = /^(latest|\d{8}T\d{6}Z)$/;

/** The parts of a backup's location, `<repository>/<name>/<id>`. */
export function parseBackupLocation(text: string): BackupReference {
  const [, before, backup = ""] = /^(.*)\/([^/]+)\/*$/s.exec(text) ?? [];
  const place = before === undefined ? undefined : placeOf(before);
  if (place === undefined || !backupIdPattern.test(backup)) {
    throw new Failure(
      "usage",
      `${JSON.stringify(text)} is not the location of a backup. Write REPOSITORY/NAME/ID, or "latest" for the id; ` +
        "REPOSITORY is a folder or s3://bucket/prefix.",
    );
  }
  return { ...place, backup };
}

/** The parts of the location of all backups of a name, `<repository>/<name>`; undefined if it cannot be one. */
export function placeOf(text: string): Omit<BackupReference, "backup"> | undefined {
  const [, repository = ".", name = ""] = /^(?:(.*)\/)?([^/]+)\/*$/s.exec(text) ?? [];
  if (!backupNamePattern.test(name) || !isRepository(repository)) return undefined;
  return { repository: repository === "" ? "/" : repository, name };
}

function isRepository(text: string): boolean {
  try {
    parseRepository(text);
    return true;
  } catch {
    return false;
  }
}
