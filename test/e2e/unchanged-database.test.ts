import assert from "node:assert/strict";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { imageOf } from "../support/images";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { restored } from "../support/restore-fixture";
import { dumpOf, makeDatabase } from "../support/whole-database";

/** A table that stays as it is, and one that is large enough to be dumped in ranges. */
const large = `
CREATE TABLE app.still AS SELECT g AS id, md5(g::text) AS note FROM generate_series(1, 50000) g;
CREATE TABLE "Odd Schema".grows (id int PRIMARY KEY, note text) WITH (fillfactor = 10);
ALTER TABLE "Odd Schema".grows ALTER note SET STORAGE PLAIN;
INSERT INTO "Odd Schema".grows SELECT g, rpad(md5(g::text), 400, 'x') FROM generate_series(1, 5500) g;`;

const changes = `
INSERT INTO "Odd Schema".grows VALUES (6000, 'new');
INSERT INTO base VALUES (7, 'new');
SELECT lo_from_bytea(4720, '\\x0102'), lo_put(4711, 0, 'new');
CREATE VIEW app.newer AS SELECT * FROM app.still;
INSERT INTO spatial_ref_sys (srid, auth_name, srtext) VALUES (990002, 'own', 'LOCAL_CS["y"]');`;

for (const version of ["17-3.5", "15-3.3"] as const)
  describe(`backups of a whole database that changes little, of ${version}`, function () {
    this.timeout(300_000);
    let [container, repository] = ["", ""];

    before(async () => {
      repository = await temporaryFolder();
      container = await startServer({ mount: repository, image: await imageOf(version) });
      await makeDatabase(container);
      await sql(container, large, "gis");
    });
    after(async () => {
      await removeContainer(container);
      await removeFolder(repository);
    });

    const back = (...more: string[]) =>
      takeBackup({
        ...{ container, repository, name: "all", tables: [] },
        more: ["--database", "gis", "--all", "--full-every", "7d", ...more],
      });
    const tableOf = ({ manifest }: Awaited<ReturnType<typeof back>>, name: string) =>
      manifest.tables.find((table) => table.name === name);
    const isRestored = async (database: string) => {
      await restored({ container, repository, name: "all", database, more: ["--create-database"] });
      const [found, expected] = [await dumpOf(container, database), await dumpOf(container, "gis")];
      // All lines would be compared for minutes where many differ.
      const first = found.findIndex((line, index) => line !== expected[index]);
      if (first >= 0) assert.deepEqual(found.slice(first, first + 20), expected.slice(first, first + 20));
      assert.equal(found.length, expected.length);
    };

    it("share the rows of tables that did not change, and hold all the rest", async () => {
      const first = await back();
      await sql(container, changes, "gis");
      const second = await back();
      assert.deepEqual(tableOf(second, "still")?.sharedFrom, { id: first.result.backupId, generations: 1 });
      assert.equal(tableOf(second, "grows")?.sharedFrom, undefined);
      await isRestored("second");
    });

    it("share the ranges of a large table that did not change, in the third", async () => {
      await sql(container, `INSERT INTO "Odd Schema".grows VALUES (6001, 'newer')`, "gis");
      const third = await back("--verify", "restore");
      const parts = tableOf(third, "grows")?.unchangedIf?.ranges?.parts ?? [];
      assert.ok(parts.length > 1, "it is not in ranges");
      assert.deepEqual(
        parts.slice(0, -1).map(({ sharedFrom }) => sharedFrom?.generations),
        parts.slice(0, -1).map(() => 1),
      );
      assert.equal(parts.at(-1)?.sharedFrom, undefined);
      assert.equal(tableOf(third, "still")?.sharedFrom?.generations, 2);
      await isRestored("third");
    });

    it("have all rows of their own, if that is asked for", async () => {
      const full = await back("--full");
      assert.equal(tableOf(full, "still")?.sharedFrom, undefined);
      await isRestored("full");
    });
  });
