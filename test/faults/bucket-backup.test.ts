import assert from "node:assert/strict";
import { open, readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import type { FailureCode } from "../../runner/lib/failure";
import {
  dumping,
  type Outcome,
  type Fixture,
  backupFixture,
  startBackup,
  tables,
  terminateSession,
} from "../support/backup-fixture";
import { TestBucket } from "../support/bucket";
import { peakMemory } from "../support/memory";
import { expectNothingInContainer, expectOneMessage } from "../support/nothing-lost";
import { removeFolder, temporaryFolder } from "../support/resources";
import { type S3Server, startS3Server } from "../support/s3-server";

/** More than 500 MB of rows, in rows so wide that they are quickly made. */
const wideTable =
  "CREATE TABLE large AS SELECT g, repeat(md5(g::text), 50) AS noise FROM generate_series(1, 330_000) g";

describe("a backup on its way to a bucket", function () {
  this.timeout(300_000);
  let server: S3Server;
  let bucket: TestBucket;
  let fixture: Fixture;
  let folder: string;

  before(async () => {
    folder = await temporaryFolder();
    server = await startS3Server();
    fixture = await backupFixture({ statements: tables() });
  });
  after(async () => {
    await fixture.remove();
    await server.stop();
    await removeFolder(folder);
  });
  beforeEach(async () => {
    bucket = await TestBucket.create(server);
  });

  const start = (table: string, more: readonly string[] = [], repository = bucket.url()) =>
    startBackup(
      {
        container: fixture.container,
        repository,
        table,
        format: "custom",
        more: [...server.options, ...more],
      },
      server.environment,
    );
  const stored = async () => {
    const list = new ListObjectsV2Command({ Bucket: bucket.name });
    const { Contents = [] } = await server.client.send(list);
    return Contents.map(({ Key = "", ETag, LastModified }) => ({ Key, ETag, LastModified }));
  };

  /** A complete backup, which the fault must leave as it is. */
  async function takeFirst() {
    const { exitCode, stderr } = await start("small").ended;
    assert.equal(exitCode, 0, stderr);
    return stored();
  }

  async function expectNothingLost(
    before: Awaited<ReturnType<typeof stored>>,
    outcome: Outcome,
    code: FailureCode | undefined,
    message: RegExp,
  ) {
    const status = code === "interrupted" ? 143 : 1;
    expectOneMessage(outcome, { code, message, status });
    await expectNothingInContainer(fixture.container);
    const known = new Set(before.map(({ Key }) => Key));
    const after = await stored();
    assert.deepEqual(
      after.filter(({ Key }) => known.has(Key)),
      before,
    );
    const added = after.map(({ Key }) => Key).filter((key) => !known.has(key));
    if (code === undefined)
      assert.deepEqual(
        added.filter((key) => key.endsWith("manifest.json")),
        [],
      );
    else assert.deepEqual([added, await bucket.openUploads()], [[], []]);
  }

  /** Until the archive, of which nobody knows the size yet, goes up in parts. */
  async function uploading() {
    while ((await bucket.uploadedParts()) === 0) await sleep(100);
  }

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    it(`leaves no backup, no process and no session when it is ended by ${signal}`, async () => {
      const before = await takeFirst();
      const { child, ended } = start("large");
      await uploading();
      child.kill(signal);
      const code = signal === "SIGKILL" ? undefined : "interrupted";
      await expectNothingLost(before, await ended, code, /Interrupted by SIGTERM/);
      const { exitCode, stderr } = await start("small").ended;
      assert.equal(exitCode, 0, stderr);
    });
  }

  /** Interrupted while it goes up from a folder. */
  async function interruptCopying(more: readonly string[], repository?: string) {
    const { child, ended } = start("large", [...more, "--upload-limit", "1000000"], repository);
    child.stderr.on("data", (said: Buffer) => {
      if (said.toString().includes("Copying")) setTimeout(() => child.kill("SIGTERM"), 2000);
    });
    return ended;
  }

  it("leaves nothing when it is interrupted while it goes up from its work directory", async () => {
    const before = await takeFirst();
    const outcome = await interruptCopying(["--work-directory", folder]);
    await expectNothingLost(before, outcome, "interrupted", /Interrupted by SIGTERM/);
    assert.deepEqual(await readdir(path.join(folder, "cbm")), []);
  });

  it("stays in its repository, and leaves nothing in that of its copy, when it is interrupted while it is copied", async () => {
    const before = await takeFirst();
    const repository = path.join(folder, "kept");
    const outcome = await interruptCopying(["--copy", bucket.url()], repository);
    await expectNothingLost(before, outcome, "interrupted", /Interrupted by SIGTERM/);
    const [id = "", ...rest] = await readdir(path.join(repository, "cbm"));
    assert.deepEqual(rest, ["latest"]);
    assert.match(
      outcome.stderr,
      new RegExp(`The backup is complete in ${repository}/cbm/${id}, but was not copied`),
    );
  });

  it("is no backup, and not even an archive, when pg_dump does not come to its end", async () => {
    const before = await takeFirst();
    const { ended } = start("large");
    await dumping(fixture.container);
    await uploading();
    await terminateSession(fixture.container, "query LIKE 'COPY public.large%'");
    await expectNothingLost(
      before,
      await ended,
      "dump-failed",
      /Dumping the contents of table "large" failed/,
    );
  });

  it("is no backup when the bucket does not hold what was written, to the last byte", async () => {
    const before = await takeFirst();
    const { child, ended } = start("large");
    child.stderr.on("data", (said: Buffer) => {
      if (said.toString().includes("Reading the backup to its end")) void damageArchive();
    });
    await expectNothingLost(before, await ended, "checksum-mismatch", /archive\.dump .*checksum/);
  });

  /** Where the server has stored the archive, the last byte changes. */
  async function damageArchive() {
    const key = (await stored()).filter(({ Key }) => Key.endsWith("archive.dump")).at(-1)?.Key ?? "";
    const file = await open(path.join(server.data, bucket.name, key), "r+");
    const last = (await file.stat()).size - 1;
    const { buffer } = await file.read(Buffer.alloc(1), 0, 1, last);
    await file.write(Buffer.from([buffer.readUInt8() ^ 1]), 0, 1, last);
    await file.close();
  }

  it("fails when the server is gone, and says where that was", async () => {
    const before = await takeFirst();
    const { ended } = start("large");
    await uploading();
    await server.kill();
    const outcome = await ended;
    await server.restart();
    expectOneMessage(outcome, { code: "s3-unreachable", message: /The S3 server of s3:\/\/\S+ cannot be/ });
    await expectNothingInContainer(fixture.container);
    const keys = (await bucket.keys()).filter((key) => key.endsWith("manifest.json"));
    assert.deepEqual(
      keys,
      before.map(({ Key }) => Key).filter((key) => key.endsWith("manifest.json")),
    );
  });

  it("takes less than 150 MB of memory, whatever its size", async () => {
    const large = await backupFixture({ statements: wideTable });
    try {
      const { child, ended } = startBackup(
        {
          container: large.container,
          repository: bucket.url(),
          table: "large",
          format: "custom",
          more: [...server.options, "--compression", "none"],
        },
        server.environment,
      );
      const [peak, { exitCode, stderr }] = await Promise.all([peakMemory(Number(child.pid)), ended]);
      assert.equal(exitCode, 0, stderr);
      const [archive] = (await bucket.keys()).filter((key) => key.endsWith("archive.dump"));
      const { length } = await bucket.content(String(archive));
      assert.ok(length > 500_000_000, `${length} bytes`);
      assert.ok(peak < 150, `${peak} MB`);
    } finally {
      await large.remove();
    }
  });
});
