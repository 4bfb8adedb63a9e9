import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { execa } from "execa";
import type { Manifest } from "../../runner/repository/manifest";
import { flipBit } from "../support/damage";
import { expectWholeBackups } from "../support/random-changes";
import { type SharingServer, startSharingServer, tableOf, types } from "../support/shared-rows";
import { runRunner } from "../support/runner";

/** Three ranges of pages, with one row on each page, so that there is room for an update beside it. */
const large = (name: string, rows = 5500) => `
CREATE UNLOGGED TABLE ${name} (id int PRIMARY KEY, grade grade, x float8, price numeric, note text COLLATE "C") WITH (fillfactor = 10);
ALTER TABLE ${name} ALTER note SET STORAGE PLAIN;
INSERT INTO ${name} SELECT g, 'good', 0, 1.0, rpad(md5(g::text), 400, 'x') FROM generate_series(1, ${rows}) g;`;

/** Rows in the first, the second and the last range. */
const [early, middle, late] = [77, 3000, 5400];

/** What happens to a table of that name between two backups, and the indexes of the ranges that are shared after that. */
const changes: Readonly<Record<string, { readonly statement: string; readonly shared: readonly number[] }>> =
  {
    untouched: { statement: "", shared: [0, 1, 2] },
    frozen: { statement: "VACUUM FREEZE frozen", shared: [0, 1, 2] },
    attached: {
      statement: "ALTER TABLE years ATTACH PARTITION attached FOR VALUES FROM (1) TO (100000)",
      shared: [0, 1, 2],
    },
    detached: { statement: "ALTER TABLE former_years DETACH PARTITION detached", shared: [0, 1, 2] },
    grown: { statement: "INSERT INTO grown VALUES (0, 'bad', 1, 2, 'new')", shared: [0, 1] },
    grown_by_a_range: {
      statement:
        "INSERT INTO grown_by_a_range SELECT id + 10000, grade, x, price, note FROM grown_by_a_range",
      shared: [0, 1],
    },
    updated: { statement: `UPDATE updated SET x = 1 WHERE id = ${early}`, shared: [1, 2] },
    updated_to_the_same: {
      statement: `UPDATE updated_to_the_same SET x = x WHERE id = ${middle}`,
      shared: [0, 2],
    },
    negative_zero: { statement: `UPDATE negative_zero SET x = '-0' WHERE id = ${late}`, shared: [0, 1] },
    swapped_values: {
      statement: `UPDATE swapped_values SET note = (SELECT o.note FROM swapped_values o WHERE o.id = ${early + late} - swapped_values.id) WHERE id IN (${early}, ${late})`,
      shared: [1],
    },
    deleted: { statement: `DELETE FROM deleted WHERE id = ${middle}; VACUUM deleted`, shared: [0, 2] },
    shrunk: { statement: `DELETE FROM shrunk WHERE id > ${middle}; VACUUM shrunk`, shared: [0] },
    emptied: { statement: "DELETE FROM emptied; VACUUM emptied", shared: [] },
    written_anew: { statement: "VACUUM FULL written_anew", shared: [] },
    clustered: { statement: "CLUSTER clustered USING clustered_pkey", shared: [] },
    truncated: { statement: "TRUNCATE truncated", shared: [] },
    wider: { statement: "ALTER TABLE wider ADD COLUMN more int DEFAULT 7", shared: [] },
    narrower: { statement: "ALTER TABLE narrower DROP COLUMN price", shared: [] },
    other_type: { statement: "ALTER TABLE other_type ALTER COLUMN price TYPE numeric(10, 3)", shared: [] },
  };

const partitioned = `
CREATE TABLE years (LIKE attached) PARTITION BY RANGE (id); CREATE TABLE former_years (LIKE detached) PARTITION BY RANGE (id);
ALTER TABLE former_years ATTACH PARTITION detached FOR VALUES FROM (1) TO (100000);`;

const partsOf = (manifest: Manifest, name: string) =>
  tableOf(manifest, name).unchangedIf?.ranges?.parts ?? [];

const sharedParts = (manifest: Manifest, name: string) =>
  partsOf(manifest, name).flatMap(({ sharedFrom }, index) => (sharedFrom === undefined ? [] : [index]));

describe("a backup of large tables that changed in part", function () {
  this.timeout(300_000);
  let server: SharingServer;

  before(async () => {
    server = await startSharingServer();
  });
  after(() => server.stop());

  /** A table that changed once since its first backup. From then on it is dumped in ranges. */
  async function changedTable(rows?: number) {
    const { take, run, ...rest } = await server.database(`${types} ${large("yearly", rows)}`, ["yearly"]);
    await take();
    await run(`UPDATE yearly SET x = 2 WHERE id = ${early}`);
    return { take, run, ranged: await take(), ...rest };
  }

  it("shares exactly the ranges whose rows are the same in the same places, and restores as a full one does", async () => {
    const names = Object.keys(changes);
    const { name, take, at, run } = await server.database(
      `${types} ${names.map((table) => large(table)).join("")} ${partitioned}`,
      [...names, "years", "former_years"],
    );
    const first = await take();
    for (const table of names) {
      assert.deepEqual(partsOf(first.manifest, table), [], "no earlier backup says that it changes");
      await run(`UPDATE ${table} SET x = 2 WHERE id = ${early}`);
    }
    const second = await take();
    for (const table of names) {
      assert.equal(partsOf(second.manifest, table).length, 3, table);
      assert.deepEqual(sharedParts(second.manifest, table), [], table);
    }
    for (const { statement } of Object.values(changes))
      for (const one of statement.split("; ")) if (one !== "") await run(one);
    const third = await take();
    for (const [table, { shared }] of Object.entries(changes)) {
      assert.deepEqual(sharedParts(third.manifest, table), shared, table);
      for (const part of shared)
        assert.deepEqual(partsOf(third.manifest, table)[part]?.sharedFrom, {
          id: second.result.backupId,
          generations: 1,
        });
      assert.equal(tableOf(third.manifest, table).sharedFrom !== undefined, shared.length === 3, table);
    }
    assert.equal(await server.restored(at(third.result.backupId, "archive")), await server.rowsOf(name));
    assert.deepEqual(
      (await readdir(at(third.result.backupId))).filter((file) => file.startsWith("shared")),
      [],
    );
  });

  it("shares what changed before, and says how old each range is", async () => {
    const { name, take, at, run, ranged } = await changedTable();
    await run(`UPDATE yearly SET x = 3 WHERE id = ${middle}`);
    const third = await take();
    await run(`UPDATE yearly SET x = 4 WHERE id = ${late}`);
    const fourth = await take();
    assert.match(fourth.stderr, /2 of 3 parts of public\.yearly did not change/);
    const whole = await take();
    assert.deepEqual(
      partsOf(whole.manifest, "yearly").map(({ sharedFrom }) => sharedFrom),
      [
        { id: ranged.result.backupId, generations: 3 },
        { id: third.result.backupId, generations: 2 },
        { id: fourth.result.backupId, generations: 1 },
      ],
    );
    assert.deepEqual(tableOf(whole.manifest, "yearly").sharedFrom, {
      id: fourth.result.backupId,
      generations: 1,
    });
    const prune = ["prune", "--repository", server.folder, "--name", name, "--keep-last", "1"];
    assert.equal((await runRunner(prune)).exitCode, 0);
    const id = whole.result.backupId;
    await execa("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: at(id) });
    assert.equal(await server.restored(at(id, "archive")), await server.rowsOf(name));
  });

  it("has the rows of a table that has grown by a whole range", async () => {
    // The last of them is on the last page of the second range.
    const { name, take, at, run, ranged } = await changedTable(4096);
    assert.equal(partsOf(ranged.manifest, "yearly").length, 2);
    await run("INSERT INTO yearly SELECT id + 4096, grade, x, price, note FROM yearly WHERE id = 1");
    const grown = await take();
    assert.deepEqual(sharedParts(grown.manifest, "yearly"), [0, 1]);
    assert.equal(partsOf(grown.manifest, "yearly")[2]?.rows, 1);
    assert.equal(tableOf(grown.manifest, "yearly").sharedFrom, undefined);
    assert.equal(await server.restored(at(grown.result.backupId, "archive")), await server.rowsOf(name));
  });

  it("has the bytes of each range where the manifest says", async () => {
    const { at, ranged } = await changedTable();
    const archive = at(ranged.result.backupId, "archive");
    const [file = ""] = (await readdir(archive)).filter((one) => one.includes(".dat."));
    const bytes = partsOf(ranged.manifest, "yearly").map((part) => part.bytes);
    let start = 0;
    for (const [index, part] of partsOf(ranged.manifest, "yearly").entries()) {
      const { stdout } = await execa(
        "sh",
        [
          "-c",
          'tail -c +"$1" "$2" | head -c "$3" | zstd -d -q | wc -l',
          "sh",
          String(start + 1),
          file,
          String(part.bytes),
        ],
        { cwd: archive },
      );
      assert.equal(Number(stdout), part.rows, `range ${index}`);
      start += part.bytes;
    }
    const sum = bytes.reduce((one, other) => one + other);
    assert.ok((await stat(`${archive}/${file}`)).size - sum < 100, "besides, there is the end of the rows");
  });

  it("dumps all ranges anew when the earlier file is damaged, or they are too old, or it is told to", async () => {
    const { name, take, at, run, ranged } = await changedTable();
    const change = (x: number) => run(`UPDATE yearly SET x = ${x} WHERE id = ${late}`);
    await change(10);
    const full = await take("--full");
    assert.deepEqual(sharedParts(full.manifest, "yearly"), []);
    assert.equal(partsOf(full.manifest, "yearly").length, 3, "it is known to change");
    await change(11);
    assert.deepEqual(sharedParts((await take("--full-every", "1ms")).manifest, "yearly"), []);
    await change(12);
    const shared = await take();
    assert.deepEqual(sharedParts(shared.manifest, "yearly"), [0, 1]);
    const archive = at(shared.result.backupId, "archive");
    const [file = ""] = (await readdir(archive)).filter((one) => one.includes(".dat."));
    await flipBit(`${archive}/${file}`);
    await change(13);
    const anew = await take();
    assert.match(anew.stderr, /warning: Backup \S+ is damaged: .*public\.yearly is dumped anew/);
    assert.deepEqual(sharedParts(anew.manifest, "yearly"), []);
    assert.equal(await server.restored(at(anew.result.backupId, "archive")), await server.rowsOf(name));
    assert.notEqual(anew.result.backupId, ranged.result.backupId);
  });

  it("dumps only those ranges anew that are too old", async () => {
    const { take, run, ranged } = await changedTable();
    await run(`UPDATE yearly SET x = 3 WHERE id = ${late}`);
    await take();
    await run(`UPDATE yearly SET x = 4 WHERE id = ${middle}`);
    // A run looks at the clock some time after it began, and sooner than a whole backup takes.
    const age = Date.now() - Date.parse(ranged.manifest.startedAt) - 1000;
    const mixed = await take("--full-every", `${Math.round(age / 1000)}s`);
    assert.deepEqual(sharedParts(mixed.manifest, "yearly"), [2]);
  });

  it("has the rows of its time, whatever happens to the table between backups", async () => {
    const { sharedInPart } = await expectWholeBackups(8, 7, { rows: 7000, fillfactor: 10 });
    assert.ok(sharedInPart > 0);
  });
});
