import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type S3Client, UploadPartCopyCommand } from "@aws-sdk/client-s3";
import { onceOnly } from "../../../runner/repository/checksums";
import { CannotCopy, copyObject, planCopy } from "../../../runner/repository/s3/copy";
import type { Bucket } from "../../../runner/repository/s3/client";
import { answered } from "../../../runner/repository/s3/failures";
import { connect } from "../../../runner/repository/s3/client";
import { featuresOf } from "../../../runner/repository/s3/features";
import { abortUpload, type OpenUploads } from "../../../runner/repository/s3/upload";
import { TestBucket } from "../../support/bucket";
import { type S3Server, startS3Server } from "../../support/s3-server";

const mebibyte = 1 << 20;
const gibibyte = 1024 * mebibyte;
const small = { usual: 5 * mebibyte, most: 6 * mebibyte };

describe("the parts that an object is copied in", () => {
  const sizes = (bytes: number, maxParts: number) =>
    planCopy(bytes, maxParts)?.map(({ start, end }) => end - start);

  it("follow each other without a gap, to the last byte", () => {
    for (const bytes of [1, 256 * mebibyte, 256 * mebibyte + 1, 3 * gibibyte + 7]) {
      const parts = planCopy(bytes, 10_000) ?? [];
      assert.deepEqual(
        parts.map(({ number, start }) => [number, start]),
        parts.map((_, index) => [index + 1, index === 0 ? 0 : parts[index - 1]?.end]),
      );
      assert.equal(parts.at(-1)?.end, bytes);
    }
  });

  it("are one for what is small, also for nothing", () => {
    assert.deepEqual(sizes(0, 10_000), [0]);
    assert.deepEqual(sizes(256 * mebibyte, 10_000), [256 * mebibyte]);
  });

  it("are no more than the server takes, and no larger than S3 takes", () => {
    assert.deepEqual(sizes(10 * gibibyte, 2), [5 * gibibyte, 5 * gibibyte]);
    assert.deepEqual(sizes(10 * gibibyte + 1, 2), undefined);
    assert.equal(sizes(48_000 * gibibyte, 10_000)?.length, 10_000);
  });
});

describe("a copy within a bucket", function () {
  this.timeout(60_000);
  const content = randomBytes(12_000_000);
  let server: S3Server;
  let stored: TestBucket;
  let bucket: Bucket;
  let open: OpenUploads;

  before(async () => {
    server = await startS3Server();
    stored = await TestBucket.create(server);
    await stored.put("from/ä b+c", content);
    const location = { kind: "s3" as const, bucket: stored.name, prefix: "" };
    const connected = connect(
      location,
      { endpoint: server.endpoint, region: server.region, forcePathStyle: true },
      new AbortController().signal,
    );
    bucket = { ...connected, client: server.client, patientClient: server.client };
  });
  after(() => server.stop());
  beforeEach(() => {
    open = new Set();
  });

  const copyTo = (to: string, from = "from/ä b+c", read = content, into = bucket) =>
    copyObject(
      into,
      { from, to, bytes: content.length, content: onceOnly(read) },
      open,
      { metadata: { run: "this" } },
      small,
    );

  it("has the same content, in several parts", async () => {
    await copyTo("to/parts");
    assert.ok((await stored.content("to/parts")).equals(content));
    assert.deepEqual([open.size, await stored.openUploads()], [0, []]);
  });

  it("can be copied itself, in one part too", async () => {
    const whole = { usual: 64 * mebibyte, most: 64 * mebibyte };
    for (const [from, to] of [
      ["from/ä b+c", "to/second"],
      ["to/second", "to/third"],
      ["to/parts", "to/joined"],
    ] as const) {
      const copied = { from, to, bytes: content.length, content: onceOnly(content) };
      await copyObject(bucket, copied, open, {}, whole);
      assert.ok((await stored.content(to)).equals(content), to);
    }
  });

  it("never overwrites an object", async () => {
    await stored.put("to/there", "other");
    const error = await copyTo("to/there").then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(
      error instanceof Error &&
        (error.name === "PreconditionFailed" || answered(error, "PreconditionFailed")),
    );
    assert.equal((await stored.content("to/there")).toString(), "other");
    for (const one of open) await abortUpload(bucket, one).catch(() => undefined);
  });

  it("does not appear if the server copied something else than was read", async () => {
    const other = Buffer.from(content);
    other[11_000_000] = (other[11_000_000] ?? 0) ^ 1;
    await assert.rejects(copyTo("to/other", undefined, other), (error) => error instanceof CannotCopy);
    assert.ok(!(await stored.keys()).includes("to/other"));
  });
});

describe("the proof of a copy", () => {
  const content = Buffer.from("rows");
  const md5 = createHash("md5").update(content).digest("hex");
  const sha256 = createHash("sha256").update(content).digest("base64");
  const copyWith = (CopyPartResult: object | undefined) => {
    const send = (command: unknown) =>
      Promise.resolve(command instanceof UploadPartCopyCommand ? { CopyPartResult } : { UploadId: "one" });
    const bucket = {
      ...{ kind: "s3" as const, bucket: "cbm", prefix: "", signal: new AbortController().signal },
      ...featuresOf(),
      client: { send } as unknown as S3Client,
    };
    const copied = { from: "a", to: "b", bytes: content.length, content: onceOnly(content) };
    return copyObject(bucket, copied, new Set(), {});
  };
  const isRefused = (error: unknown) => error instanceof CannotCopy;

  it("is the checksum, or else the tag", async () => {
    await copyWith({ ChecksumSHA256: sha256, ETag: '"encrypted"' });
    await copyWith({ ETag: `"${md5}"` });
  });

  it("is missing where either is another one, or the answer has none", async () => {
    const wrong = createHash("sha256").update("others").digest("base64");
    await assert.rejects(copyWith({ ChecksumSHA256: wrong, ETag: `"${md5}"` }), isRefused);
    await assert.rejects(copyWith({ ETag: '"encrypted"' }), isRefused);
    await assert.rejects(copyWith({}), isRefused);
    await assert.rejects(copyWith(undefined), isRefused);
  });
});
