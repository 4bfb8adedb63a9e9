/** Changes of a table, as chance has them, between backups that share what did not change. */
import assert from "node:assert/strict";
import path from "node:path";
import fc from "fast-check";
import { takeBackup } from "./backup";
import { startServer } from "./container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "./resources";
import { restoreDirectory } from "./restored";

interface ChangingTable {
  readonly rows: number;
  /** Percentage of each page that has rows at first: how large the table is, and how much room there is for updates. */
  readonly fillfactor: number;
}

/** It is large enough to be compared with the last backup. */
const smallTable: ChangingTable = { rows: 9000, fillfactor: 95 };

const creation = ({ rows, fillfactor }: ChangingTable) => `
CREATE TABLE changing (id int, x float8, note text) WITH (fillfactor = ${fillfactor}); ALTER TABLE changing ALTER note SET STORAGE PLAIN;
INSERT INTO changing SELECT g, g % 7, rpad(md5(g::text), ${fillfactor < 50 ? 400 : 150}, 'x') FROM generate_series(1, ${rows}) g; CREATE INDEX changing_id ON changing (id);`;

const id = fc.integer({ min: 1, max: 10_000 });

const statement = fc.oneof(
  { arbitrary: fc.constant("SELECT 1"), weight: 2 },
  fc.constantFrom(
    "VACUUM changing",
    "VACUUM FREEZE changing",
    "VACUUM FULL changing",
    "ANALYZE changing",
    "CLUSTER changing USING changing_id",
    "BEGIN; UPDATE changing SET x = 0; ROLLBACK",
    "UPDATE changing SET x = -x",
    "ALTER TABLE changing ADD COLUMN IF NOT EXISTS more int DEFAULT 1",
    "ALTER TABLE changing DROP COLUMN IF EXISTS more",
    "ALTER TABLE changing ALTER COLUMN x TYPE numeric",
    "ALTER TABLE changing ALTER COLUMN x TYPE float8",
    "CREATE TEMP TABLE kept AS SELECT id, x, note FROM changing; TRUNCATE changing; INSERT INTO changing (id, x, note) SELECT * FROM kept",
  ),
  id.map((one) => `UPDATE changing SET x = x + 1 WHERE id = ${one}`),
  id.map((one) => `UPDATE changing SET note = note WHERE id = ${one}`),
  id.map((one) => `DELETE FROM changing WHERE id = ${one}`),
  id.map((one) => `INSERT INTO changing (id, x, note) SELECT ${one}, -0.0, 'new'`),
  fc
    .tuple(id, id)
    .map(
      ([one, other]) =>
        `UPDATE changing c SET x = o.x FROM changing o WHERE (c.id, o.id) IN ((${one}, ${other}), (${other}, ${one}))`,
    ),
);

/** What happens before each backup; the first backup is of the table as it was made. */
function randomChanges(backups: number, seed: number): string[][] {
  return fc.sample(fc.array(statement, { maxLength: 2 }), { numRuns: backups, seed });
}

/** All rows with all columns, in SQL of the tests' own. */
const content = `SELECT count(*) || md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM changing t`;

/** Takes backups between random changes. Each one that stock `pg_restore` restores has the rows of its time. */
export async function expectWholeBackups(backups: number, seed: number, table = smallTable) {
  const folder = await temporaryFolder();
  const container = await startServer({ mount: folder });
  try {
    await sql(container, creation(table));
    let shared = 0;
    let sharedInPart = 0;
    for (const [index, statements] of randomChanges(backups, seed).entries()) {
      const story = `seed ${seed}, backup ${index}, after ${statements.join("; ")}`;
      for (const one of statements) await sql(container, one);
      const more = ["--full-every", "7d"];
      const { manifest } = await takeBackup({ container, repository: folder, tables: ["changing"], more });
      const [changing] = manifest.tables;
      const parts = changing?.unchangedIf?.ranges?.parts ?? [];
      if (changing?.sharedFrom !== undefined) shared += 1;
      else if (parts.some(({ sharedFrom }) => sharedFrom !== undefined)) sharedInPart += 1;
      const target = `restored_${index}`;
      await restoreDirectory(container, path.join("/backups", "cbm", manifest.id, "archive"), target);
      assert.equal(await sql(container, content, target), await sql(container, content), story);
      await sql(container, `DROP DATABASE ${target}`);
    }
    // Chance must leave something to share, and something to dump.
    assert.ok(shared > 0 && shared < backups - 1, `seed ${seed}: ${shared} were shared`);
    return { shared, sharedInPart };
  } finally {
    await removeContainer(container);
    await removeFolder(folder);
  }
}
