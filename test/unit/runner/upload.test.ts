import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { type S3Client, UploadPartCommand } from "@aws-sdk/client-s3";
import { featuresOf } from "../../../runner/repository/s3/features";
import { partBuffers } from "../../../runner/repository/s3/parts";
import { type OpenUploads, upload } from "../../../runner/repository/s3/upload";
import type { S3Settings } from "../../../runner/request";

const bucketOf = (send: unknown, settings: Partial<S3Settings> = {}) => ({
  ...{ kind: "s3" as const, bucket: "cbm", prefix: "", signal: new AbortController().signal },
  ...featuresOf(settings),
  client: { send } as unknown as S3Client,
});

describe("an upload in parts", () => {
  it("fails with what befell a part, not with the end that this put to the others", async () => {
    const send = async (command: unknown, { abortSignal }: { readonly abortSignal: AbortSignal }) => {
      if (!(command instanceof UploadPartCommand)) return { UploadId: "one" };
      if (command.input.PartNumber === 2) throw new Error("connection refused");
      if (!abortSignal.aborted) await once(abortSignal, "abort");
      throw Object.assign(new Error("Request aborted"), { name: "AbortError" });
    };
    const buffers = partBuffers(1, 10_000);
    const content = async function* () {
      // Once the third chunk has begun, the two parts before it are on their way; they have failed when it ends.
      for (let chunk = 0; chunk < 4; chunk++) {
        yield Buffer.alloc(buffers.partBytes);
        await turn();
      }
    };
    const bucket = bucketOf(send);
    await assert.rejects(upload(bucket, "archive.dump", content(), buffers, new Set()), {
      message: "connection refused",
    });
  });

  it("that needs more parts than the server takes fails with the setting, once nothing is being sent", async () => {
    const sent: number[] = [];
    const send = async (command: unknown) => {
      await turn();
      if (command instanceof UploadPartCommand) sent.push(command.input.PartNumber ?? 0);
      return { UploadId: "one" };
    };
    const buffers = partBuffers(1, 2);
    const content = async function* () {
      for (let chunk = 0; chunk < 3; chunk++) {
        await turn();
        yield Buffer.alloc(buffers.partBytes);
      }
    };
    const open: OpenUploads = new Set();
    await assert.rejects(upload(bucketOf(send, { maxParts: 2 }), "archive.dump", content(), buffers, open), {
      code: "s3-failed",
      message: /cannot be stored in 2 parts\. If the server takes more, set a larger --s3-max-parts\.$/,
    });
    assert.deepEqual(sent, [1, 2]);
    assert.equal(open.size, 1, "for its owner to abort");
  });
});
