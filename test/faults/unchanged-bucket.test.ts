import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { filled, type SharingBucket, startSharingBucket } from "../support/bucket-sharing";
import { expectNothingInContainer, expectOneMessage } from "../support/nothing-lost";
import { isCopy } from "../support/s3-writes";
import { tableOf } from "../support/shared-rows";

describe("a backup that shares rows within a bucket", function () {
  this.timeout(240_000);
  let sharing: SharingBucket;
  let database: Awaited<ReturnType<SharingBucket["database"]>>;
  let first: Awaited<ReturnType<typeof database.take>>;

  before(async () => {
    sharing = await startSharingBucket();
    database = await sharing.database(`${filled("one")} ${filled("two")}`, ["one", "two"]);
    first = await database.take();
  });
  afterEach(() => {
    sharing.trouble();
  });
  after(() => sharing.stop());

  const refusal = { status: 501, code: "NotImplemented", message: "Copying is not implemented." };
  const isJoined = ({ method, url = "" }: IncomingMessage) => method === "POST" && /[?&]uploadId=/.test(url);
  const stored = async () => {
    const keys = await sharing.bucket.keys();
    return Promise.all(
      keys.map(async (key) => [key, (await sharing.bucket.content(key)).toString("base64")]),
    );
  };

  it("reads the rows and sends them again, and says so once, where the server does not copy", async () => {
    sharing.trouble((request) => (isCopy(request) ? refusal : undefined));
    const second = await database.take();
    assert.deepEqual([second.copied, second.sent.length], [[], 2]);
    assert.equal(second.stderr.match(/The S3 server does not copy objects/g)?.length, 1, second.stderr);
    assert.match(second.stderr, /Copying is not implemented/);
    for (const table of ["one", "two"]) {
      const before = tableOf(second.manifest, table).sharedFrom;
      assert.equal(before?.id, first.id);
    }
    assert.deepEqual(await sharing.bucket.openUploads(), []);
    await database.expectRestorable(second.id);
  });

  it("is whole though the answers to its copies are lost", async () => {
    const lost = new Set<string>();
    sharing.trouble((request) => {
      const { url = "" } = request;
      if ((!isCopy(request) && !(isJoined(request) && url.includes(".dat"))) || lost.has(url))
        return undefined;
      lost.add(url);
      return "lost";
    });
    const second = await database.take();
    assert.ok(lost.size >= 4, [...lost].join("\n"));
    assert.equal(tableOf(second.manifest, "one").sharedFrom?.id, first.id);
    await database.expectRestorable(second.id);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const)
    it(`leaves no backup, and the earlier ones as they are, when it is ended by ${signal} while it copies`, async () => {
      const before = await stored();
      const child = database.start();
      sharing.trouble((request) => {
        if (!isCopy(request)) return undefined;
        child.kill(signal);
        return "late";
      });
      const { exitCode, stdout, stderr } = await child;
      sharing.trouble();
      const code = signal === "SIGKILL" ? undefined : "interrupted";
      expectOneMessage(
        { exitCode, stdout, stderr, seconds: 0 },
        { code, message: /Interrupted by/, status: 143 },
      );
      await expectNothingInContainer(sharing.container);
      const known = new Set(before.map(([key]) => key));
      const after = await stored();
      assert.deepEqual(
        after.filter(([key]) => known.has(key)),
        before,
      );
      const added = after.map(([key = ""]) => key).filter((key) => !known.has(key));
      if (signal === "SIGTERM") assert.deepEqual([added, await sharing.bucket.openUploads()], [[], []]);
      else assert.ok(!added.some((key) => key.endsWith("manifest.json")));
    });

  it("leaves nothing when its dump fails after it has copied", async () => {
    const { tryTake, run, name } = await sharing.database(`${filled("one")} ${filled("odd")}`, [
      "one",
      "odd",
    ]);
    await tryTake();
    await run("UPDATE odd SET x = 1");
    const before = await stored();
    // The rows of the table that is dumped cannot be stored.
    sharing.trouble((request) =>
      request.method === "PUT" && /\/\d+\.dat/.test(request.url ?? "") && !isCopy(request)
        ? { status: 403, code: "AccessDenied", message: "No." }
        : undefined,
    );
    const { exitCode, stdout, stderr } = await tryTake();
    sharing.trouble();
    expectOneMessage(
      { exitCode, stdout, stderr, seconds: 0 },
      { code: "s3-denied", message: /s3:PutObject/ },
    );
    assert.deepEqual(await stored(), before);
    const open = await sharing.bucket.openUploads();
    assert.deepEqual(
      open.filter((key) => key.includes(name)),
      [],
    );
  });

  it("dumps a table anew that the server does not let it read", async () => {
    const { take, key } = await sharing.database(filled("cold"), ["cold"]);
    const { id } = await take();
    sharing.trouble(({ method, url = "" }) =>
      method === "GET" && url.includes(key(id, "archive/")) && /\/\d+\.dat/.test(url)
        ? { status: 403, code: "InvalidObjectState", message: "The object is in Glacier." }
        : undefined,
    );
    const { stderr, manifest, sent } = await take();
    assert.match(
      stderr,
      /warning: archive\/\S+ of backup \S+ cannot be shared, so table public\.cold is dumped anew: .*Glacier/,
    );
    assert.deepEqual([sent.length, tableOf(manifest, "cold").sharedFrom], [1, undefined]);
  });
});
