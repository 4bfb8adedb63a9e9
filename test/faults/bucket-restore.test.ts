import assert from "node:assert/strict";
import { DeleteObjectCommand, ListObjectsV2Command } from "@aws-sdk/client-s3";
import { tables } from "../support/backup-fixture";
import { type BucketFixture, formats, bucketFixture } from "../support/bucket-fixture";
import { sql } from "../support/resources";

const query = "SELECT count(*), sum(hashtextextended(t::text, 0)), (SELECT sum(x) FROM small) FROM large t";

describe("a backup in a bucket that cannot be read", function () {
  this.timeout(300_000);
  let fixture: BucketFixture;
  /** By its id: the latest is the newest one that is whole. */
  const ids = new Map<string, string>();
  const backup = (format: string) => `${fixture.repository}/${format}/${ids.get(format) ?? ""}`;
  const restore = (format: string, database: string) => [
    ...["restore", backup(format), "--container", fixture.target, "--database", database],
    ...["--if-exists", "replace"],
  ];
  const rows = (database: string) => sql(fixture.target, query, database);

  before(async () => {
    fixture = await bucketFixture({
      statements: `${tables(120_000)} CREATE TABLE first AS SELECT 1 AS x;`,
      tables: ["first", "large", "small"],
      formats,
      query: (source) => sql(source, query),
    });
    for (const format of formats) ids.set(format, (await keysOf(format))[0]?.split("/")[3] ?? "");
  });
  after(() => fixture.remove());
  afterEach(() => fixture.expectNoRemains());

  /** A database that has the tables, with other rows. */
  async function usedDatabase(): Promise<{ database: string; before: string }> {
    const database = await fixture.newDatabase();
    await sql(
      fixture.target,
      "CREATE TABLE large AS SELECT 1 AS g, ''::text AS noise; CREATE TABLE small AS SELECT 2 AS x",
      database,
    );
    return { database, before: await rows(database) };
  }
  async function keysOf(format: string): Promise<string[]> {
    const list = new ListObjectsV2Command({ Bucket: fixture.bucket, Prefix: `far/away/${format}/` });
    const { Contents = [] } = await fixture.server.client.send(list);
    // What verifications found is not needed to restore.
    return Contents.map(({ Key = "" }) => Key).filter((key) => !/\/verification-\w+\.json$/.test(key));
  }
  /** Changes an object while something is done. */
  async function whileSpoilt(
    key: string,
    spoil: (content: Buffer) => Promise<void>,
    work: () => Promise<void>,
  ) {
    const content = await fixture.object(key);
    await spoil(Buffer.from(content));
    try {
      await work();
    } finally {
      await fixture.setObject(key, content);
    }
  }
  /** In the middle, where of an archive the rows are. */
  const flipped = (key: string) => async (content: Buffer) => {
    const middle = Math.floor(content.length / 2);
    content[middle] = (content[middle] ?? 0) ^ 1;
    await fixture.setObject(key, content);
  };
  const removed = (key: string) => async () => {
    await fixture.server.client.send(new DeleteObjectCommand({ Bucket: fixture.bucket, Key: key }));
  };
  const fileOf = (key: string) => key.split("/").slice(4).join("/");

  for (const format of formats) {
    it(`because a bit of any file is another: ${format}`, async () => {
      const { database, before } = await usedDatabase();
      for (const key of await keysOf(format)) {
        await whileSpoilt(key, flipped(key), async () => {
          const told = new RegExp(`^error\\[(checksum-mismatch|manifest-unreadable)\\]: .*${fileOf(key)}`);
          assert.match(await fixture.fail("verify", backup(format)), told);
          assert.match(await fixture.fail(...restore(format, database)), told);
        });
        assert.equal(await rows(database), before, key);
      }
    });

    it(`because a file is missing: ${format}`, async () => {
      const { database, before } = await usedDatabase();
      for (const key of (await keysOf(format)).filter((key) => !/manifest\.json$/.test(key))) {
        await whileSpoilt(key, removed(key), async () => {
          const told = new RegExp(`^error\\[checksum-mismatch\\]: .*${fileOf(key)} is missing`);
          assert.match(await fixture.fail("verify", backup(format)), told);
          assert.match(await fixture.fail(...restore(format, database)), told);
        });
      }
      assert.equal(await rows(database), before);
    });

    it(`because the server is gone in the middle of the rows: ${format}`, async () => {
      const { database, before } = await usedDatabase();
      fixture.proxy.failAfter(1_500_000);
      try {
        assert.match(
          await fixture.fail(...restore(format, database)),
          new RegExp(`^error\\[s3-unreachable\\]: .*${fixture.repository}`),
        );
      } finally {
        fixture.proxy.recover();
      }
      assert.equal(await rows(database), before);
      await fixture.succeed(...restore(format, database));
      assert.equal(await rows(database), fixture.expected);
    });
  }

  it("because of rows that are not asked for, and that follow those that are", async () => {
    const database = await fixture.newDatabase();
    const [key = ""] = (await keysOf("custom")).filter((found) => /archive\.dump$/.test(found));
    await whileSpoilt(key, flipped(key), async () => {
      const told = await fixture.fail(...restore("custom", database), "--table", "first");
      assert.match(told, /^error\[checksum-mismatch\]: .*archive\.dump/);
    });
    assert.equal(await sql(fixture.target, "SELECT to_regclass('first') IS NULL", database), "t");
  });

  it("because its rows are to go into tables that exist leaves those empty", async () => {
    const database = await fixture.newDatabase();
    const into = ["--container", fixture.target, "--database", database];
    await fixture.succeed("restore", backup("custom"), ...into, "--schema-only");
    const [key = ""] = (await keysOf("custom")).filter((found) => /archive\.dump$/.test(found));
    await whileSpoilt(key, flipped(key), async () => {
      const told = await fixture.fail("restore", backup("custom"), ...into, "--data-only");
      assert.match(told, /^error\[checksum-mismatch\]: .*archive\.dump/);
    });
    assert.equal(await sql(fixture.target, "SELECT count(*) FROM large", database), "0");
  });
});
