import assert from "node:assert/strict";
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Manifest } from "../../runner/repository/manifest";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { reseal } from "../support/damage";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { refused } from "../support/restore-fixture";

/** Each is whole by its checksums, and another than the manifest says. */
const forged: Readonly<Record<string, readonly [from: RegExp, to: string, says: RegExp]>> = {
  "a row less": [/^2\tb\t1\n/m, "", /rows: 3 in the manifest, 2 restored/],
  "another value": [/^2\tb\t1$/m, "2\tB\t1", /fingerprint: /],
  "an index less": [/^CREATE INDEX .*;$/m, "", /index .* in the manifest, not restored/],
  "another constraint": [
    /CHECK \(\(id > 0\)\)/,
    "CHECK ((id > -1))",
    /constraint .* in the manifest, not restored/,
  ],
  "rows that refer to nothing": [
    /^3\tc\t1$/m,
    "3\tc\t9",
    /fingerprint: |orphans: 0 in the manifest, 1 restored/,
  ],
};

describe("a restore of an archive that is not what its manifest says", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer();
    await sql(
      container,
      `CREATE TABLE parent (id int PRIMARY KEY CHECK (id > 0), word text, parent int);
       CREATE INDEX ON parent (word); INSERT INTO parent VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)`,
    );
    const more = [
      "--format",
      "plain",
      "--compression",
      "none",
      "--logical-foreign-key",
      "parent.parent -> parent.id",
    ];
    await takeBackup({ container, repository, name: "whole", tables: ["parent"], more });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  /** A copy of the backup whose archive was changed, with checksums that fit; its manifest may be changed too. */
  async function forge(from: RegExp, to: string, change: (manifest: Manifest) => void = () => undefined) {
    const copy = path.join(repository, "forged");
    await rm(copy, { recursive: true, force: true });
    await cp(path.join(repository, "whole"), copy, { recursive: true, verbatimSymlinks: true });
    const [id = ""] = (await readdir(copy)).filter((name) => /^\d{8}T/.test(name));
    const archive = path.join(copy, id, "archive.sql");
    const script = await readFile(archive, "utf8");
    assert.match(script, from);
    await writeFile(archive, script.replace(from, to));
    await reseal(path.join(copy, id), (manifest) => {
      manifest.name = "forged";
      change(manifest);
    });
  }

  const database = "target";
  const into = (...more: string[]) => ({ container, repository, name: "forged", database, more });
  beforeEach(async () => {
    await sql(container, `DROP DATABASE IF EXISTS ${database}`);
    await sql(container, `CREATE DATABASE ${database} TEMPLATE template0`);
  });

  for (const [title, [from, to, says]] of Object.entries(forged)) {
    it(`fails, and leaves nothing: ${title}`, async () => {
      await forge(from, to);
      const stderr = await refused(into());
      assert.match(stderr, /^error\[restore-mismatch\]: /);
      assert.match(stderr, says);
      assert.equal(await sql(container, "SELECT to_regclass('public.parent') IS NULL", database), "t");
    });
  }

  it("fails, and leaves nothing: other rows that refer to nothing than were counted", async () => {
    await forge(/^/, "", ({ logicalForeignKeys: [key] }) => {
      assert.ok(key);
      Object.assign(key, { orphans: 1 });
    });
    assert.match(
      await refused(into()),
      /^error\[restore-mismatch\]: .*orphans: 1 in the manifest, 0 restored/,
    );
    assert.equal(await sql(container, "SELECT to_regclass('public.parent') IS NULL", database), "t");
  });

  it("fails before it replaces or fills a table that is there", async () => {
    const [from, to] = forged["another value"] ?? assert.fail();
    await forge(from, to);
    await sql(container, "CREATE TABLE parent (id int, word text, parent int)", database);
    assert.match(await refused(into("--data-only")), /^error\[restore-mismatch\]: .*fingerprint: /);
    assert.equal(await sql(container, "SELECT count(*) FROM parent", database), "0");
    await sql(container, "INSERT INTO parent VALUES (7, 'mine', 7)", database);
    for (const action of ["replace", "swap"])
      assert.match(await refused(into("--if-exists", action)), /^error\[restore-mismatch\]: .*fingerprint: /);
    assert.equal(await sql(container, "SELECT * FROM parent", database), "7|mine|7");
  });
});
