import assert from "node:assert/strict";
import { readlink } from "node:fs/promises";
import path from "node:path";
import { type Fixture, backupFixture, startBackup, ways } from "../support/backup-fixture";
import { peakMemory } from "../support/memory";
import { sql } from "../support/resources";
import { contentOf, restoreCustom, restoreDirectory } from "../support/restored";

/** 1 GB in rows of 200 kB, and geometries of a million points each, which COPY writes as lines of 32 MB. */
const statements = `
CREATE UNLOGGED TABLE rich (id int, body text);
ALTER TABLE rich ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO rich SELECT g, repeat(md5(g::text), 6400) FROM generate_series(1, 5000) g;
CREATE UNLOGGED TABLE tracks (id int, line geometry(LineString, 4326));
ALTER TABLE tracks ALTER COLUMN line SET STORAGE EXTERNAL;
INSERT INTO tracks SELECT n, ST_SetSRID(ST_MakeLine(ARRAY(
  SELECT ST_MakePoint(n + sin(p) * 90, cos(p * n) * 90) FROM generate_series(1, 1000000) p)), 4326) FROM generate_series(1, 3) n;`;

const maximumMegabytes = 150;

describe("a backup of rows that are large", function () {
  this.timeout(300_000);
  let fixture: Fixture;
  let original: string[];
  const contents = (database?: string) =>
    Promise.all(["rich", "tracks"].map((table) => contentOf(fixture.container, table, database)));

  before(async () => {
    fixture = await backupFixture({ statements });
    original = await contents();
    assert.equal(await sql(fixture.container, "SELECT pg_table_size('rich') > 1e9"), "t");
  });
  after(() => fixture.remove());

  for (const way of ways.filter(({ format }) => format !== "plain")) {
    it(`brings them back, and needs little memory (${way.title})`, async () => {
      const repository = fixture.repository(way);
      const { child, ended } = startBackup({
        container: fixture.container,
        repository,
        table: "rich",
        format: way.format,
        more: ["--table", "tracks", "--compression", "gzip:1"],
      });
      const peak = await peakMemory(child.pid ?? 0);
      const { exitCode, stderr } = await ended;
      assert.equal(exitCode, 0, stderr);
      assert.ok(peak > 0 && peak < maximumMegabytes, `the runner took ${peak.toFixed(0)} MB`);
      const nameFolder = path.join(repository, "cbm");
      const id = await readlink(path.join(nameFolder, "latest"));
      const restored = `restored_${ways.indexOf(way)}`;
      await (way.format === "directory"
        ? restoreDirectory(fixture.container, `/backups/cbm/${id}/archive`, restored)
        : restoreCustom(fixture.container, path.join(nameFolder, id, "archive.dump"), restored));
      assert.deepEqual(await contents(restored), original);
      await sql(fixture.container, `DROP DATABASE ${restored}`);
    });
  }
});
