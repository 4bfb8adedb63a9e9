import assert from "node:assert/strict";
import { readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import type { Manifest } from "../../runner/repository/manifest";
import { flipBit } from "../support/damage";
import { sql } from "../support/resources";
import { type SharingServer, startSharingServer, tableOf, types } from "../support/shared-rows";
import { runRunner } from "../support/runner";

/** Large enough to be compared. The rows fill their pages, so that no update finds room beside its row. */
const filled = (name: string) => `
CREATE TABLE ${name} (id int PRIMARY KEY, grade grade, x float8, price numeric, note text COLLATE "C") WITH (fillfactor = 100);
INSERT INTO ${name} SELECT g, 'good', 0, 1.0, rpad(md5(g::text), 150, 'x') FROM generate_series(1, 9000) g;`;

/** What happens to a table of that name between two backups, and whether its rows are the same in the same places after that. */
const changes: Readonly<Record<string, { readonly statement: string; readonly isShared: boolean }>> = {
  untouched: { statement: "", isShared: true },
  analyzed: { statement: "ANALYZE analyzed", isShared: true },
  vacuumed: { statement: "VACUUM vacuumed", isShared: true },
  frozen: { statement: "VACUUM FREEZE frozen", isShared: true },
  indexed: { statement: "CREATE INDEX ON indexed (note); COMMENT ON TABLE indexed IS 'new'", isShared: true },
  constrained: { statement: "ALTER TABLE constrained ADD CHECK (id > 0)", isShared: true },
  attached: {
    statement: "ALTER TABLE years ATTACH PARTITION attached FOR VALUES FROM (1) TO (10000)",
    isShared: true,
  },
  detached: { statement: "ALTER TABLE former_years DETACH PARTITION detached", isShared: true },
  rolled_back: { statement: "BEGIN; DELETE FROM rolled_back; ROLLBACK", isShared: true },
  grown: { statement: "INSERT INTO grown VALUES (0, 'bad', 1, 2, 'new')", isShared: false },
  updated: { statement: "UPDATE updated SET x = 1 WHERE id = 77", isShared: false },
  updated_to_the_same: { statement: "UPDATE updated_to_the_same SET x = x WHERE id = 77", isShared: false },
  negative_zero: { statement: "UPDATE negative_zero SET x = '-0' WHERE id = 77", isShared: false },
  other_scale: { statement: "UPDATE other_scale SET price = 1.00", isShared: false },
  deleted: { statement: "DELETE FROM deleted WHERE id = 77", isShared: false },
  replaced: {
    statement:
      "WITH gone AS (DELETE FROM replaced WHERE id = 77 RETURNING *) INSERT INTO replaced SELECT id + 9000, grade, x, price, note FROM gone",
    isShared: false,
  },
  written_anew: { statement: "VACUUM FULL written_anew", isShared: false },
  clustered: { statement: "CLUSTER clustered USING clustered_pkey", isShared: false },
  truncated: { statement: "TRUNCATE truncated", isShared: false },
  made_again: { statement: `DROP TABLE made_again; ${filled("made_again")}`, isShared: false },
  wider: { statement: "ALTER TABLE wider ADD COLUMN more int DEFAULT 7", isShared: false },
  narrower: { statement: "ALTER TABLE narrower DROP COLUMN price", isShared: false },
  renamed_column: { statement: "ALTER TABLE renamed_column RENAME COLUMN x TO y", isShared: false },
  other_type: { statement: "ALTER TABLE other_type ALTER COLUMN price TYPE numeric(10, 3)", isShared: false },
  other_collation: {
    statement: `ALTER TABLE other_collation ALTER COLUMN note TYPE text COLLATE "POSIX"`,
    isShared: false,
  },
  swapped_one: {
    statement:
      "ALTER TABLE swapped_one RENAME TO swapping; ALTER TABLE swapped_two RENAME TO swapped_one; ALTER TABLE swapping RENAME TO swapped_two",
    isShared: false,
  },
  swapped_two: { statement: "", isShared: false },
  other_label: {
    statement:
      "ALTER TABLE other_label ADD COLUMN label label DEFAULT 'before'; ALTER TYPE label RENAME VALUE 'before' TO 'after'",
    isShared: false,
  },
};

const partitioned = `
CREATE TABLE years (LIKE attached) PARTITION BY RANGE (id); CREATE TABLE former_years (LIKE detached) PARTITION BY RANGE (id);
ALTER TABLE former_years ATTACH PARTITION detached FOR VALUES FROM (1) TO (10000);`;

describe("a backup of tables that did not change", function () {
  this.timeout(240_000);
  let server: SharingServer;
  let container: string;
  let folder: string;
  let database: SharingServer["database"];
  let rowsOf: SharingServer["rowsOf"];
  let restored: SharingServer["restored"];

  before(async () => {
    server = await startSharingServer();
    ({ container, folder, database, rowsOf, restored } = server);
  });
  after(() => server.stop());

  /** The data files of a backup, with what identifies each on its disk. */
  async function dataFiles(archive: string) {
    const files = (await readdir(archive)).filter((file) => file.includes(".dat."));
    return Promise.all(
      files.map(async (file) => {
        const { mode, nlink } = await stat(path.join(archive, file));
        return { file, mode, nlink };
      }),
    );
  }

  it("shares exactly those whose rows are the same in the same places, and restores as a full one does", async () => {
    const names = Object.keys(changes);
    const { name, take, at } = await database(`${types} ${names.map(filled).join("")} ${partitioned}`, [
      ...names,
      "years",
      "former_years",
    ]);
    const first = await take();
    for (const { statement } of Object.values(changes))
      if (statement !== "") await sql(container, statement, name);
    const second = await take();
    const shared = names.filter((table) => tableOf(second.manifest, table).sharedFrom !== undefined);
    assert.deepEqual(
      shared,
      names.filter((table) => changes[table]?.isShared),
    );
    for (const table of shared)
      assert.deepEqual(tableOf(second.manifest, table).sharedFrom, {
        id: first.result.backupId,
        generations: 1,
      });
    const archive = at(second.result.backupId, "archive");
    assert.equal((await dataFiles(archive)).filter(({ nlink }) => nlink > 1).length, shared.length);
    assert.equal(await restored(archive), await rowsOf(name));
  });

  it("is whole when the earlier ones are pruned, and says how often a file was shared", async () => {
    const { name, take, at } = await database(`CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`, [
      "yearly",
    ]);
    const [first, second, third] = [await take(), await take(), await take()];
    assert.deepEqual(tableOf(third.manifest, "yearly").sharedFrom, {
      id: first.result.backupId,
      generations: 2,
    });
    assert.match(third.stderr, /1 of 1 tables did not change/);
    const prune = ["prune", "--repository", folder, "--name", name, "--keep-last", "1"];
    const { exitCode, stderr } = await runRunner(prune);
    assert.equal(exitCode, 0, stderr);
    assert.ok(!(await readdir(at(""))).includes(second.result.backupId));
    const id = third.result.backupId;
    await execa("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: at(id) });
    assert.deepEqual(
      (await dataFiles(at(id, "archive"))).map(({ nlink }) => nlink),
      [1],
    );
    assert.equal(await restored(at(id, "archive")), await rowsOf(name));
  });

  it("dumps rows anew that are too old, or when it is told to", async () => {
    const { take } = await database(`CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`, ["yearly"]);
    const isShared = ({ manifest }: { readonly manifest: Manifest }) =>
      tableOf(manifest, "yearly").sharedFrom !== undefined;
    await take();
    const full = await take("--full");
    assert.ok(!isShared(full));
    const next = await take();
    assert.deepEqual(tableOf(next.manifest, "yearly").sharedFrom?.id, full.result.backupId);
    await sleep(1100);
    assert.ok(!isShared(await take("--full-every", "1s")));
  });

  it("dumps a table anew whose shared file is damaged, and both earlier backups are reported", async () => {
    const { name, take, at } = await database(`CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`, [
      "yearly",
    ]);
    const [first, second] = [await take(), await take()];
    const [file] = await dataFiles(at(second.result.backupId, "archive"));
    await flipBit(at(second.result.backupId, "archive", file?.file ?? ""));
    for (const { result } of [first, second]) {
      const verify = ["verify", "--repository", folder, "--name", name, result.backupId];
      const { exitCode, stderr } = await runRunner(verify);
      assert.equal(exitCode, 1);
      assert.match(stderr, /error\[checksum-mismatch\]/);
    }
    const third = await take();
    assert.match(
      third.stderr,
      new RegExp(`warning: Backup ${second.result.backupId} is damaged: .*public\\.yearly is dumped anew`),
    );
    assert.equal(tableOf(third.manifest, "yearly").sharedFrom, undefined);
    assert.equal(await restored(at(third.result.backupId, "archive")), await rowsOf(name));
  });

  it("shares nothing with one whose table of contents is damaged", async () => {
    const tables = `CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`;
    const { take, at } = await database(tables, ["yearly"]);
    const { result } = await take();
    await flipBit(at(result.backupId, "archive", "toc.dat"));
    const { manifest, stderr } = await take();
    assert.match(stderr, /warning: Nothing is shared with backup \S+: .*toc\.dat does not have the checksum/);
    assert.equal(tableOf(manifest, "yearly").sharedFrom, undefined);
  });

  it("leaves permissions of the earlier one alone", async () => {
    const { take, at } = await database(`CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`, [
      "yearly",
    ]);
    const first = await take();
    const second = await take("--file-mode", "0640");
    assert.ok(tableOf(second.manifest, "yearly").sharedFrom !== undefined);
    const modes = async (id: string) =>
      (await dataFiles(at(id, "archive"))).map(({ mode, nlink }) => [(mode & 0o777).toString(8), nlink]);
    assert.deepEqual(await modes(first.result.backupId), [["600", 1]]);
    assert.deepEqual(await modes(second.result.backupId), [["640", 1]]);
  });

  it("is whole in its copies and exports", async () => {
    const tables = `CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`;
    const { name, take, at } = await database(tables, ["yearly"]);
    await take();
    const copies = path.join(folder, "copies");
    const { result } = await take("--copy", copies);
    const tar = path.join(folder, "exported.tar");
    const where = ["--repository", folder, "--name", name];
    assert.equal((await runRunner(["export", ...where, result.backupId, tar])).exitCode, 0);
    await rm(at(""), { recursive: true });
    const imported = path.join(folder, "imported");
    const { exitCode, stderr } = await runRunner(["import", "--repository", imported, tar]);
    assert.equal(exitCode, 0, stderr);
    for (const place of [copies, imported])
      assert.equal(await restored(path.join(place, name, result.backupId, "archive")), await rowsOf(name));
  });

  it("leaves a damaged earlier one aside", async () => {
    const { take, at } = await database(`CREATE TYPE grade AS ENUM ('good'); ${filled("yearly")}`, [
      "yearly",
    ]);
    const [first, second] = [await take(), await take()];
    const [file] = await dataFiles(at(second.result.backupId, "archive"));
    await rm(at(second.result.backupId, "archive", file?.file ?? ""));
    const third = await take();
    assert.deepEqual(tableOf(third.manifest, "yearly").sharedFrom, {
      id: first.result.backupId,
      generations: 1,
    });
  });
});
