import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { Command } from "commander";
import { readRequest, repositoryOptions, uploadOptions } from "../../../runner/cli/options";
import { Failure } from "../../../runner/lib/failure";
import { ImportRequest } from "../../../runner/request";
import { describeFailure } from "../../../runner/repository/s3/failures";
import type { Used } from "../../../runner/repository/s3/features";
import { isS3Url, parseRepository, s3Url } from "../../../runner/request/location";
import { partBuffers, type PartBuffers, partsOf } from "../../../runner/repository/s3/parts";

const mebibyte = 1 << 20;

describe("a repository in S3", () => {
  for (const [written, bucket, prefix] of [
    ["s3://backups", "backups", ""],
    ["s3://backups/", "backups", ""],
    ["s3://my.backups-1/gis", "my.backups-1", "gis/"],
    ["s3://backups/gis/prod/", "backups", "gis/prod/"],
    ["s3://backups/a!_.'()-B9", "backups", "a!_.'()-B9/"],
    ["s3://backups/..x/.y", "backups", "..x/.y/"],
  ] as const) {
    it(`is understood: ${written}`, () => {
      assert.deepEqual(parseRepository(written), { kind: "s3", bucket, prefix });
      assert.equal(s3Url({ bucket }, prefix), written.replace(/\/$/, ""));
    });
  }

  for (const written of [
    "s3:",
    "s3:/",
    "s3://",
    "s3:///gis",
    "s3:backups",
    "S3://backups",
    "s3://Backups",
    "s3://ab",
  ])
    it(`is refused for its bucket: ${written}`, () => {
      assert.throws(() => parseRepository(written), {
        code: "usage",
        message: /Write s3:\/\/bucket\/prefix\. The name of a bucket/,
      });
    });

  for (const written of [
    "a//b",
    "/a",
    "a//",
    "a/../b",
    "..",
    "./a",
    "a b",
    "a*",
    "a%2f",
    "ä",
    "a\nb",
    "a?b",
    "a#b",
  ])
    it(`is refused for its prefix: ${JSON.stringify(written)}`, () => {
      assert.throws(() => parseRepository(`s3://backups/${written}`), {
        code: "usage",
        message: /A prefix is names/,
      });
    });

  it("is told from a folder", () => {
    assert.deepEqual(["s3://a", "s3:a", "S3://a"].map(isS3Url), [true, true, true]);
    assert.deepEqual(["s3", "./s3:/a", "/s3://a", "backups"].map(isS3Url), [false, false, false, false]);
    assert.deepEqual(parseRepository("./s3:/a"), { kind: "folder", path: "./s3:/a" });
  });
});

describe("options for S3", () => {
  const request = (...args: string[]) => {
    const command = uploadOptions(repositoryOptions(new Command().exitOverride()));
    command.parse(["--repository", "s3://backups/gis", ...args], { from: "user" });
    return readRequest(ImportRequest, command.opts());
  };

  it("become settings of the request, and only those that are given", async () => {
    assert.equal((await request()).s3, undefined);
    const settings = ["--s3-endpoint", "http://localhost:7070", "--s3-region", "eu", "--s3-path-style"];
    assert.deepEqual((await request(...settings, "--upload-limit", "5000")).s3, {
      endpoint: "http://localhost:7070",
      region: "eu",
      forcePathStyle: true,
      uploadLimit: 5000,
    });
    assert.deepEqual((await request("--s3-region", "eu")).s3, { region: "eu", forcePathStyle: false });
    const lacking = ["--s3-conditional-writes", "false", "--s3-checksum", "md5", "--s3-max-parts", "1000"];
    assert.deepEqual((await request(...lacking)).s3, {
      ...{ forcePathStyle: false, conditionalWrites: false, checksum: "md5", maxParts: 1000 },
    });
    assert.equal((await request("--s3-conditional-writes", "true")).s3?.conditionalWrites, true);
  });

  it("are refused by their names on the command line", async () => {
    await assert.rejects(request("--s3-endpoint", "localhost 7070"), {
      code: "usage",
      message: /^--s3-endpoint must be a URL/,
    });
    await assert.rejects(request("--upload-limit", "0"), {
      code: "usage",
      message: "--upload-limit must be at least 1",
    });
    await assert.rejects(request("--s3-max-parts", "10001"), {
      code: "usage",
      message: "--s3-max-parts must be at most 10000",
    });
  });
});

describe("parts of a file", () => {
  /** Of ten bytes. */
  function small(count: number): PartBuffers & { readonly taken: () => number } {
    let taken = 0;
    const all = partBuffers(0, 10_000);
    assert.equal(all.partBytes, 8 * mebibyte);
    return {
      partBytes: 10,
      taken: () => taken,
      take() {
        assert.ok(taken < count, "more than there are");
        taken += 1;
        return Promise.resolve(Buffer.alloc(10));
      },
      give() {
        taken -= 1;
      },
    };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- as from a stream
  async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }

  for (const length of [0, 1, 9, 10, 11, 20, 30, 101]) {
    for (const size of [1, 3, 10, 25, 200]) {
      it(`are ten bytes each, but the last: ${length} bytes that arrive as ${size} at a time`, async () => {
        const content = Buffer.from(Array.from({ length }, (_, index) => index));
        const buffers = small(1);
        const found: Buffer[] = [];
        let last = false;
        for await (const part of partsOf(inChunks(content, size), buffers)) {
          assert.ok(!last);
          last = part.last;
          assert.equal(part.number, found.length + 1);
          assert.ok(part.last ? part.body.length > 0 || length === 0 : part.body.length === 10);
          found.push(Buffer.from(part.body));
          part.free();
          part.free();
        }
        assert.ok(last);
        assert.deepEqual(Buffer.concat(found), content);
        assert.equal(buffers.taken(), 0);
      });
    }
  }

  it("give back what they hold when the content fails or nobody wants more", async () => {
    const buffers = small(3);
    const failing = async function* () {
      yield* inChunks(Buffer.alloc(15), 5);
      throw new Error("cut off");
    };
    const whole = async () => {
      for await (const part of partsOf(failing(), buffers)) part.free();
    };
    await assert.rejects(whole(), /cut off/);
    assert.equal(buffers.taken(), 0);
    for await (const part of partsOf(inChunks(Buffer.alloc(50), 7), buffers)) {
      part.free();
      break;
    }
    assert.equal(buffers.taken(), 0);
  });

  it("are as large as the server's limit wants, and few at a time", async () => {
    for (const [terabytes, maxParts, partBytes, atOnce] of [
      [0.07, 10_000, 8 * mebibyte, 2],
      [0.1, 10_000, 11 * mebibyte, 1],
      [5, 10_000, 530 * mebibyte, 1],
      [0.007, 1000, 8 * mebibyte, 2],
      [0.035, 1000, 38 * mebibyte, 1],
      [0.00004, 3, 20 * mebibyte, 1],
      [0.00004, 1, 39 * mebibyte, 1],
    ] as const) {
      const buffers = partBuffers(terabytes * 1e12, maxParts);
      assert.equal(buffers.partBytes, partBytes);
      assert.ok(buffers.partBytes * Math.max(1, maxParts * 0.9) >= terabytes * 1e12);
      const taken: Buffer[] = [];
      while (taken.length < atOnce) taken.push(await buffers.take());
      const next = buffers.take();
      assert.equal(await Promise.race([next, setImmediate("waits")]), "waits");
      buffers.give(taken[0] ?? Buffer.of());
      assert.equal(await next, taken[0]);
    }
  });

  it("are never larger than what can be hashed at once", () => {
    assert.equal(partBuffers(5e12, 1000).partBytes, 2047 * mebibyte);
  });
});

describe("what an S3 server answers", () => {
  const told = (error: { name?: string; message?: string; code?: string }, operation = "ListObjectsV2") => {
    const described = describeFailure(Object.assign(new Error("why"), error), operation, "s3://backups/gis");
    return described instanceof Failure ? described.describe() : String(described);
  };
  const answer = (name: string, httpStatusCode: number) => ({ name, $metadata: { httpStatusCode } });

  const put = { IfNoneMatch: "*", ChecksumAlgorithm: "SHA256" };
  const lacks = (status: number, name: string, message: string, used: Used) => {
    const error = Object.assign(new Error(message), answer(name, status));
    const described = describeFailure(error, "PutObject", "s3://backups/gis", used);
    return described instanceof Failure ? described.describe() : String(described);
  };
  for (const [title, status, name, message, used, says] of [
    [
      "conditions",
      501,
      "NotImplemented",
      "header If-None-Match",
      put,
      / conditional writes\. Set --s3-c\S+ false;/,
    ],
    [
      "conditions",
      400,
      "InvalidRequest",
      "Conditional PUT",
      put,
      / conditional writes\. Set --s3-c\S+ false;/,
    ],
    [
      "checksums",
      501,
      "NotImplemented",
      "x-amz-checksum-sha256",
      put,
      / SHA256 checksums\. Set --s3-checksum md5;/,
    ],
    ["checksums", 400, "InvalidArgument", "x-amz-trailer", put, / SHA256 checksums\. Set --s3-checksum md5;/],
    ["one of both", 501, "NotImplemented", "A header", put, / false or --s3-checksum md5, whichever helps;/],
    ["one of both", 501, "Unknown", "", put, / false or --s3-checksum md5, whichever helps;/],
    ["conditions", 501, "NotImplemented", "A header", { IfNoneMatch: "*" }, / conditional writes\. Set /],
    ["checksums", 501, "NotImplemented", "", { ChecksumAlgorithm: "CRC32" }, / no CRC32 checksums\. Set /],
    [
      "parts",
      400,
      "InvalidArgument",
      "Part number must be …",
      { PartNumber: 1001 },
      / no part 1001\. Set --s3-max-parts /,
    ],
    ["parts", 400, "TooManyParts", "", { PartNumber: 1001 }, / no part 1001\. Set --s3-max-parts /],
  ] as const)
    it(`is told with the setting that helps: no ${title} (${name} ${message})`, () => {
      const text = lacks(status, name, message, used);
      assert.match(text, /^error\[s3-unsupported\]: The S3 server of s3:\/\/backups\/gis (knows|takes) no /);
      assert.match(text, says);
    });
  for (const [title, status, name, message, used] of [
    ["damage", 400, "InvalidRequest", "The checksum did not match", put],
    ["damage", 400, "BadDigest", "The SHA256 you specified", put],
    ["an argument", 400, "InvalidArgument", "Invalid storage class", put],
    ["what was not asked for", 501, "NotImplemented", "If-None-Match", {}],
    ["a part that was not there", 400, "InvalidPart", "One of the parts was not found", put],
    ["a failed condition", 412, "PreconditionFailed", "If-None-Match", put],
  ] as const)
    it(`is not told as a lack: ${title}`, () => {
      assert.match(lacks(status, name, message, used), /^error\[s3-failed\]: /);
    });

  for (const [title, error, operation, message] of [
    [
      "no credentials",
      { name: "CredentialsProviderError" },
      "PutObject",
      /^error\[s3-denied\]: There are no credentials for s3:\/\/backups\/gis \(s3:PutObject\): why\. Credentials come from .*AWS_PROFILE/,
    ],
    [
      "not allowed",
      answer("AccessDenied", 403),
      "HeadObject",
      /^error\[s3-denied\]: .* does not allow s3:GetObject on s3:\/\/backups\/gis: AccessDenied, why\. /,
    ],
    [
      "not allowed, without a word",
      answer("Unknown", 403),
      "UploadPart",
      /^error\[s3-denied\]: .* s3:PutObject /,
    ],
    ["expired", answer("ExpiredToken", 400), "GetObject", /^error\[s3-denied\]: /],
    [
      "no bucket",
      answer("NoSuchBucket", 404),
      "ListObjectsV2",
      /^error\[bucket-not-found\]: There is no bucket for s3:\/\/backups\/gis/,
    ],
    [
      "refused connection",
      { code: "ECONNREFUSED" },
      "GetObject",
      /^error\[s3-unreachable\]: The S3 server of s3:\/\/backups\/gis cannot be reached: why\. /,
    ],
    ["time-out", { name: "TimeoutError" }, "GetObject", /^error\[s3-unreachable\]: /],
    [
      "no region",
      { message: "Region is missing" },
      "GetObject",
      /^error\[usage\]: Name the region of s3:\/\/backups\/gis/,
    ],
    [
      "throttled",
      answer("SlowDown", 503),
      "UploadPart",
      /^error\[s3-failed\]: .*: SlowDown, why \(HTTP 503\)\.$/,
    ],
  ] as const)
    it(`is told in one message: ${title}`, () => {
      assert.match(told(error, operation), message);
    });

  it("is not told of what is no answer: an interruption, a defect", () => {
    for (const error of [{ name: "AbortError" }, { name: "TypeError" }])
      assert.equal(told(error), `${error.name}: why`);
  });
});
