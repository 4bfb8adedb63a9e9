import {
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  type ObjectLockRule,
  type S3Client,
  type VersioningConfiguration,
} from "@aws-sdk/client-s3";
import { isObject, type Properties } from "../provider/value";
import { fromApi, toApi } from "./api-names";
import { unless } from "./s3-error";
import { OBJECT_LOCK, VERSIONING } from "./schema";
import type { Setting } from "./setting";

function statusOf({ versioningConfiguration }: Properties): unknown {
  return isObject(versioningConfiguration) ? versioningConfiguration["status"] : undefined;
}

function putVersioning(s3: S3Client, Bucket: string, Status: unknown): Promise<unknown> {
  const VersioningConfiguration = { Status } as VersioningConfiguration;
  return s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
}

/** Versioning that was on can only be suspended. `Disabled` means that the bucket never had it. */
export const versioning: Setting = {
  type: "BucketVersioning",
  title: "Versioning",
  schema: VERSIONING,
  put: (s3, Bucket, inputs) => {
    const status = statusOf(inputs);
    return status === "Disabled" ? Promise.resolve() : putVersioning(s3, Bucket, status);
  },
  get: async (s3, Bucket) => {
    const { Status: status = "Disabled" } = await s3.send(new GetBucketVersioningCommand({ Bucket }));
    return { versioningConfiguration: { status } };
  },
  remove: (s3, Bucket, outputs) => {
    if (statusOf(outputs) === "Disabled") return Promise.resolve();
    // With Object Lock, versioning stays on.
    return unless(["InvalidBucketState"], putVersioning(s3, Bucket, "Suspended"));
  },
};

function putObjectLock(s3: S3Client, Bucket: string, Rule?: ObjectLockRule): Promise<unknown> {
  const ObjectLockConfiguration = { ObjectLockEnabled: "Enabled", ...(Rule && { Rule }) } as const;
  return s3.send(new PutObjectLockConfigurationCommand({ Bucket, ObjectLockConfiguration }));
}

/** Only the default retention can be removed. Object Lock itself stays on for ever. */
export const objectLock: Setting = {
  type: "BucketObjectLockConfiguration",
  title: "Object Lock Configuration",
  schema: OBJECT_LOCK,
  missing: "ObjectLockConfigurationNotFoundError",
  put: (s3, Bucket, { rule }) =>
    putObjectLock(s3, Bucket, rule === undefined ? undefined : (toApi(rule) as ObjectLockRule)),
  get: async (s3, Bucket) => {
    const answer = await s3.send(new GetObjectLockConfigurationCommand({ Bucket }));
    return answer.ObjectLockConfiguration && fromApi(answer.ObjectLockConfiguration);
  },
  remove: (s3, Bucket) => putObjectLock(s3, Bucket),
};
