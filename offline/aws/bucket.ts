import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  GetBucketTaggingCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  PutBucketTaggingCommand,
  type BucketLocationConstraint,
  type S3Client,
} from "@aws-sdk/client-s3";
import { autoname, checkInputs, isDefault } from "../provider/check-inputs";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import { PartialFailure, type Resource } from "../provider/provider";
import { UNKNOWN, type Properties, type Value } from "../provider/value";
import type { Connection } from "./connection";
import { emptyBucket } from "./empty-bucket";
import { attempt, hasCode, notImplemented, S3Error, unless } from "./s3-error";
import { BUCKET } from "./schema";

const COMPUTED = ["arn", "bucketDomainName", "bucketRegion", "bucketRegionalDomainName", "tagsAll"];

function partition(region: string): { name: string; suffix: string } {
  if (region.startsWith("cn-")) return { name: "aws-cn", suffix: "amazonaws.com.cn" };
  return { name: region.startsWith("us-gov-") ? "aws-us-gov" : "aws", suffix: "amazonaws.com" };
}

function derived(bucket: string, region: string, bucketRegion: string): Properties {
  const { name, suffix } = partition(region);
  return {
    bucket,
    region,
    bucketRegion,
    arn: `arn:${name}:s3:::${bucket}`,
    bucketDomainName: `${bucket}.s3.${suffix}`,
    bucketRegionalDomainName: `${bucket}.s3.${bucketRegion}.${suffix}`,
  };
}

async function headBucket(s3: S3Client, Bucket: string) {
  try {
    return await s3.send(new HeadBucketCommand({ Bucket }));
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return undefined;
    throw error;
  }
}

async function readTags(s3: S3Client, Bucket: string): Promise<Properties> {
  const request = s3.send(new GetBucketTaggingCommand({ Bucket }));
  const answer = await unless(["NoSuchTagSet", ...notImplemented], request);
  return Object.fromEntries((answer?.TagSet ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}

async function writeTags(s3: S3Client, Bucket: string, tags: Value | undefined): Promise<void> {
  const TagSet = Object.entries((tags ?? {}) as Record<string, string>).map(([Key, Value]) => ({
    Key,
    Value,
  }));
  if (TagSet.length === 0) await s3.send(new DeleteBucketTaggingCommand({ Bucket }));
  else await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
}

async function isLocked(s3: S3Client, Bucket: string): Promise<boolean> {
  const request = s3.send(new GetObjectLockConfigurationCommand({ Bucket }));
  const answer = await unless(["ObjectLockConfigurationNotFoundError", ...notImplemented], request);
  return answer?.ObjectLockConfiguration?.ObjectLockEnabled === "Enabled";
}

/** Stands in for aws:s3/bucket:Bucket. It leaves alone what other resources configure on the bucket. */
export function bucketResource(connection: () => Connection): Resource {
  const regionOf = (properties: Properties): string =>
    typeof properties["region"] === "string" ? properties["region"] : connection().region;

  async function state(bucket: string, known: Properties): Promise<Properties | undefined> {
    const region = regionOf(known);
    const s3 = connection().s3(region);
    const head = await headBucket(s3, bucket);
    if (head === undefined) return undefined;
    const tags = await readTags(s3, bucket);
    return {
      ...visible(known),
      ...derived(bucket, region, head.BucketRegion ?? region),
      objectLockEnabled: await isLocked(s3, bucket),
      tags,
      tagsAll: tags,
    };
  }

  async function finish(
    bucket: string,
    inputs: Properties,
    change: () => Promise<void>,
  ): Promise<Properties> {
    try {
      await change();
      const found = await attempt(`reading S3 Bucket (${bucket})`, state(bucket, inputs));
      if (found === undefined) throw new Error(`reading S3 Bucket (${bucket}): couldn't find resource`);
      return found;
    } catch (error) {
      throw new PartialFailure((error as Error).message, bucket, visible(inputs));
    }
  }

  return {
    inputs: Object.keys(BUCKET),
    outputs: COMPUTED,

    check: (inputs, operation) =>
      checkInputs(
        inputs,
        BUCKET,
        { provider: "aws", type: "Bucket" },
        { bucket: autoname({ ...operation, name: operation.name.toLowerCase() }, "bucket") },
      ),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, BUCKET),
      // A replacement with the same name is possible only after the old bucket is deleted.
      deleteBeforeReplace: !isDefault(inputs, "bucket") && oldOutputs["bucket"] === inputs["bucket"],
    }),

    planCreate: (inputs) => ({
      ...Object.fromEntries([...COMPUTED, "objectLockEnabled", "region"].map((key) => [key, UNKNOWN])),
      ...visible(inputs),
    }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, BUCKET),

    create: async (inputs) => {
      const bucket = inputs["bucket"] as string;
      const region = regionOf(inputs);
      const s3 = connection().s3(region);
      const what = `creating S3 Bucket (${bucket})`;
      // In this region, S3 reports success if you already own the bucket.
      if (region === "us-east-1" && (await attempt(what, headBucket(s3, bucket))) !== undefined)
        throw new Error(`${what}: BucketAlreadyExists`);
      const LocationConstraint = region as BucketLocationConstraint;
      const command = new CreateBucketCommand({
        Bucket: bucket,
        ObjectLockEnabledForBucket: inputs["objectLockEnabled"] === true,
        ...(region === "us-east-1" ? {} : { CreateBucketConfiguration: { LocationConstraint } }),
      });
      await attempt(what, s3.send(command));
      const outputs = await finish(bucket, inputs, async () => {
        if (inputs["tags"] === undefined) return;
        await attempt(`setting S3 Bucket (${bucket}) tags`, writeTags(s3, bucket, inputs["tags"]));
      });
      return { id: bucket, outputs };
    },

    read: async (id, outputs, inputs) => {
      const found = await attempt(`reading S3 Bucket (${id})`, state(id, outputs));
      return found && { outputs: found, inputs: refreshedInputs(inputs, found, BUCKET) };
    },

    update: (id, _oldInputs, oldOutputs, inputs) =>
      finish(id, updatedState(oldOutputs, inputs, BUCKET), async () => {
        const s3 = connection().s3(regionOf(oldOutputs));
        const changed = compareToState(oldOutputs, inputs, BUCKET).some(({ path }) => path === "tags");
        if (changed) await attempt(`updating S3 Bucket (${id}) tags`, writeTags(s3, id, inputs["tags"]));
      }),

    delete: async (id, outputs) => {
      const s3 = connection().s3(regionOf(outputs));
      const remove = () => s3.send(new DeleteBucketCommand({ Bucket: id }));
      const what = `deleting S3 Bucket (${id})`;
      const removed = unless(["NoSuchBucket"], remove()).catch(async (error: unknown) => {
        if (!hasCode(error, ["BucketNotEmpty"]) || outputs["forceDestroy"] !== true) throw error;
        await emptyBucket(s3, id, outputs["objectLockEnabled"] === true);
        await remove();
      });
      await attempt(what, removed);
    },
  };
}
