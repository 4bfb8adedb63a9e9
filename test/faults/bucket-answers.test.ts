import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import path from "node:path";
import { TestBucket } from "../support/bucket";
import { removeFolder, temporaryFolder } from "../support/resources";
import { runRunner } from "../support/runner";
import { type S3Proxy, startS3Proxy, type Trouble } from "../support/s3-proxy";
import { type S3Server, startS3Server } from "../support/s3-server";
import { sealedFiles, writeSealed } from "../support/sealed";

const id = "20261122T080000Z";
const mebibyte = 1 << 20;

const asks = ({ method, url = "" }: IncomingMessage, wanted: string, part: string) =>
  method === wanted && url.includes(part);

/** Each kind of request, and what makes it. */
const kinds: Record<
  string,
  { verb: "import" | "export" | "keep" | "prune"; is: (r: IncomingMessage) => boolean }
> = {
  "a listing": { verb: "import", is: (request) => asks(request, "GET", "list-type=2") },
  "a small object": { verb: "import", is: (request) => asks(request, "PUT", "prepare.sql") },
  "the beginning of an upload in parts": {
    verb: "import",
    is: (request) => asks(request, "POST", "uploads"),
  },
  "a part": { verb: "import", is: (request) => asks(request, "PUT", "partNumber=2") },
  "the end of an upload in parts": { verb: "import", is: (request) => asks(request, "POST", "uploadId=") },
  "the manifest": { verb: "import", is: (request) => asks(request, "PUT", "manifest.json") },
  "what is read": { verb: "export", is: (request) => asks(request, "GET", "2.dat") },
  "a mark": { verb: "keep", is: (request) => asks(request, "PUT", "/keep") },
  "what is known of an object": { verb: "prune", is: (request) => request.method === "HEAD" },
  "a removal": { verb: "prune", is: (request) => asks(request, "POST", "delete") },
};

describe("a bucket whose server", function () {
  this.timeout(300_000);
  let server: S3Server;
  let folder: string;
  let tar: string;
  const proxies: S3Proxy[] = [];

  before(async () => {
    [server, folder] = await Promise.all([startS3Server(), temporaryFolder()]);
    const files = { ...sealedFiles, "archive/2.dat": randomBytes(20 * mebibyte) };
    await writeSealed(folder, id, { files });
    tar = path.join(folder, "cbm.tar");
    const { exitCode, stderr } = await runRunner(["export", tar, "--repository", folder, "--name", "cbm"]);
    assert.equal(exitCode, 0, stderr);
  });
  after(async () => {
    for (const proxy of proxies) proxy.stop();
    await Promise.all([server.stop(), removeFolder(folder)]);
  });

  async function bucketThrough(troubleOf: (request: IncomingMessage) => Trouble) {
    const [bucket, proxy] = await Promise.all([
      TestBucket.create(server),
      startS3Proxy(server.endpoint, troubleOf),
    ]);
    proxies.push(proxy);
    return { bucket, proxy, option: ["--s3-endpoint", proxy.endpoint] };
  }

  const argumentsOf = (verb: string) =>
    ({
      import: [tar],
      export: [path.join(folder, `${Math.random()}.tar`), "--name", "cbm"],
      keep: ["latest", "--name", "cbm"],
      prune: ["--name", "cbm", "--keep-last", "1"],
    })[verb] ?? [];

  async function fill(bucket: TestBucket, verb: string) {
    if (verb === "import") return;
    await bucket.putBackup(path.join(folder, "cbm", id));
    if (verb === "prune") await bucket.run("import", [await olderTar()]);
  }

  async function olderTar(): Promise<string> {
    const older = await temporaryFolder();
    try {
      await writeSealed(older, "20261121T080000Z");
      const file = path.join(folder, `${path.basename(older)}.tar`);
      await runRunner(["export", file, "--repository", older, "--name", "cbm"]);
      return file;
    } finally {
      await removeFolder(older);
    }
  }

  /** Ids of complete backups, as a plain client sees them. */
  const complete = async (bucket: TestBucket) =>
    (await bucket.keys()).filter((key) => key.endsWith("/manifest.json")).map((key) => key.split("/").at(-2));

  const quick = { AWS_MAX_ATTEMPTS: "7" };

  it("answers no more is given up in time, in one message, whatever it was asked", async () => {
    const ends = Object.entries(kinds).flatMap(([title, { verb, is }]) =>
      (title === "what is read" ? (["silent", "silentInAnswer"] as const) : (["silent"] as const)).map(
        async (silence) => {
          const { bucket, proxy, option } = await bucketThrough((request) =>
            is(request) ? silence : undefined,
          );
          await fill(bucket, verb);
          const started = performance.now();
          const more = [...argumentsOf(verb), ...option, "--s3-timeout", "2"];
          const { exitCode, stderr } = await bucket.run(verb, more, { ...server.environment, ...quick });
          return {
            title,
            verb,
            exitCode,
            stderr,
            seconds: (performance.now() - started) / 1000,
            bucket,
            proxy,
          };
        },
      ),
    );
    for (const { title, verb, exitCode, stderr, seconds, bucket, proxy } of await Promise.all(ends)) {
      assert.notEqual(proxy.troubles.length, 0, `${title}: never asked`);
      const about = `${title}, ${seconds} s: ${stderr}`;
      assert.ok(seconds < 100, about);
      assert.doesNotMatch(stderr, /^ {4}at /m, about);
      if (title === "a removal") {
        assert.match(stderr, /^warning: Backup \S+ was not removed: The S3 server of \S+ does not answer/m);
        continue;
      }
      assert.equal(exitCode, 1, about);
      assert.equal(stderr.match(/^error/gm)?.length, 1, about);
      assert.match(stderr, /^error\[s3-unreachable\]: The S3 server of s3:\S+ does not answer: /m, about);
      if (verb === "import") assert.deepEqual(await complete(bucket), [], about);
    }
  });

  it("is slow is waited for, as long as bytes move", async () => {
    const { bucket } = await bucketThrough(() => undefined);
    const slow = ["--upload-limit", String(3 * mebibyte), "--s3-timeout", "1.5"];
    const { exitCode, stderr } = await bucket.run("import", [tar, ...slow]);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(await complete(bucket), [id]);
  });

  for (const trouble of ["lost", "doneButFailed"] as const) {
    for (const title of ["a small object", "the end of an upload in parts", "the manifest", "a mark"]) {
      const { verb, is } = kinds[title] ?? assert.fail();
      it(`has done what it was asked for, but says otherwise to each attempt, has it all the same: ${title} (${trouble})`, async () => {
        const { bucket, option, proxy } = await bucketThrough((request) =>
          is(request) ? trouble : undefined,
        );
        await fill(bucket, verb);
        const { exitCode, stderr } = await bucket.run(verb, [...argumentsOf(verb), ...option], {
          ...server.environment,
          AWS_MAX_ATTEMPTS: "1",
        });
        assert.notEqual(proxy.troubles.length, 0);
        assert.equal(exitCode, 0, stderr);
        assert.deepEqual(await complete(bucket), [id]);
        assert.deepEqual(await bucket.openUploads(), []);
        const verified = await bucket.run("list", ["--json"]);
        const [found] = JSON.parse(verified.stdout) as { problem?: string; kept: boolean }[];
        assert.deepEqual([found?.problem, found?.kept], [undefined, verb === "keep"]);
      });

      if (verb === "import")
        it(`has done it, and then fails: nothing is left of the run: ${title} (${trouble})`, async () => {
          let done = false;
          const { bucket, option } = await bucketThrough((request) => {
            if (is(request)) done = true;
            if (is(request)) return trouble;
            // What comes after it is refused, as is the question whether it was done; only removing is not.
            if (!done || asks(request, "POST", "delete") || asks(request, "GET", "list-type"))
              return undefined;
            return request.method === "HEAD" && looks++ > 0 ? undefined : "InternalError";
          });
          let looks = 0;
          const { exitCode, stderr } = await bucket.run("import", [tar, ...option], {
            ...server.environment,
            AWS_MAX_ATTEMPTS: "1",
          });
          assert.equal(exitCode, 1, stderr);
          assert.deepEqual(await bucket.keys(), [], stderr);
        });
    }
  }

  it("removes only a part of a backup leaves none that looks whole", async () => {
    let removals = 0;
    const { bucket, option } = await bucketThrough((request) =>
      asks(request, "POST", "delete") && removals++ > 0 ? "InternalError" : undefined,
    );
    await fill(bucket, "prune");
    const { stderr } = await bucket.run("prune", [...argumentsOf("prune"), ...option], {
      ...server.environment,
      AWS_MAX_ATTEMPTS: "1",
    });
    assert.ok(removals > 1, stderr);
    assert.deepEqual(await complete(bucket), [id], stderr);
    assert.ok(
      (await bucket.keys()).some((key) => key.includes("20261121T080000Z/archive")),
      stderr,
    );
  });

  it("does not tell whether the backup is complete has that said", async () => {
    let done = false;
    const { bucket, option } = await bucketThrough((request) => {
      done ||= asks(request, "PUT", "manifest.json");
      return done ? (asks(request, "PUT", "manifest.json") ? "lost" : "gone") : undefined;
    });
    const { exitCode, stderr } = await bucket.run("import", [tar, ...option], {
      ...server.environment,
      AWS_MAX_ATTEMPTS: "2",
    });
    assert.equal(exitCode, 1);
    assert.deepEqual(await complete(bucket), [id]);
    assert.match(stderr, /^error\[s3-unreachable\]: .* may still be in s3:\S+ as a complete backup: /m);
  });
});
