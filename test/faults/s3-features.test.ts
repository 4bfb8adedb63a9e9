import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { TestBucket } from "../support/bucket";
import { filesOf, flipBit } from "../support/damage";
import { removeFolder, temporaryFolder } from "../support/resources";
import { runnerMain, runRunner } from "../support/runner";
import { type Refusal, type S3Proxy, startS3Proxy } from "../support/s3-proxy";
import { type S3Server, startS3Server } from "../support/s3-server";
import { sealedFiles, writeSealed } from "../support/sealed";

const [older, id] = ["20261121T080000Z", "20261122T080000Z"] as const;
const mebibyte = 1 << 20;
const fewParts = 3;

const headersOf = ({ headers }: IncomingMessage, pattern: RegExp) =>
  Object.keys(headers).filter((header) => pattern.test(header));
const partOf = ({ method, url = "" }: IncomingMessage) =>
  method === "PUT" ? Number(/[?&]partNumber=(\d+)/.exec(url)?.[1] ?? 0) : 0;

const notImplemented = {
  status: 501,
  code: "NotImplemented",
  message: "A header you provided implies functionality that is not implemented",
};
const isConditional = (request: IncomingMessage) => headersOf(request, /^if-none-match$/).length > 0;
const checksumHeaders = /^(x-amz-checksum-.*|x-amz-sdk-checksum-algorithm|x-amz-trailer)$/;
const isChecksummed = (request: IncomingMessage) => headersOf(request, checksumHeaders).length > 0;
const hasSha256 = ({ headers }: IncomingMessage) =>
  "x-amz-checksum-sha256" in headers ||
  [headers["x-amz-checksum-algorithm"], headers["x-amz-sdk-checksum-algorithm"]].includes("SHA256");

/** Servers that lack something: which requests they refuse, how, and the setting that does without it. */
const servers: readonly {
  readonly title: string;
  readonly refuses: (request: IncomingMessage) => boolean;
  readonly refusal: Refusal;
  /** What the error says after its code. */
  readonly says: RegExp;
  readonly setting: readonly string[];
}[] = [
  {
    title: "conditions, without saying so",
    refuses: isConditional,
    refusal: notImplemented,
    says: /--s3-conditional-writes false/,
    setting: ["--s3-conditional-writes", "false"],
  },
  {
    title: "the condition of an upload in parts alone",
    refuses: (request) => request.method === "POST" && isConditional(request),
    refusal: notImplemented,
    says: /knows no conditional writes.* --s3-conditional-writes false/,
    setting: ["--s3-conditional-writes", "false"],
  },
  {
    title: "conditions by their header",
    refuses: isConditional,
    refusal: { status: 400, code: "InvalidArgument", message: "Unsupported header 'If-None-Match'." },
    says: /knows no conditional writes.* --s3-conditional-writes false/,
    setting: ["--s3-conditional-writes", "false"],
  },
  {
    title: "all checksums by their headers",
    refuses: isChecksummed,
    refusal: {
      status: 400,
      code: "InvalidArgument",
      message: "Unsupported header 'x-amz-checksum-sha256' received for this API call.",
    },
    says: /knows no SHA256 checksums.* --s3-checksum md5/,
    setting: ["--s3-checksum", "md5"],
  },
  {
    title: "SHA-256 alone, without saying so",
    refuses: hasSha256,
    refusal: notImplemented,
    says: /--s3-checksum md5/,
    setting: ["--s3-checksum", "crc32"],
  },
  {
    title: "more than a few parts",
    refuses: (request) => partOf(request) > fewParts,
    refusal: {
      status: 400,
      code: "InvalidArgument",
      message: `Part number must be an integer between 1 and ${fewParts}, inclusive`,
    },
    says: /takes no part \d+\. Set --s3-max-parts/,
    setting: ["--s3-max-parts", String(fewParts)],
  },
  {
    title: "conditions and checksums",
    refuses: (request) => isConditional(request) || isChecksummed(request),
    refusal: notImplemented,
    says: /--s3-conditional-writes false/,
    setting: ["--s3-conditional-writes", "false", "--s3-checksum", "md5"],
  },
];

describe("an S3 server that refuses", function () {
  this.timeout(180_000);
  let server: S3Server;
  let bucket: TestBucket;
  let source: string;
  let tarFile: string;
  let tar: Buffer;
  let proxy: S3Proxy | undefined;
  let asked: IncomingMessage[];

  before(async () => {
    [server, source] = await Promise.all([startS3Server(), temporaryFolder()]);
    await writeSealed(source, id, {
      files: { ...sealedFiles, "archive/2.dat": randomBytes(40 * mebibyte) },
    });
    tarFile = path.join(source, "cbm.tar");
    const exported = await runRunner(["export", tarFile, "--repository", source, "--name", "cbm"]);
    assert.equal(exported.exitCode, 0, exported.stderr);
    tar = await readFile(tarFile);
    await writeSealed(source, older);
  });
  after(() => Promise.all([server.stop(), removeFolder(source)]));
  beforeEach(async () => {
    bucket = await TestBucket.create(server);
    await bucket.putBackup(path.join(source, "cbm", older));
    asked = [];
  });
  afterEach(() => {
    proxy?.stop();
    proxy = undefined;
  });

  async function through(
    refuses: (request: IncomingMessage) => boolean,
    refusal: Refusal,
  ): Promise<string[]> {
    proxy = await startS3Proxy(server.endpoint, (request) => {
      asked.push(request);
      return refuses(request) ? refusal : undefined;
    });
    return ["--s3-endpoint", proxy.endpoint];
  }

  /** As stock tools see it. */
  async function expectStored(which: string): Promise<void> {
    const from = path.join(source, "cbm", which);
    const files = await filesOf(from);
    const keys = (await bucket.keys()).filter((key) => key.startsWith(`gis/cbm/${which}/`));
    assert.deepEqual(keys.sort(), files.map((file) => `gis/cbm/${which}/${file}`).sort());
    for (const file of files) {
      const content = await bucket.content(`gis/cbm/${which}/${file}`);
      assert.ok(content.equals(await readFile(path.join(from, file))), file);
    }
  }

  for (const { title, refuses, refusal, says, setting } of servers) {
    it(`${title}: a backup fails with the setting that helps, and leaves nothing`, async () => {
      const option = await through(refuses, refusal);
      const before = await bucket.keys();
      const { exitCode, stderr } = await bucket.run("import", [tarFile, ...option]);
      assert.equal(exitCode, 1);
      assert.equal(stderr.match(/^error/gm)?.length, 1, stderr);
      assert.match(stderr, new RegExp(`^error\\[s3-unsupported\\]: .*${says.source}`, "m"));
      assert.ok(stderr.includes(refusal.message), stderr);
      assert.deepEqual(await bucket.keys(), before);
      assert.deepEqual(await bucket.openUploads(), []);
      assert.ok((proxy?.troubles.length ?? 0) <= 4, "it is not asked again and again");
    });

    it(`${title}: with the setting a backup is whole; it is marked, verified and pruned`, async () => {
      const option = [...(await through(refuses, refusal)), ...setting];
      const imported = await bucket.run("import", [tarFile, ...option]);
      assert.equal(imported.exitCode, 0, imported.stderr);
      await expectStored(id);
      assert.deepEqual(await bucket.openUploads(), []);
      // Whichever of these a verb does not need, it does not have.
      const only = (...names: string[]) => [
        ...option.slice(0, 2),
        ...names.flatMap((name) => {
          const at = option.indexOf(name);
          return at < 0 ? [] : option.slice(at, at + 2);
        }),
      ];
      const ofPut = only("--s3-conditional-writes", "--s3-checksum");
      for (const [verb, args, status] of [
        ["keep", [id, ...ofPut], 0],
        ["keep", [id, ...ofPut], 0],
        ["prune", ["--keep-last", "1", ...only("--s3-checksum")], 0],
        ["verify", [id, ...only("--s3-checksum")], 1],
      ] as const) {
        // What verify finds is recorded, so it gets something to find.
        if (verb === "verify")
          await flipBit(path.join(server.data, bucket.name, "gis/cbm", id, "SHA256SUMS"));
        const { exitCode, stderr } = await bucket.run(verb, [...args, "--name", "cbm"]);
        assert.equal(exitCode, status, `${verb}: ${stderr}`);
        assert.doesNotMatch(stderr, /error\[s3|warning/, verb);
      }
      const keys = await bucket.keys();
      assert.ok(keys.includes(`gis/cbm/${id}/keep`));
      assert.ok(keys.includes(`gis/cbm/${id}/verification-archive.json`));
      assert.ok(!keys.some((key) => key.includes(older)), "pruned");
      assert.deepEqual(proxy?.troubles, []);
      assert.ok(asked.some((request) => partOf(request) > 1));
    });
  }

  it("all checksums: each upload and removal has the MD5 of its content", async () => {
    const option = await through(isChecksummed, notImplemented);
    const imported = await bucket.run("import", [tarFile, ...option, "--s3-checksum", "md5"]);
    assert.equal(imported.exitCode, 0, imported.stderr);
    const sent = asked.filter(({ method }) => method === "PUT");
    assert.ok(sent.length > 8);
    for (const { headers, url } of sent) {
      assert.match(String(headers["content-md5"]), /^[\w+/]{22}==$/, url);
      assert.match(String(headers["x-amz-content-sha256"]), /^[0-9a-f]{64}$/, url);
      const { pathname, searchParams } = new URL(url ?? "", server.endpoint);
      if (searchParams.has("partNumber")) continue;
      const file = pathname.slice(bucket.name.length + 2);
      const md5 = createHash("md5")
        .update(await bucket.content(file))
        .digest("base64");
      assert.equal(headers["content-md5"], md5, url);
    }
    asked = [];
    const args = ["--name", "cbm", "--keep-last", "1", ...option, "--s3-checksum", "md5"];
    assert.equal((await bucket.run("prune", args)).exitCode, 0);
    const removals = asked.filter(({ method, url = "" }) => method === "POST" && url.includes("delete"));
    assert.deepEqual(
      removals.map(({ headers }) => String(headers["content-md5"]).length),
      [24, 24],
    );
  });

  describe("conditions, where settings do without them", () => {
    const setting = ["--s3-conditional-writes", "false"];
    let option: string[];
    beforeEach(async () => {
      option = [...(await through(isConditional, notImplemented)), ...setting];
    });

    /** As another run does, each of which has a mark of its own. */
    async function putAsAnother(Key: string, Body: Buffer): Promise<void> {
      const Metadata = { "postgis-backup-run": randomUUID() };
      await server.client.send(new PutObjectCommand({ Bucket: bucket.name, Key, Body, Metadata }));
    }

    /** An import that has uploaded some of the largest file, and waits for more. */
    async function startUpload(more: readonly string[]) {
      const runner = spawn("node", [runnerMain, "import", "-", ...bucket.place(), ...more], {
        stdio: ["pipe", "ignore", "pipe"],
        env: { ...process.env, ...server.environment },
      });
      runner.stdin.on("error", () => undefined);
      const said = buffer(runner.stderr).then(String);
      const ended = once(runner, "close").then(async ([exitCode]) => ({
        exitCode: exitCode as number | null,
        stderr: await said,
      }));
      runner.stdin.write(tar.subarray(0, 30 * mebibyte));
      while ((await bucket.uploadedParts()) < 2) {
        assert.equal(runner.exitCode, null, "it ended before it was seen at work");
        await sleep(20);
      }
      return { finish: () => runner.stdin.end(tar.subarray(30 * mebibyte)), ended };
    }

    it("an object of another content is found, and stays", async () => {
      const key = `gis/cbm/${id}/archive/1.dat`;
      const other = randomBytes((await stat(path.join(source, "cbm", id, "archive", "1.dat"))).size);
      await bucket.put(key, other);
      const { exitCode, stderr } = await bucket.run("import", [tarFile, ...option]);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[backup-exists\]/m);
      assert.ok(!(await bucket.keys()).includes(`gis/cbm/${id}/manifest.json`));
      assert.deepEqual(await bucket.content(key), other);
    });

    it("an object that appears while its parts are uploaded is found, and stays", async () => {
      const { finish, ended } = await startUpload(option);
      const key = `gis/cbm/${id}/archive/2.dat`;
      await bucket.put(key, "another");
      finish();
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[backup-exists\]/m);
      assert.equal(String(await bucket.content(key)), "another");
      assert.deepEqual(await bucket.openUploads(), []);
    });

    it("one backup is taken twice at once", async () => {
      const { finish, ended } = await startUpload(option);
      const second = await bucket.run("import", [tarFile, ...option]);
      assert.equal(second.exitCode, 0, second.stderr);
      finish();
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 0, stderr);
      await expectStored(id);
      assert.deepEqual(await bucket.openUploads(), []);
    });

    it("an object that another run overwrites with the same content does no harm", async () => {
      const { finish, ended } = await startUpload(option);
      const content = await readFile(path.join(source, "cbm", id, "archive", "1.dat"));
      await putAsAnother(`gis/cbm/${id}/archive/1.dat`, content);
      finish();
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 0, stderr);
      await expectStored(id);
    });

    it("an object that another run overwrites is noticed before the backup counts, and is not removed", async () => {
      const { finish, ended } = await startUpload(option);
      const key = `gis/cbm/${id}/archive/1.dat`;
      const other = randomBytes((await stat(path.join(source, "cbm", id, "archive", "1.dat"))).size);
      await putAsAnother(key, other);
      finish();
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[s3-failed\]: s3:\S+Z\/archive\/1\.dat was overwritten /m);
      assert.deepEqual(await bucket.content(key), other);
      assert.ok(
        !asked.some(({ method, url = "" }) => method === "PUT" && url.includes("manifest.json")),
        "not even for a moment",
      );
      assert.deepEqual(await bucket.openUploads(), []);
    });

    it("the manifest is taken back when an object is overwritten at the last moment", async () => {
      const key = `gis/cbm/${id}/archive/1.dat`;
      const other = randomBytes((await stat(path.join(source, "cbm", id, "archive", "1.dat"))).size);
      let overwritten: Promise<void> | undefined;
      proxy?.stop();
      proxy = await startS3Proxy(server.endpoint, ({ method, url = "" }) => {
        if (method !== "PUT" || !url.includes("manifest.json")) return undefined;
        overwritten = putAsAnother(key, other);
        return "late";
      });
      const last = ["--s3-endpoint", proxy.endpoint, ...setting];
      const { exitCode, stderr } = await bucket.run("import", [tarFile, ...last]);
      assert.notEqual(overwritten, undefined);
      assert.equal(exitCode, 1);
      assert.match(stderr, /^error\[s3-failed\]: s3:\S+Z\/archive\/1\.dat was overwritten /m);
      assert.deepEqual(await bucket.content(key), other);
      assert.ok(!(await bucket.keys()).includes(`gis/cbm/${id}/manifest.json`), stderr);
    });
  });
});
