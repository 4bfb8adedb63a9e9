import type { S3Client } from "@aws-sdk/client-s3";
import { checkInputs } from "../provider/check-inputs";
import { compareToState, refreshedInputs, updatedState, visible } from "../provider/compare";
import type { Schema } from "../provider/input";
import { PartialFailure, type Resource } from "../provider/provider";
import { UNKNOWN, type Properties } from "../provider/value";
import type { Connection } from "./connection";
import { attempt, unless } from "./s3-error";
import { TARGET } from "./schema";

/** A setting of a bucket that is a separate resource. */
export interface Setting {
  /** The resource type, such as `BucketVersioning`. */
  type: string;
  /** The name in messages of the official provider. */
  title: string;
  /** The inputs, without bucket and region. */
  schema: Schema;
  /** The error code of the server if the setting is not configured. */
  missing?: string;
  put: (s3: S3Client, Bucket: string, inputs: Properties) => Promise<unknown>;
  get: (s3: S3Client, Bucket: string) => Promise<Properties | undefined>;
  remove: (s3: S3Client, Bucket: string, outputs: Properties) => Promise<unknown>;
}

/** The resource for a setting. Its id is the bucket's name. */
export function settingResource(setting: Setting, connection: () => Connection): Resource {
  const { type, title } = setting;
  const schema = { ...TARGET, ...setting.schema };
  const gone = ["NoSuchBucket", ...(setting.missing === undefined ? [] : [setting.missing])];

  const regionOf = (properties: Properties): string =>
    typeof properties["region"] === "string" ? properties["region"] : connection().region;

  async function state(bucket: string, known: Properties): Promise<Properties | undefined> {
    const region = regionOf(known);
    const found = await unless(gone, setting.get(connection().s3(region), bucket));
    return found && { ...visible(known), ...found, bucket, region };
  }

  async function stateAfter(bucket: string, inputs: Properties): Promise<Properties> {
    try {
      const found = await state(bucket, inputs);
      if (found === undefined) throw new Error("couldn't find resource");
      return found;
    } catch (error) {
      const message = `waiting for S3 Bucket ${title} (${bucket}) create: ${(error as Error).message}`;
      throw new PartialFailure(message, bucket, visible(inputs));
    }
  }

  return {
    inputs: Object.keys(schema),
    outputs: [],

    check: (inputs) => checkInputs(inputs, schema, { provider: "aws", type }),

    diff: (_oldInputs, oldOutputs, inputs) => ({
      changes: compareToState(oldOutputs, inputs, schema),
      deleteBeforeReplace: false,
    }),

    planCreate: (inputs) => ({ region: UNKNOWN, ...visible(inputs) }),

    planUpdate: (_oldInputs, oldOutputs, inputs) => updatedState(oldOutputs, inputs, schema),

    create: async (inputs) => {
      const bucket = inputs["bucket"] as string;
      const written = setting.put(connection().s3(regionOf(inputs)), bucket, inputs);
      await attempt(`creating S3 Bucket (${bucket}) ${title}`, written);
      return { id: bucket, outputs: await stateAfter(bucket, inputs) };
    },

    read: async (id, outputs, inputs) => {
      const found = await attempt(`reading S3 Bucket ${title} (${id})`, state(id, outputs));
      return found && { outputs: found, inputs: refreshedInputs(inputs, found, schema) };
    },

    update: async (id, _oldInputs, oldOutputs, inputs) => {
      const s3 = connection().s3(regionOf(oldOutputs));
      await attempt(`updating S3 Bucket ${title} (${id})`, setting.put(s3, id, inputs));
      return stateAfter(id, updatedState(oldOutputs, inputs, schema));
    },

    delete: async (id, outputs) => {
      const s3 = connection().s3(regionOf(outputs));
      const removed = unless(gone, setting.remove(s3, id, outputs));
      await attempt(`deleting S3 Bucket ${title} (${id})`, removed);
    },
  };
}
