/** Changes of a table, as chance has them, and whether a backup of it is what a full one would be. */
import fc from "fast-check";

/** A table that is large enough to be compared with the last backup. */
export const changingTable = `
CREATE TABLE changing (id int, x float8, note text) WITH (fillfactor = 95);
INSERT INTO changing SELECT g, g % 7, rpad(md5(g::text), 150, 'x') FROM generate_series(1, 9000) g; CREATE INDEX changing_id ON changing (id);`;

/** More rows than it ever has. */
const id = fc.integer({ min: 1, max: 20_000 });

const statement = fc.oneof(
  { arbitrary: fc.constant("SELECT 1"), weight: 6 },
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
export function randomChanges(backups: number, seed: number): string[][] {
  return fc.sample(fc.array(statement, { maxLength: 3, size: "max" }), { numRuns: backups, seed });
}
