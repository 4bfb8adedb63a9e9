import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { readdir, readlink, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { execa } from "execa";
import { Manifest } from "../../runner/repository/manifest";
import { BackupResult } from "../../runner/request";
import { startServer } from "../support/container";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "../support/resources";
import { runRunner } from "../support/runner";

/** Tables as they are met: upper case, a schema for each country, spaces, partitions, geometries, gaps in the values. */
const source = `
CREATE SCHEMA "ES"; CREATE SCHEMA nl;
CREATE TABLE "ES"."Parcel Set" (ogc_fid serial PRIMARY KEY, crop text, wkb_geometry geometry(Polygon, 3035));
INSERT INTO "ES"."Parcel Set" (crop, wkb_geometry)
  SELECT CASE WHEN g % 7 > 0 THEN 'crop ' || g END, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 3035) FROM generate_series(1, 3000) g;
CREATE INDEX ON "ES"."Parcel Set" USING gist (wkb_geometry);
CREATE TABLE nl."we""ird.näme$" (a int, b jsonb, c timestamptz[], d numeric, e bytea);
INSERT INTO nl."we""ird.näme$" SELECT g, jsonb_build_object('k', g), ARRAY[now()], g / 7.0, decode(md5(g::text), 'hex') FROM generate_series(1, 500) g;
CREATE TABLE "roi2020_S2_signatures" (pid int, obsid int, band char(3), mean real);
INSERT INTO "roi2020_S2_signatures" SELECT g, g % 73, 'B0' || g % 7, CASE WHEN g % 9 > 0 THEN sin(g) END FROM generate_series(1, 200000) g;
CREATE INDEX ON "roi2020_S2_signatures" (pid);
CREATE TABLE parted (y int, v text) PARTITION BY RANGE (y);
CREATE TABLE parted_2020 PARTITION OF parted FOR VALUES FROM (2020) TO (2021);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT 2019 + g % 3, 'v' || g FROM generate_series(1, 1000) g;
CREATE TABLE empty (x int);
CREATE TABLE nothing ();
CREATE TABLE kinds (a int2vector, b oidvector, c point, d name, e json, f xml, g box2d, h int4range, i money, j interval,
  k inet, l tsvector, m bit(3), n uuid, o date[], p "char", q geography, r geometry[], s numeric, t char(5));
INSERT INTO kinds VALUES ('1 2', '3 4', '(1,2)', 'n', '{"x": 1}', '<a/>', 'BOX(1 2,3 4)', '[1,2)', 5, '1 day', '10.0.0.1', 'a b',
  '101', '5b4a1f5e-0000-4000-8000-000000000000', '{2020-01-01}', 'x', 'POINT(1 2)', ARRAY['POINT(1 2)'::geometry], 'NaN', 'é');`;

const tables = [
  '"ES"."Parcel Set"',
  'nl."we""ird.näme$"',
  '"roi2020_S2_signatures"',
  "parted_2020",
  "parted_rest",
  "empty",
  "nothing",
  "kinds",
];
const selection = [
  "*.Parcel Set",
  'nl."we""ird.näme$"',
  "roi*_signatures",
  "parted",
  "empty",
  "nothing",
  "kinds",
].flatMap((name) => ["--table", name]);

/** Every row and every index of the tables, in an order of their own. */
const contents = tables
  .map((name) => `SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM ${name} t;`)
  .concat(
    "SELECT count(*) FROM parted; SELECT indexdef FROM pg_indexes WHERE schemaname IN ('ES', 'nl', 'public') AND tablename <> 'spatial_ref_sys' ORDER BY 1;",
  )
  .join("\n");

const notMounted = path.join(os.tmpdir(), uniqueName());

describe("postgis-backup backup", function () {
  this.timeout(120_000);
  let container: string;
  let mounted: string;
  let elsewhere: string;
  let original: string;

  before(async () => {
    [mounted, elsewhere] = await Promise.all([temporaryFolder(), temporaryFolder()]);
    container = await startServer({ mount: mounted });
    await sql(container, "CREATE DATABASE beside");
    await sql(container, source);
    original = await sql(container, contents);
  });
  after(async () => {
    await removeContainer(container);
    await Promise.all([removeFolder(mounted), removeFolder(elsewhere)]);
  });

  const run = (repository: string, name: string, ...more: string[]) =>
    runRunner([
      "backup",
      "--container",
      container,
      ...selection,
      "--repository",
      repository,
      "--name",
      name,
      ...more,
    ]);

  for (const [title, place, options] of [
    ["the directory format in a mounted folder", "mounted", []],
    ["the custom format in a mounted folder", "mounted", ["--format", "custom"]],
    ["the plain format, with gzip", "mounted", ["--format", "plain", "--compression", "gzip:1"]],
    ["the custom format, streamed out of a container without a mount", "elsewhere", ["--format", "custom"]],
    ["no format, out of a container without a mount", "elsewhere", ["--jobs", "2"]],
    ["the plain format, streamed", "elsewhere", ["--format", "plain", "--compression", "zstd:1"]],
  ] as const) {
    it(`brings every row back with stock tools, as its restore command says: ${title}`, async () => {
      const { exitCode, stdout, stderr } = await run(
        place === "mounted" ? mounted : elsewhere,
        `n${options.join("")}`.replace(/[^a-z0-9]/g, ""),
        "--json",
        ...options,
      );
      assert.equal(exitCode, 0, stderr);
      const result = BackupResult.parse(JSON.parse(stdout));
      await execa("bash", ["-euo", "pipefail", "-c", result.restoreCommand]);
      try {
        assert.equal(await sql(container, contents, "postgres_restored"), original);
      } finally {
        await sql(container, "DROP DATABASE postgres_restored");
      }
    });
  }

  it("records in the manifest what the snapshot held, what is on disk, and what the tables need", async () => {
    const { stdout } = await run(mounted, "manifest", "--json");
    const result = BackupResult.parse(JSON.parse(stdout));
    const manifest = Manifest.parse(JSON.parse(readFileSync(result.manifest, "utf8")));
    assert.deepEqual(
      manifest.tables.map(({ schema, name, rows, kind }) => [schema, name, rows, kind]),
      [
        ["ES", "Parcel Set", 3000, "table"],
        ["nl", 'we"ird.näme$', 500, "table"],
        ["public", "empty", 0, "table"],
        ["public", "kinds", 1, "table"],
        ["public", "nothing", 0, "table"],
        ["public", "parted", 0, "partitioned"],
        ["public", "parted_2020", 334, "table"],
        ["public", "parted_rest", 666, "table"],
        ["public", "roi2020_S2_signatures", 200000, "table"],
      ],
    );
    assert.deepEqual(manifest.requires.schemas, ["ES", "nl"]);
    assert.deepEqual(
      manifest.requires.extensions.map(({ name }) => name),
      ["postgis"],
    );
    for (const { path: file, bytes, sha256 } of manifest.files) {
      const absolute = path.join(result.location, file);
      assert.equal((await stat(absolute)).size, bytes);
      assert.equal((await execa("sha256sum", [absolute])).stdout.split(" ")[0]?.replace("\\", ""), sha256);
      assert.equal((await stat(absolute)).mode & 0o777, 0o600);
    }
    const { stdout: dumped } = await execa("find", [path.join(result.location, "archive"), "-type", "f"]);
    assert.equal(
      dumped.split("\n").length,
      manifest.files.filter((file) => file.path.startsWith("archive/")).length,
    );
    assert.equal(await readlink(path.join(mounted, "manifest", "latest")), result.backupId);
  });

  it("fingerprints rows, whatever their order, and sees every change of one", async () => {
    const fingerprint = async () => {
      const { stdout } = await run(mounted, "fingerprint", "--json");
      const manifest = Manifest.parse(
        JSON.parse(readFileSync(BackupResult.parse(JSON.parse(stdout)).manifest, "utf8")),
      );
      return Object.fromEntries(manifest.tables.map((table) => [table.name, table.fingerprint]));
    };
    const first = await fingerprint();
    await sql(
      container,
      `CREATE TABLE x AS SELECT * FROM "roi2020_S2_signatures" ORDER BY mean;
      TRUNCATE "roi2020_S2_signatures"; INSERT INTO "roi2020_S2_signatures" SELECT * FROM x; DROP TABLE x;`,
    );
    assert.deepEqual(await fingerprint(), first);
    let before = first;
    for (const [table, change] of [
      ["roi2020_S2_signatures", "mean = NULL WHERE pid = 4711"],
      ["roi2020_S2_signatures", "mean = 0, obsid = NULL WHERE pid = 4711"],
      ["roi2020_S2_signatures", "pid = obsid, obsid = pid WHERE pid = 4712"],
      ["Parcel Set", "wkb_geometry = ST_Reverse(wkb_geometry) WHERE ogc_fid = 5"],
      ["kinds", "c = '(2,1)'"],
      ["kinds", "s = 1"],
    ] as const) {
      await sql(container, `UPDATE ${table === "Parcel Set" ? '"ES".' : ""}"${table}" SET ${change}`);
      const after = await fingerprint();
      assert.deepEqual(
        Object.keys(before).filter((name) => before[name] !== after[name]),
        [table],
        change,
      );
      before = after;
    }
  });

  for (const [title, args, message] of [
    [
      "a table that does not exist",
      ["--table", "roi2020_s2_signatures"],
      /No table matches "roi2020_s2_signatures".*Did you mean public\."roi2020_S2_signatures"\?/,
    ],
    [
      "a table of another database",
      ["--database", "beside", "--table", "roi2020_S2_signatures"],
      /No table matches "roi2020_S2_signatures" in database "beside"\. It has no tables\. Database postgres has public\."roi2020_S2_signatures": name that database\.$/m,
    ],
    [
      "a table that no database has",
      ["--table", "nowhere"],
      /No table matches "nowhere" in database "postgres"\. It has .* Names are case-sensitive.* The server's other databases are beside\.$/m,
    ],
    [
      "a container that does not exist",
      ["--container", "pgb-no-such"],
      /There is no container "pgb-no-such"\. These are running: .*"docker ps -a" lists all\.$/m,
    ],
    [
      "a database that does not exist",
      ["--database", "nodb"],
      /database "nodb" does not exist\n[^]*^The server's databases are beside, postgres\.$/m,
    ],
    [
      "a role that does not exist",
      ["--user", "nobody"],
      /role "nobody" does not exist\n[^]*^The server has no role "nobody": name another user\.$/m,
    ],
    [
      "the directory format where nothing is mounted",
      ["--repository", notMounted, "--format", "directory"],
      /has no writable mount .*--format custom/,
    ],
  ] as const) {
    it(`fails with one message, and leaves nothing, for ${title}`, async () => {
      const { exitCode, stdout, stderr } = await run(mounted, "failing", ...args);
      assert.equal(exitCode, 1);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.ok(!/\n\s+at /.test(stderr), "no stack trace");
      const left = existsSync(path.join(mounted, "failing"))
        ? await readdir(path.join(mounted, "failing"))
        : [];
      assert.deepEqual(left, []);
    });
  }
  after(() => removeFolder(notMounted));

  it("tells wrong usage apart from failure", async () => {
    const { exitCode, stderr } = await runRunner(["backup", "--container", container]);
    assert.equal(exitCode, 2);
    assert.deepEqual(stderr.split("\n"), [
      "error[usage]: --repository is missing",
      "error[usage]: --name is missing",
      "error[usage]: --table must name at least one table",
    ]);
    assert.equal((await runRunner(["backup", "--frobnicate"])).exitCode, 2);
    assert.equal((await runRunner(["backup", "--help"])).exitCode, 0);
  });
});
