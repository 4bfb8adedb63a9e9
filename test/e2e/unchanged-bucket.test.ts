import assert from "node:assert/strict";
import path from "node:path";
import { backupPolicy } from "../../components/backup-bucket/policies";
import type { Manifest } from "../../runner/repository/manifest";
import { takeBackup } from "../support/backup";
import { filled, type SharingBucket, startSharingBucket } from "../support/bucket-sharing";
import { userWith } from "../support/bucket-user";
import { TestBucket } from "../support/bucket";
import { runRunner } from "../support/runner";
import { tableOf } from "../support/shared-rows";

const sharedTables = ({ tables }: Manifest) =>
  tables.filter(({ sharedFrom }) => sharedFrom !== undefined).map(({ name }) => name);

describe("a backup, in a bucket, of tables that did not change", function () {
  this.timeout(240_000);
  let sharing: SharingBucket;
  let bucket: TestBucket;

  before(async () => {
    sharing = await startSharingBucket();
    bucket = sharing.bucket;
  });
  after(() => sharing.stop());

  const twoTables = `${filled("one")} ${filled("two")} CREATE TABLE small (id int PRIMARY KEY); INSERT INTO small VALUES (1);
    CREATE TABLE years (id int, note text) PARTITION BY RANGE (id);`;
  const names = ["one", "two", "small", "years"];

  /** The data files of tables, by what pg_restore would read. */
  const dataFile = ({ files }: Manifest, index: number) => {
    const found = files.filter(({ path: file }) => /\/\d+\.dat/.test(file))[index];
    assert.ok(found !== undefined);
    return found.path;
  };

  it("copies the objects of unchanged tables within the bucket, dumps the others, and restores as a full one does", async () => {
    const { take, run, expectRestorable } = await sharing.database(twoTables, names);
    const first = await take();
    assert.deepEqual([first.sent.length, first.copied.length], [3, 0]);
    const second = await take();
    assert.deepEqual(sharedTables(second.manifest), ["one", "two"]);
    assert.deepEqual(tableOf(second.manifest, "one").sharedFrom, { id: first.id, generations: 1 });
    assert.equal(second.copied.length, 2);
    assert.equal(second.sent.length, 1, "the small table, which is never compared");
    assert.match(second.stderr, /2 of 4 tables did not change; they are shared with backup/);
    await expectRestorable(second.id);

    await run("UPDATE two SET x = 0 WHERE id = 7; CREATE INDEX ON one (x); INSERT INTO small VALUES (2)");
    const third = await take();
    assert.deepEqual(sharedTables(third.manifest), ["one"]);
    assert.deepEqual(tableOf(third.manifest, "one").sharedFrom, { id: first.id, generations: 2 });
    assert.deepEqual([third.sent.length, third.copied.length], [2, 1]);
    await expectRestorable(third.id);
  });

  it("sends no data where nothing changed", async () => {
    const { take, expectRestorable } = await sharing.database(filled("yearly"), ["yearly"]);
    const first = await take();
    let last = first;
    for (const level of ["archive", "restore", "none"]) {
      const next = await take(["--verify", level]);
      assert.deepEqual([next.sent, next.copied.length], [[], 1], level);
      assert.equal(next.manifest.verification.level, level);
      // What is proven to be the same is read once, and where it was; a restore test reads the copy too.
      const read = next.read.map((key) => key.split("/")[2]);
      assert.deepEqual([...new Set(read)], [last.id, ...(level === "restore" ? [next.id] : [])], level);
      if (level !== "restore") assert.equal(read.length, 1, level);
      last = next;
      await expectRestorable(next.id);
      assert.equal(tableOf(next.manifest, "yearly").sharedFrom?.id, first.id);
    }
  });

  it("is whole when the earlier ones are pruned, and is verified to its end", async () => {
    const { name, take, expectRestorable } = await sharing.database(twoTables, names);
    const first = await take();
    const second = await take();
    const place = [...bucket.place(), "--name", name];
    const pruned = await runRunner(["prune", ...place, "--keep-last", "1"], bucket.server.environment);
    assert.equal(pruned.exitCode, 0, pruned.stderr);
    assert.deepEqual(
      (await bucket.keys()).filter((key) => key.includes(first.id) && key.includes(`/${name}/`)),
      [],
    );
    const verified = await runRunner(["verify", ...place, second.id], bucket.server.environment);
    assert.equal(verified.exitCode, 0, verified.stderr);
    await expectRestorable(second.id);
  });

  it("dumps all rows when it is told to", async () => {
    const { take } = await sharing.database(filled("yearly"), ["yearly"]);
    await take();
    const full = await take(["--full"]);
    assert.deepEqual([full.sent.length, full.copied, sharedTables(full.manifest)], [1, [], []]);
    const next = await take();
    assert.equal(tableOf(next.manifest, "yearly").sharedFrom?.id, full.id);
  });

  for (const [what, spoil] of [
    ["damaged", (content: Buffer) => content.fill(content[100] === 1 ? 2 : 1, 100, 101)],
    ["cut off", (content: Buffer) => content.subarray(1)],
  ] as const)
    it(`dumps a table anew whose earlier object is ${what}, as somebody who may not delete`, async () => {
      const { name, take, key, expectRestorable } = await sharing.database(twoTables, names);
      const first = await take();
      const file = key(first.id, dataFile(first.manifest, what === "damaged" ? 0 : 1));
      const content = await bucket.content(file);
      const user = await userWith(bucket, backupPolicy);
      const second = await (async () => {
        await bucket.put(file, spoil(content));
        return take([], user);
      })();
      // An object of another size makes the whole backup a damaged one, which nothing is shared with.
      const shared = what === "damaged" ? 1 : 0;
      assert.deepEqual([sharedTables(second.manifest).length, second.copied.length], [shared, shared]);
      if (what === "damaged")
        assert.match(
          second.stderr,
          new RegExp(
            `warning: Backup ${first.id} is damaged: archive/\\d+\\.dat\\S* is missing or has another checksum\\. Table public\\.\\w+ is dumped anew`,
          ),
        );
      await expectRestorable(second.id);
      const verify = ["verify", ...bucket.place(), "--name", name];
      assert.equal((await runRunner([...verify, second.id], bucket.server.environment)).exitCode, 0);
      assert.equal((await runRunner([...verify, first.id], bucket.server.environment)).exitCode, 1);
    });

  it("shares nothing with one whose table of contents is damaged", async () => {
    const { take, key } = await sharing.database(filled("yearly"), ["yearly"]);
    const first = await take();
    const file = key(first.id, "archive/toc.dat");
    const content = await bucket.content(file);
    content[content.length - 1] = (content.at(-1) ?? 0) ^ 1;
    await bucket.put(file, content);
    const second = await take();
    assert.match(
      second.stderr,
      /warning: Nothing is shared with backup \S+: .*toc\.dat does not have the checksum/,
    );
    assert.deepEqual(sharedTables(second.manifest), []);
  });

  it("is copied to a folder", async () => {
    const { take, expectRestorable, name } = await sharing.database(filled("yearly"), ["yearly"]);
    await take();
    const second = await take(["--copy", path.join(sharing.folder, "copies")]);
    assert.equal(second.copied.length, 1);
    await expectRestorable(second.id);
    const inFolder = ["--repository", path.join(sharing.folder, "copies"), "--name", name, second.id];
    const { exitCode, stderr } = await runRunner(["verify", ...inFolder]);
    assert.equal(exitCode, 0, stderr);
  });

  it("shares rows in a folder, is whole in its copy in the bucket, and shares rows with that there", async () => {
    const { take, expectRestorable, name } = await sharing.database(filled("yearly"), ["yearly"]);
    const inFolder = () =>
      takeBackup({
        ...{ container: sharing.container, repository: sharing.folder, name, tables: ["yearly"] },
        more: ["--database", name, "--full-every", "7d", "--copy", sharing.repository, ...sharing.s3],
        env: bucket.server.environment,
      });
    const first = await inFolder();
    const second = await inFolder();
    assert.equal(tableOf(second.manifest, "yearly").sharedFrom?.id, first.result.backupId);
    await expectRestorable(second.result.backupId);
    const third = await take();
    assert.deepEqual([third.sent, third.copied.length], [[], 1]);
    assert.deepEqual(tableOf(third.manifest, "yearly").sharedFrom, {
      id: first.result.backupId,
      generations: 2,
    });
    await expectRestorable(third.id);
  });
});
