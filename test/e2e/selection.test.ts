import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { BackupCheck } from "../../runner/request";
import { failBackup, takeBackup, tryBackup } from "../support/backup";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder } from "../support/resources";
import { holdLock, releaseLock } from "../support/table-lock";

/** Names that break quoting somewhere, each as the user writes it and as SQL does. */
const names = [
  ["Mixed Case", '"Mixed Case"'],
  ['"dot.ted"', '"dot.ted"'],
  ['"a ""quoted"" one"', '"a ""quoted"" one"'],
  ["$dollar$ 'apostrophe'", `"$dollar$ 'apostrophe'"`],
  ["two\nlines\ttab", '"two\nlines\ttab"'],
  ["back\\slash :colon", '"back\\slash :colon"'],
  ["Ünïcode 表 🌾", '"Ünïcode 表 🌾"'],
  ['"star*"', '"star*"'],
  ["-- comment; DROP", '"-- comment; DROP"'],
  ["-j", '"-j"'],
  ["x".repeat(63), `"${"x".repeat(63)}"`],
] as const;

describe("the selection of tables, on a real server", function () {
  this.timeout(120_000);
  let container: string;
  let repository: string;

  before(async () => {
    repository = await temporaryFolder();
    container = await startServer({ mount: repository });
    await sql(
      container,
      `CREATE TABLE country (code char(2) PRIMARY KEY); INSERT INTO country VALUES ('es'), ('nl');
       CREATE TABLE region (id int PRIMARY KEY, country char(2) REFERENCES country); INSERT INTO region VALUES (1, 'es');
       CREATE TABLE parcel (id int, region int CONSTRAINT in_region REFERENCES region, self int); INSERT INTO parcel VALUES (7, 1);
       ANALYZE;`,
    );
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(repository);
  });

  async function restored(restoreCommand: string, query: string): Promise<string> {
    await execa("bash", ["-euo", "pipefail", "-c", restoreCommand]);
    try {
      return await sql(container, query, "postgres_restored");
    } finally {
      await sql(container, "DROP DATABASE postgres_restored");
    }
  }

  it("brings back tables with every sort of name, in a schema with such a name", async () => {
    const create = names.map(([, name], i) => `CREATE TABLE "Odd.schema".${name} AS SELECT ${i} AS n;`);
    await sql(container, `CREATE SCHEMA "Odd.schema"; ${create.join("\n")}`);
    const tables = names.map(([name]) => `"Odd.schema".${name}`);
    for (const more of [[], ["--format", "plain", "--compression", "gzip:1"]]) {
      const { result, manifest } = await takeBackup({ container, repository, tables, more });
      assert.equal(manifest.tables.length, names.length);
      const sum = names.map(([, name]) => `(SELECT n FROM "Odd.schema".${name})`).join(" || ',' || ");
      const expected = names.map((_, i) => i).join(",");
      assert.equal(await restored(result.restoreCommand, `SELECT ${sum}`), expected);
    }
  });

  it("takes children with the table that they inherit from, and refuses a child alone", async () => {
    await sql(
      container,
      `CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); CREATE TABLE grandchild () INHERITS (child);
       INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 2); INSERT INTO grandchild VALUES (3, 3);`,
    );
    const { result } = await takeBackup({ container, repository, tables: ["parent"] });
    assert.equal(await restored(result.restoreCommand, "SELECT count(*), sum(a) FROM parent"), "3|6");
    const refused = await failBackup({ container, repository, tables: ["child"] });
    assert.match(
      refused,
      /^error\[reference-outside-selection\]: public\.child inherits from public\.parent/,
    );
    assert.equal(refused.trim().split("\n").length, 1, "the grandchild comes with the child");
    const more = ["--missing-references", "include"];
    const { manifest } = await takeBackup({ container, repository, tables: ["grandchild"], more });
    assert.deepEqual(
      manifest.tables.map(({ name }) => name),
      ["child", "grandchild", "parent"],
    );
  });

  it("reports what a pattern matches but holds no rows of its own", async () => {
    await sql(
      container,
      `CREATE TABLE k_table (y int) PARTITION BY RANGE (y); CREATE TABLE k_part PARTITION OF k_table FOR VALUES FROM (0) TO (9);
       CREATE MATERIALIZED VIEW k_matview AS SELECT 1 AS x; CREATE VIEW k_view AS SELECT 1 AS x;
       CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;
       CREATE FOREIGN TABLE k_foreign PARTITION OF k_table FOR VALUES FROM (10) TO (19) SERVER s;`,
    );
    const { manifest, stderr } = await takeBackup({ container, repository, tables: ["k_*"] });
    assert.deepEqual(
      manifest.tables.map(({ name, kind }) => [name, kind]),
      [
        ["k_part", "table"],
        ["k_table", "partitioned"],
      ],
    );
    assert.deepEqual(
      manifest.skipped.map(({ name, kind }) => [name, kind]),
      [
        ["k_foreign", "foreign table"],
        ["k_matview", "materialized view"],
        ["k_view", "view"],
      ],
    );
    assert.match(stderr, /materialized view public\.k_matview/);
    for (const [table, kind] of [
      ["k_matview", "materialized view"],
      ["k_foreign", "foreign table"],
    ] as const) {
      assert.match(
        await failBackup({ container, repository, tables: [table] }),
        new RegExp(`\\[not-a-table\\].*is a ${kind}`),
      );
    }
  });

  it("refuses a foreign key to a table that is not selected, adds that table, or does without it", async () => {
    const options = { container, repository, tables: ["parcel"] };
    const refused = await failBackup(options);
    assert.match(
      refused,
      /^error\[reference-outside-selection\]: public\.parcel refers to public\.region by the foreign key "in_region"/,
    );

    const added = await takeBackup({ ...options, more: ["--missing-references", "include"] });
    assert.deepEqual(
      added.manifest.tables.map(({ name }) => name),
      ["country", "parcel", "region"],
    );
    assert.equal(
      await restored(
        added.result.restoreCommand,
        "SELECT count(*) FROM parcel JOIN region ON region = region.id JOIN country ON country = code",
      ),
      "1",
    );

    const tested = await failBackup({
      ...options,
      more: ["--missing-references", "ignore", "--verify", "restore"],
    });
    assert.match(tested, /^error\[reference-outside-selection\]: .*public\.parcel to public\.region/);
    const accepted = await takeBackup({ ...options, more: ["--missing-references", "ignore"] });
    assert.deepEqual(accepted.manifest.ignoredReferences, [
      { table: "public.parcel", constraint: "in_region", references: "public.region" },
    ]);
    const run = await execa("bash", ["-uo", "pipefail", "-c", accepted.result.restoreCommand], {
      reject: false,
    });
    assert.match(run.stderr, /relation "public\.region" does not exist/);
    assert.equal(await sql(container, "SELECT id FROM parcel", "postgres_restored"), "7");
    await sql(container, "DROP DATABASE postgres_restored");
  });

  it("counts orphans of logical foreign keys in the snapshot, and fails over the limit", async () => {
    await sql(
      container,
      `CREATE SCHEMA es; CREATE TABLE es.parcel_set (ogc_fid int); INSERT INTO es.parcel_set SELECT generate_series(1, 100);
       CREATE TABLE "roi2020_S2_signatures" (pid int); INSERT INTO "roi2020_S2_signatures" SELECT generate_series(91, 110);
       INSERT INTO "roi2020_S2_signatures" VALUES (NULL);
       CREATE TABLE "roi2021_S2_signatures" ("Pid" int, pid bigint);`,
    );
    const tables = ["es.parcel_set", "roi*_signatures"];
    const key = ["--logical-foreign-key", "roi*_signatures.pid -> es.parcel_set.ogc_fid"];
    const options = { container, repository, tables };
    const { manifest } = await takeBackup({ ...options, more: [...key, "--max-orphans", "10"] });
    assert.deepEqual(
      manifest.logicalForeignKeys.map(({ child, parent, orphans }) => [
        child.name,
        child.column,
        parent.schema,
        orphans,
      ]),
      [
        ["roi2020_S2_signatures", "pid", "es", 10],
        ["roi2021_S2_signatures", "pid", "es", 0],
      ],
    );
    const failed = await failBackup({ ...options, more: [...key, "--max-orphans", "9"] });
    assert.match(
      failed,
      /^error\[orphans-over-limit\]: 10 rows of public\."roi2020_S2_signatures" have a pid that no ogc_fid/,
    );
    const outside = await failBackup({ ...options, tables: ["roi*_signatures"], more: key });
    assert.match(
      outside,
      /^error\[logical-foreign-key-invalid\]: .*es\.parcel_set, which is not among the selected tables/,
    );
    const column = await failBackup({
      ...options,
      more: ["--logical-foreign-key", "roi*_signatures.Pid -> es.parcel_set.ogc_fid"],
    });
    assert.match(
      column,
      /^error\[logical-foreign-key-invalid\]: .*column "Pid", which public\."roi2020_S2_signatures" does not have/,
    );
    const grammar = await failBackup({ ...options, more: ["--logical-foreign-key", "pid = ogc_fid"] });
    assert.match(
      grammar,
      /^error\[logical-foreign-key-invalid\]: "pid = ogc_fid" is not a logical foreign key/,
    );
  });

  it("backs up a thousand tables at once", async () => {
    await sql(
      container,
      `CREATE SCHEMA many;
       DO $$ BEGIN FOR i IN 1..1000 LOOP
         EXECUTE format('CREATE TABLE many.%I (id int PRIMARY KEY, v text)', 'Parcels ' || i);
         EXECUTE format('INSERT INTO many.%I VALUES (%s, %L)', 'Parcels ' || i, i, 'v');
       END LOOP; END $$`,
    );
    const { result, manifest } = await takeBackup({ container, repository, tables: ["many.*"] });
    assert.equal(manifest.tables.length, 1000);
    assert.ok(manifest.tables.every(({ rows }) => rows === 1));
    assert.ok(Buffer.byteLength(JSON.stringify(result)) < 4096);
    const count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'many'";
    assert.equal(await restored(result.restoreCommand, count), "1000");
  });

  it("names all that is wrong in one message", async () => {
    await sql(
      container,
      `CREATE ROLE reader LOGIN; CREATE SCHEMA closed; CREATE TABLE closed.t (x serial);
       CREATE TABLE guarded (x int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; GRANT SELECT ON guarded TO reader;`,
    );
    const more = [
      "--user",
      "reader",
      "--logical-foreign-key",
      "guarded.y -> guarded.x",
      "--compression",
      "zstd:1",
      "--format",
      "directory",
    ];
    const message = await failBackup({
      container,
      repository: "/etc/hostname/x",
      tables: ["closed.t", "guarded"],
      more,
    });
    assert.match(message, /^error\[folder-not-writable\]: .*hostname is not a folder/m);
    assert.match(message, /^error\[folder-not-mounted\]: /m);
    assert.match(
      message,
      /^error\[privilege-missing\]: .*schema closed, table closed\.t, sequence closed\.t_x_seq, all rows, because of row security, of public\.guarded/m,
    );
    assert.match(message, /GRANT USAGE ON SCHEMA closed TO reader; GRANT SELECT ON closed\.t TO reader/);
    assert.match(message, /^error\[logical-foreign-key-invalid\]: .*column "y"/m);
    const names = await failBackup({
      container,
      repository,
      tables: ["guard", 'bad"name', "parcell", "guarded"],
    });
    assert.match(names, /^error\[table-name-invalid\]: "bad"name"/m);
    assert.match(names, /^error\[table-not-found\]: .*"guard"/m);
    assert.match(names, /^error\[table-not-found\]: .*"parcell".*Did you mean public\.parcel\?/m);
  });

  it("only looks, with --dry-run", async () => {
    const more = ["--missing-references", "include", "--dry-run"];
    const { exitCode, stdout } = await tryBackup({
      container,
      repository,
      name: "dry",
      tables: ["parcel"],
      more,
    });
    assert.equal(exitCode, 0);
    const check = BackupCheck.parse(JSON.parse(stdout));
    assert.deepEqual(check.tables, ["public.country", "public.parcel", "public.region"]);
    assert.ok(check.databaseBytes > 0);
    assert.ok(!existsSync(path.join(repository, "dry")), "nothing is written");
    const wrong = await failBackup({ container, repository, name: "dry", tables: ["nothing"], more });
    assert.match(wrong, /^error\[table-not-found\]/);
  });

  it("knows the size of a table that nothing has analyzed, and does not wait for one that is locked", async () => {
    await sql(
      container,
      `CREATE SCHEMA unseen; CREATE TABLE unseen.free WITH (autovacuum_enabled = off) AS SELECT repeat('x', 100) FROM generate_series(1, 50000);
       CREATE TABLE unseen.locked WITH (autovacuum_enabled = off) AS SELECT * FROM unseen.free`,
    );
    const bytes = Number(await sql(container, "SELECT pg_table_size('unseen.free')"));
    assert.ok(bytes > 5_000_000);
    const look = async () => {
      const options = { container, repository, name: "unseen", tables: ["unseen.*"], more: ["--dry-run"] };
      const { exitCode, stdout, stderr } = await tryBackup(options);
      assert.equal(exitCode, 0, stderr);
      return BackupCheck.parse(JSON.parse(stdout));
    };
    const check = await look();
    assert.equal(check.databaseBytes, 2 * bytes);
    assert.equal(check.estimatedBytes, Math.round(0.2 * check.databaseBytes));
    const name = "holds unseen.locked";
    await holdLock(container, "LOCK TABLE unseen.locked IN ACCESS EXCLUSIVE MODE", { name });
    const locked = await look().finally(() => releaseLock(container, name));
    assert.equal(locked.databaseBytes, bytes);
    await sql(container, "DROP SCHEMA unseen CASCADE");
  });

  it("gives the files the permissions that were asked for, and their owner", async () => {
    const more = ["--missing-references", "include", "--file-mode", "0640"];
    const { result } = await takeBackup({ container, repository, name: "group", tables: ["parcel"], more });
    const modeOf = async (...file: string[]) =>
      ((await stat(path.join(result.location, ...file))).mode & 0o777).toString(8);
    assert.deepEqual(
      [
        await modeOf(),
        await modeOf(".."),
        await modeOf("archive"),
        await modeOf("manifest.json"),
        await modeOf("archive", "toc.dat"),
      ],
      ["750", "750", "750", "640", "640"],
    );
    assert.equal((await stat(path.join(result.location, "archive", "toc.dat"))).uid, process.getuid?.());
  });
});
