import assert from "node:assert/strict";
import { once } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { type S3Client, UploadPartCommand } from "@aws-sdk/client-s3";
import { partBuffers } from "../../../runner/repository/s3/parts";
import { upload } from "../../../runner/repository/s3/upload";

describe("an upload in parts", () => {
  it("fails with what befell a part, not with the end that this put to the others", async () => {
    const send = async (command: unknown, { abortSignal }: { readonly abortSignal: AbortSignal }) => {
      if (!(command instanceof UploadPartCommand)) return { UploadId: "one" };
      if (command.input.PartNumber === 2) throw new Error("connection refused");
      if (!abortSignal.aborted) await once(abortSignal, "abort");
      throw Object.assign(new Error("Request aborted"), { name: "AbortError" });
    };
    const buffers = partBuffers(1);
    const content = async function* () {
      // Once the third chunk has begun, the two parts before it are on their way; they have failed when it ends.
      for (let chunk = 0; chunk < 4; chunk++) {
        yield Buffer.alloc(buffers.partBytes);
        await turn();
      }
    };
    const bucket = {
      ...{ kind: "s3" as const, bucket: "cbm", prefix: "", signal: new AbortController().signal },
      client: { send } as unknown as S3Client,
    };
    await assert.rejects(upload(bucket, "archive.dump", content(), buffers, new Set()), {
      message: "connection refused",
    });
  });
});
