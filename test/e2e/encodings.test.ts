/** Databases of other encodings and locales than most: what is recorded of them, and restores into one of UTF-8. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { contentOf, restored } from "../support/restore-fixture";

describe("databases of other encodings and locales", function () {
  this.timeout(180_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  it("LATIN1 comes back in UTF-8 and in LATIN1, with fingerprints compared", async () => {
    await sql(
      container,
      "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'",
    );
    await sql(
      container,
      `SET client_encoding = 'UTF8'; CREATE TYPE way AS ENUM ('près', 'loin');
       CREATE TABLE town (n text, v varchar(9), c char(9), names text[], j jsonb, w way, i int, d date, x name, b bytea);
       INSERT INTO town VALUES ('Besançon', 'Sète', 'Orléans', '{Nîmes,Alès}', '{"é": "à"}', 'près', 1, '2020-01-02', 'Évry', '\\xe9')`,
      "latin",
    );
    const more = ["--database", "latin", "--verify", "restore"];
    const { manifest, result } = await takeBackup({
      container,
      repository,
      name: "latin",
      tables: ["town"],
      more,
    });
    assert.equal(manifest.fingerprintMethod, "values-utf8");
    assert.match(result.restoreCommand, /createdb .*--encoding LATIN1 /);
    await execa("bash", ["-euo", "pipefail", "-c", result.restoreCommand]);
    assert.deepEqual(
      await contentOf(container, "latin_restored", ["public"]),
      await contentOf(container, "latin", ["public"]),
    );
    for (const [database, encoding] of [
      ["in_utf8", "UTF8"],
      ["in_latin", "LATIN1"],
    ] as const) {
      await sql(
        container,
        `CREATE DATABASE ${database} TEMPLATE template0 ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
      const { notes } = await restored({ container, repository, name: "latin", database });
      assert.doesNotMatch(notes.join("\n"), /not compared/);
      const all = "SET client_encoding = 'UTF8'; SELECT * FROM town";
      assert.equal(await sql(container, all, database), await sql(container, all, "latin"));
    }
  });

  it("ICU is recorded, and the database made alike by stock tools", async () => {
    const rules = "&V << w <<< W";
    await sql(
      container,
      `CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv' ICU_RULES '${rules}' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    await sql(
      container,
      "CREATE TABLE word (w text PRIMARY KEY); INSERT INTO word VALUES ('å'), ('z'), ('a')",
      "icu",
    );
    const { manifest, result } = await takeBackup({
      ...{ container, repository, name: "icu", tables: ["word"] },
      more: ["--database", "icu"],
    });
    const { localeProvider, locale, icuRules, collationVersion = "" } = manifest.source;
    assert.deepEqual([localeProvider, locale, icuRules], ["icu", "sv", rules]);
    assert.match(collationVersion, /^\d/);
    assert.equal(manifest.fingerprintMethod, "values");
    assert.match(
      await readFile(path.join(result.location, "RESTORE.md"), "utf8"),
      /createdb .*--locale-provider icu --icu-locale sv --icu-rules /,
    );
    await execa("bash", ["-euo", "pipefail", "-c", result.restoreCommand]);
    const sorted = "SELECT string_agg(w, '' ORDER BY w) FROM word";
    assert.equal(await sql(container, sorted, "icu_restored"), "azå");
    assert.equal(
      await sql(
        container,
        "SELECT datlocprovider, daticurules FROM pg_database WHERE datname = 'icu_restored'",
      ),
      `i|${rules}`,
    );
  });
});
