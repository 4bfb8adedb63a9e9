import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFile, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { PruneResult } from "../../runner/prune/index";
import { TestBucket } from "../support/bucket";
import { filesOf, flipBit } from "../support/damage";
import { peakMemory } from "../support/memory";
import { freePort, removeFolder, temporaryFolder } from "../support/resources";
import { endedStatus, runnerMain, runRunner } from "../support/runner";
import { type S3Proxy, startS3Proxy, type Trouble } from "../support/s3-proxy";
import { type S3Server, startS3Server } from "../support/s3-server";
import { sealedFiles, writeSealed } from "../support/sealed";
import { writeBackup } from "../support/sample-backups";
import { largeTar } from "../support/large-tar";

const [older, id, newer] = ["20261121T080000Z", "20261122T080000Z", "20261123T080000Z"] as const;
const mebibyte = 1 << 20;
const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000);

describe("a bucket, when something is wrong", function () {
  this.timeout(180_000);
  let server: S3Server;
  let bucket: TestBucket;
  let source: string;
  let tarFile: string;
  let tar: Buffer;
  let earlier: string[];
  let proxy: S3Proxy | undefined;

  before(async () => {
    [server, source] = await Promise.all([startS3Server(), temporaryFolder()]);
    // Large enough for several parts.
    await writeSealed(source, id, {
      files: { ...sealedFiles, "archive/2.dat": randomBytes(40 * mebibyte) },
    });
    tarFile = path.join(source, "cbm.tar");
    const { exitCode, stderr } = await runRunner([
      "export",
      tarFile,
      "--repository",
      source,
      "--name",
      "cbm",
    ]);
    assert.equal(exitCode, 0, stderr);
    tar = await readFile(tarFile);
    await writeSealed(source, older);
  });
  after(() => Promise.all([server.stop(), removeFolder(source)]));
  beforeEach(async () => {
    bucket = await TestBucket.create(server);
    await bucket.putBackup(path.join(source, "cbm", older));
    earlier = await bucket.keys();
  });
  afterEach(() => {
    proxy?.stop();
    proxy = undefined;
  });

  /** An import that is fed as far as a test wants. */
  function startImport(...more: string[]) {
    const env = { ...process.env, ...server.environment };
    const runner = spawn("node", [runnerMain, "import", "-", ...bucket.place(), ...more], {
      stdio: ["pipe", "ignore", "pipe"],
      env,
    });
    runner.stdin.on("error", () => undefined);
    const said = buffer(runner.stderr).then(String);
    const ended = once(runner, "close").then(async ([exitCode]) => ({
      exitCode: exitCode as number | null,
      stderr: await said,
    }));
    return { runner, ended };
  }

  /** The same, once the server has some of the largest file. */
  async function startUpload(...more: string[]) {
    const started = startImport(...more);
    started.runner.stdin.write(tar.subarray(0, 30 * mebibyte));
    while ((await bucket.uploadedParts()) < 2) {
      assert.equal(started.runner.exitCode, null, "it ended before it was seen at work");
      await sleep(20);
    }
    return started;
  }

  async function expectUntouched(): Promise<void> {
    assert.deepEqual(await bucket.keys(), earlier);
    assert.deepEqual(await bucket.openUploads(), []);
    await expectSame(older);
  }

  async function expectSame(which: string): Promise<void> {
    const from = path.join(source, "cbm", which);
    for (const file of await filesOf(from)) {
      const content = await bucket.content(`gis/cbm/${which}/${file}`);
      assert.ok(content.equals(await readFile(path.join(from, file))), file);
    }
  }

  async function ids(): Promise<string[]> {
    const { exitCode, stdout, stderr } = await bucket.run("list", ["--json"]);
    assert.equal(exitCode, 0, stderr);
    return (JSON.parse(stdout) as { id: string; problem?: string }[]).map(
      (stored) => stored.problem ?? stored.id,
    );
  }

  async function expectImported(): Promise<void> {
    const { exitCode, stderr } = await bucket.run("import", [tarFile]);
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
  }

  async function expectWhole(): Promise<void> {
    assert.deepEqual(await ids(), [older, id]);
    await Promise.all([expectSame(older), expectSame(id)]);
  }

  const through = async (troubleOf: Parameters<typeof startS3Proxy>[1]) => {
    proxy = await startS3Proxy(server.endpoint, troubleOf);
    return { ...proxy, option: ["--s3-endpoint", proxy.endpoint] };
  };

  it("shows no half backup when the server is killed in the middle, and the failure says what is left of it", async () => {
    const { runner, ended } = await startUpload();
    await server.kill();
    runner.stdin.end(tar.subarray(30 * mebibyte));
    const { exitCode, stderr } = await ended;
    await server.restart();
    assert.equal(exitCode, 1);
    const errors = stderr.split("\n").filter((line) => /^error\b|^ {4}at /.test(line));
    assert.equal(errors.length, 1, stderr);
    assert.match(
      errors[0] ?? "",
      /^error\[s3-unreachable\]: .*ECONN.* Parts of an upload are left below s3:\/\/\S+Z\. Only /,
    );
    assert.deepEqual(await bucket.openUploads(), [`gis/cbm/${id}/archive/2.dat`]);
    assert.ok(!(await bucket.keys()).includes(`gis/cbm/${id}/manifest.json`));
    assert.deepEqual(await ids(), [older]);
    await expectImported();
  });

  it("takes a backup while its server is restarted", async () => {
    const { runner, ended } = await startUpload();
    await server.kill();
    runner.stdin.end(tar.subarray(30 * mebibyte));
    await sleep(500);
    await server.restart();
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
    assert.deepEqual(await bucket.openUploads(), []);
  });

  it("takes a backup though the server fails and throttles", async () => {
    let count = 0;
    const troubles: Trouble[] = ["SlowDown", undefined, "InternalError", undefined, undefined];
    const { option, ...between } = await through(() => troubles[count++ % troubles.length]);
    const { exitCode, stderr } = await bucket.run("import", [tarFile, ...option]);
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
    const said = new Set(between.troubles);
    assert.ok(said.has("PUT SlowDown") && said.has("PUT InternalError"), [...said].join());
  });

  it("gives up, and leaves nothing, when the server only ever throttles uploads", async () => {
    const { option } = await through(({ method }) => (method === "PUT" ? "SlowDown" : undefined));
    const { exitCode, stderr } = await runRunner(["import", tarFile, ...bucket.place(), ...option], {
      ...server.environment,
      AWS_MAX_ATTEMPTS: "2",
    });
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error\[s3-failed\]: The S3 server refused s3:PutObject on s3:\S+: SlowDown, Reduce your request rate \(HTTP 503\)\.$/m,
    );
    await expectUntouched();
  });

  it("knows its own objects when the answer to a request is lost", async () => {
    const lost = new Set<string>();
    const { option, ...between } = await through(({ method, url = "" }) => {
      // Of an upload whose id was lost nobody knows; the parts of one are merely sent again.
      if (method === "GET" || url.includes("uploads") || lost.has(url)) return undefined;
      lost.add(url);
      return "lost";
    });
    const { exitCode, stderr } = await bucket.run("import", [tarFile, ...option]);
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
    assert.deepEqual(await bucket.openUploads(), []);
    assert.ok(between.troubles.includes("POST lost"), between.troubles.join());
    assert.ok([...lost].some((url) => url.includes("manifest.json")));
  });

  it("is read to the end though connections are cut", async () => {
    await expectImported();
    const cut = new Set<string>();
    const { option, ...between } = await through(({ method, url = "" }) => {
      if (method !== "GET" || !url.includes("2.dat") || cut.size > 3) return undefined;
      cut.add(`${cut.size}`);
      return "cut";
    });
    const again = path.join(source, "again.tar");
    const { exitCode, stderr } = await bucket.run("export", [again, "--name", "cbm", ...option]);
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(
      between.troubles,
      Array.from({ length: 4 }, () => "GET cut"),
    );
    await execa("cmp", [tarFile, again]);
  });

  it("is read no further when each connection is cut at once", async () => {
    await expectImported();
    const { option } = await through(({ url = "" }) => (url.includes("2.dat") ? "cut" : undefined));
    const again = path.join(source, "never.tar");
    const { exitCode, stderr } = await bucket.run("export", [again, "--name", "cbm", ...option]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[s3-unreachable\]: The S3 server of s3:\S+2\.dat cannot be reached: /m);
    await assert.rejects(stat(again), /ENOENT/);
  });

  it("keeps nothing of a tar that turns out to be damaged while it is uploaded", async () => {
    const damaged = Buffer.from(tar);
    damaged.writeUInt8((damaged[35 * mebibyte] ?? 0) ^ 1, 35 * mebibyte);
    const { runner, ended } = startImport();
    runner.stdin.end(damaged);
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[checksum-mismatch\]: archive\/2\.dat in the tar [^\n]*\n$/m);
    await expectUntouched();
  });

  // A server may finish a part after it has aborted the upload, and then it keeps that part.
  for (const [why, stopBy, status] of [
    ["the tar is damaged", undefined, 1],
    ["it is interrupted", "SIGINT", endedStatus.SIGINT],
  ] as const) {
    it(`waits for the parts that are being sent before it aborts an upload because ${why}`, async () => {
      const { option, ...between } = await through(({ method, url = "" }) =>
        method === "PUT" && url.includes("partNumber") ? "late" : undefined,
      );
      const damaged = Buffer.from(tar);
      damaged.writeUInt8((damaged[35 * mebibyte] ?? 0) ^ 1, 35 * mebibyte);
      const { runner, ended } = startImport(...option);
      runner.stdin.write(damaged.subarray(0, 30 * mebibyte));
      while (between.troubles.length === 0) await sleep(20);
      if (stopBy === undefined) runner.stdin.end(damaged.subarray(30 * mebibyte));
      else runner.kill(stopBy);
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, status, stderr);
      assert.deepEqual([...new Set(between.troubles)], ["PUT late"]);
      await expectUntouched();
    });
  }

  it("keeps two backups of one id apart: the one that comes later is refused, and harms nothing", async () => {
    const { runner, ended } = await startUpload();
    const other = await temporaryFolder();
    try {
      await writeSealed(other, id, { files: { "RESTORE.md": Buffer.from("another") } });
      const otherTar = path.join(other, "other.tar");
      await runRunner(["export", otherTar, "--repository", other, "--name", "cbm"]);
      const refused = await bucket.run("import", [otherTar]);
      assert.equal(refused.exitCode, 1);
      assert.match(refused.stderr, /^error\[backup-exists\]: s3:\S+20261122T080000Z exists already/m);
    } finally {
      await removeFolder(other);
    }
    runner.stdin.end(tar.subarray(30 * mebibyte));
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
  });

  it("takes no object of another content, in the same size, for one of its own", async () => {
    const key = `gis/cbm/${id}/archive/1.dat`;
    const other = randomBytes((await stat(path.join(source, "cbm", id, "archive", "1.dat"))).size);
    await bucket.put(key, other);
    const { exitCode, stderr } = await bucket.run("import", [tarFile]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[backup-exists\]/m);
    assert.ok(!(await bucket.keys()).includes(`gis/cbm/${id}/manifest.json`));
    assert.deepEqual(await bucket.content(key), other);
  });

  it("has as the latest what was stored last, where clocks were ahead", async () => {
    const future = await temporaryFolder();
    try {
      for (const one of ["20400101T080000Z", "20390101T080000Z"]) {
        await writeSealed(future, one);
        const file = path.join(future, `${one}.tar`);
        await runRunner(["export", one, file, "--repository", future, "--name", "cbm"]);
        const { exitCode, stderr } = await bucket.run("import", [file]);
        assert.equal(exitCode, 0, stderr);
        // The server tells full seconds.
        await sleep(1100);
      }
    } finally {
      await removeFolder(future);
    }
    const { stdout } = await bucket.run("list", ["--json"]);
    const listed = JSON.parse(stdout) as { id: string; latest: boolean }[];
    assert.deepEqual(
      listed.filter(({ latest }) => latest).map((backup) => backup.id),
      ["20390101T080000Z"],
    );
  });

  it("publishes nothing when somebody removes an object of a backup that is on its way", async () => {
    const asked: string[] = [];
    const { option } = await through(({ method, url = "" }) => {
      asked.push(`${method} ${url}`);
      return undefined;
    });
    const { runner, ended } = await startUpload(...option);
    await bucket.delete(`gis/cbm/${id}/archive/1.dat`);
    runner.stdin.end(tar.subarray(30 * mebibyte));
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 1);
    assert.match(
      stderr,
      /^error\[s3-failed\]: s3:\S+Z\/archive\/1\.dat was uploaded, but is missing or has another size/m,
    );
    assert.deepEqual(
      asked.filter((request) => /^PUT \S*manifest\.json/.test(request)),
      [],
      "not even for a moment",
    );
    await expectUntouched();
  });

  it("takes one backup twice at once", async () => {
    const { runner, ended } = await startUpload();
    const second = await bucket.run("import", [tarFile]);
    assert.equal(second.exitCode, 0, second.stderr);
    runner.stdin.end(tar.subarray(30 * mebibyte));
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
    await expectWhole();
    assert.deepEqual(await bucket.openUploads(), []);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`keeps nothing after ${signal} in the middle`, async () => {
      const { runner, ended } = await startUpload();
      runner.kill(signal);
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, endedStatus[signal]);
      assert.match(stderr, new RegExp(`^error\\[interrupted\\]: Interrupted by ${signal}`, "m"));
      await expectUntouched();
    });
  }

  it("shows no half backup after SIGKILL in the middle; the next run succeeds", async () => {
    const { runner, ended } = await startUpload();
    runner.kill("SIGKILL");
    assert.equal((await ended).exitCode, null);
    assert.deepEqual(await ids(), [older]);
    await expectImported();
  });

  it("is not begun with where it cannot be reached, is not there, or is not ours", async () => {
    const wrong = { ...server.environment, AWS_SECRET_ACCESS_KEY: "0123456789abcdef-secret" };
    const port = await freePort();
    for (const [args, env, message] of [
      [
        ["--s3-endpoint", `http://127.0.0.1:${port}`],
        server.environment,
        /^error\[s3-unreachable\]: .*ECONNREFUSED/m,
      ],
      [
        ["--repository", `s3://${bucket.name}-not/gis`],
        server.environment,
        /^error\[bucket-not-found\]: There is no bucket for s3:\/\/\S+-not\//m,
      ],
      [[], wrong, /^error\[s3-denied\]: .*s3:ListBucket on s3:\S+: SignatureDoesNotMatch/m],
      [[], {}, /^error\[s3-denied\]: There are no credentials for s3:\S+ \(s3:ListBucket\)/m],
    ] as const) {
      const { exitCode, stdout, stderr } = await runRunner(["import", tarFile, ...bucket.place(), ...args], {
        AWS_EC2_METADATA_DISABLED: "true",
        ...env,
      });
      assert.deepEqual([exitCode, stdout], [1, ""]);
      assert.match(stderr, message);
      assert.ok(!/\n\s+at /.test(stderr), stderr);
      for (const secret of [wrong.AWS_SECRET_ACCESS_KEY, server.secretAccessKey])
        assert.ok(!stderr.includes(secret), stderr);
    }
    await expectUntouched();
  });

  describe("with what was cut off a day ago", () => {
    const pruned = async () => {
      const { exitCode, stdout, stderr } = await bucket.run("prune", [
        "--name",
        "cbm",
        "--keep-last",
        "9",
        "--json",
      ]);
      assert.equal(exitCode, 0, stderr);
      const result = JSON.parse(stdout) as PruneResult;
      return { ...result, removed: result.removed.map(({ id }) => id) };
    };
    /** Files of a backup without its manifest, as an upload or a removal leaves them; where they are on the server's disk. */
    async function leave(which: string, age?: Date): Promise<string> {
      const left = await bucket.putBackup(await writeBackup(path.join(source, "left"), which, { files: 3 }));
      const place = path.join(server.data, bucket.name, left);
      await execa("rm", [path.join(place, "manifest.json")]);
      if (age !== undefined)
        for (const file of await filesOf(place)) await utimes(path.join(place, file), age, age);
      return left;
    }

    it("removes the rest in the next prune, and nothing that may be in progress", async () => {
      await leave("20261101T080000Z", yesterday);
      const young = await leave("20261102T080000Z");
      const { removed, left } = await pruned();
      assert.deepEqual([removed, left], [["20261101T080000Z"], []]);
      const rest = (await bucket.keys()).filter((key) => !earlier.includes(key));
      assert.equal(rest.length, 4);
      assert.ok(rest.every((key) => key.startsWith(young)));
    });

    it("leaves alone what somebody put there", async () => {
      const left = await leave("20261101T080000Z", yesterday);
      const file = path.join(server.data, bucket.name, left, "notes.txt");
      await writeFile(file, "mine");
      await utimes(file, yesterday, yesterday);
      const result = await pruned();
      assert.deepEqual(result.removed, []);
      assert.deepEqual(result.left, [
        { id: "20261101T080000Z", reason: "it contains notes.txt, which is not part of the backup" },
      ]);
      assert.equal(await readFile(file, "utf8"), "mine");
    });

    it("leaves alone what somebody marked", async () => {
      const left = await leave("20261101T080000Z", yesterday);
      const mark = path.join(server.data, bucket.name, left, "keep");
      await writeFile(mark, "");
      await utimes(mark, yesterday, yesterday);
      const before = await bucket.keys();
      const result = await pruned();
      assert.deepEqual(result.left, [{ id: "20261101T080000Z", reason: 'it is marked "keep"' }]);
      assert.deepEqual(await bucket.keys(), before);
    });
  });

  it("has an object that somebody changed: export finds it, and leaves no file", async () => {
    await expectImported();
    await flipBit(path.join(server.data, bucket.name, "gis/cbm", id, "archive/2.dat"));
    const file = path.join(source, "x.tar");
    const { exitCode, stderr } = await bucket.run("export", [id, file, "--name", "cbm"]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /^error\[checksum-mismatch\]: s3:\S+: archive\/2\.dat does not have the checksum/m);
    await assert.rejects(stat(file), /ENOENT/);
  });

  it("is sent no more bytes in a second than it may be", async () => {
    const limit = 8 * mebibyte;
    const started = performance.now();
    const { exitCode, stderr } = await bucket.run("import", [tarFile, "--upload-limit", String(limit)]);
    const seconds = (performance.now() - started) / 1000;
    assert.equal(exitCode, 0, stderr);
    const least = tar.length / limit;
    assert.ok(seconds >= least * 0.95 && seconds < least * 2 + 5, `${seconds} s, at least ${least} s`);
    await expectWhole();
  });

  it("takes 1 GB in little memory", async () => {
    const bytes = 1_000_000_000;
    const large = largeTar(newer, bytes);
    const { runner, ended } = startImport();
    const [peak] = await Promise.all([peakMemory(runner.pid ?? 0), large.writeTo(runner.stdin)]);
    const { exitCode, stderr } = await ended;
    assert.equal(exitCode, 0, stderr);
    assert.ok(peak > 0 && peak < 150, `${peak} MB`);
    const stored = path.join(server.data, bucket.name, "gis/cbm", newer, "archive.dump");
    assert.equal((await stat(stored)).size, bytes);
    const { stdout } = await execa("sha256sum", [stored]);
    assert.equal(stdout.split(" ")[0], large.sha256);
  });
});
