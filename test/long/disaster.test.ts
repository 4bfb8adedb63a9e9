import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { takeBackup } from "../support/backup";
import { startServer } from "../support/container";
import {
  freePort,
  ownLabel,
  removeContainer,
  removeFolder,
  sql,
  temporaryFolder,
  uniqueName,
} from "../support/resources";

/** Tables that need roles, schemas, types, functions, sequences and an SRID, and that refer to each other. */
const source = `
CREATE ROLE "Field Staff"; CREATE ROLE "o'reader";
CREATE SCHEMA "ES"; CREATE SCHEMA nl; GRANT USAGE ON SCHEMA "ES", nl TO "Field Staff";
CREATE TYPE nl.quality AS ENUM ('good', 'it''s bad');
CREATE DOMAIN nl.percent AS real CHECK (VALUE BETWEEN 0 AND 100);
CREATE FUNCTION nl.upper_first(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT initcap($1)$$;
CREATE SEQUENCE nl.shared START 1000;
INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text)
  SELECT 990001, 'site', 990001, srtext, proj4text FROM spatial_ref_sys WHERE srid = 3035;
CREATE TABLE dias_catalogue (id serial PRIMARY KEY, obstime timestamp, reference varchar(120) UNIQUE, status varchar(24) DEFAULT 'ingested',
  footprint geometry(Polygon, 4326));
INSERT INTO dias_catalogue (obstime, reference, footprint)
  SELECT timestamp '2020-01-01' + g * interval '1 day', 'S2_' || g, ST_MakeEnvelope(g, g, g + 1, g + 1, 4326) FROM generate_series(1, 73) g;
CREATE INDEX ON dias_catalogue USING gist (footprint);
CREATE TABLE "ES"."Parcel Set" (ogc_fid int PRIMARY KEY DEFAULT nextval('nl.shared'), crop text, quality nl.quality, cover nl.percent,
  wkb_geometry geometry(Polygon, 990001));
INSERT INTO "ES"."Parcel Set" (crop, quality, cover, wkb_geometry)
  SELECT CASE WHEN g % 7 > 0 THEN E'crop\\t' || g END, 'it''s bad', g % 100, ST_SetSRID(ST_MakeEnvelope(g, g, g + 1, g + 2), 990001)
  FROM generate_series(1, 900) g;
CREATE INDEX "By Crop" ON "ES"."Parcel Set" (nl.upper_first(crop)) WHERE quality = 'it''s bad';
ALTER TABLE "ES"."Parcel Set" OWNER TO "Field Staff";
GRANT SELECT ON "ES"."Parcel Set" TO "o'reader";
CREATE TABLE "roi2020_S2_signatures" (pid int REFERENCES "ES"."Parcel Set", obsid int REFERENCES dias_catalogue, band char(3), mean real);
INSERT INTO "roi2020_S2_signatures" SELECT 1000 + g % 900, 1 + g % 73, 'B0' || g % 7, CASE WHEN g % 9 > 0 THEN sin(g) END FROM generate_series(1, 20000) g;
CREATE INDEX ON "roi2020_S2_signatures" (pid);
CREATE TABLE nl.measures (year int, value float8) PARTITION BY RANGE (year);
CREATE TABLE nl.measures_2020 PARTITION OF nl.measures FOR VALUES FROM (2020) TO (2021);
CREATE TABLE nl.measures_rest PARTITION OF nl.measures DEFAULT;
INSERT INTO nl.measures SELECT 2019 + g % 3, g / 7.0 FROM generate_series(1, 300) g;
`;

const tables = [
  "dias_catalogue",
  '"ES"."Parcel Set"',
  '"roi2020_S2_signatures"',
  "nl.measures_2020",
  "nl.measures_rest",
];

const rowsOf = (table: string) =>
  `SELECT '${table}', count(*), md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C")) FROM ${table} t;`;

/** Every row, and all that pg_dump brings back beside the rows. */
const contents = `${tables.map(rowsOf).join("\n")}
SELECT indexdef FROM pg_indexes WHERE schemaname IN ('ES', 'nl', 'public') AND tablename <> 'spatial_ref_sys' ORDER BY 1;
SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint c
  WHERE connamespace IN ('public'::regnamespace, '"ES"'::regnamespace, 'nl'::regnamespace) AND conrelid <> 'spatial_ref_sys'::regclass ORDER BY 1::text, 2;
SELECT 'shared', last_value, is_called FROM nl.shared;
SELECT 'serial', last_value, is_called FROM dias_catalogue_id_seq;
SELECT relname, relowner::regrole, relacl FROM pg_class WHERE relnamespace = '"ES"'::regnamespace AND relkind = 'r' ORDER BY 1;
SELECT count(*), min(pg_get_expr(adbin, adrelid)) FROM pg_attrdef WHERE adrelid = 'dias_catalogue'::regclass;
SELECT srid, auth_name, srtext FROM spatial_ref_sys WHERE srid > 990000;
SELECT avg(ST_Area(wkb_geometry))::text FROM "ES"."Parcel Set";`;

/** The shell blocks of each section of a guide, by its heading. */
function blocksOf(guide: string): Map<string, string[]> {
  const sections = guide.split(/^## /m).slice(1);
  return new Map(
    sections.map((section) => [
      section.slice(0, section.indexOf("\n")),
      [...section.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block]) => block ?? ""),
    ]),
  );
}

describe("when all is lost but a backup's folder and an image", function () {
  this.timeout(180_000);
  let container: string;
  let mounted: string;
  let original: string;

  before(async () => {
    mounted = await temporaryFolder();
    container = await startServer({ mount: mounted, ownData: true });
    await sql(container, source);
    original = await sql(container, contents);
    assert.match(original, /roi2020_S2_signatures"\|20000\|[0-9a-f]{32}/);
  });
  after(async () => {
    await removeContainer(container);
    await removeFolder(mounted);
  });

  for (const [title, options] of [
    ["directory", ["--format", "directory"]],
    ["custom", ["--format", "custom"]],
    ["plain", ["--format", "plain"]],
    ["plain-gzip", ["--format", "plain", "--compression", "gzip:1"]],
  ] as const) {
    it(`what RESTORE.md says, run as it stands, brings back every row (${title})`, async () => {
      const { result } = await takeBackup({
        container,
        repository: mounted,
        name: title,
        tables: ["dias_catalogue", "ES.*", "roi*_signatures", "nl.measures"],
        more: options,
      });
      const elsewhere = await temporaryFolder();
      const folder = path.join(elsewhere, "it's a folder");
      await execa("mv", [result.location, folder]);
      const restored = uniqueName();
      try {
        const guide = blocksOf(await readFile(path.join(folder, "RESTORE.md"), "utf8"));
        const image = /^image=.*$/m.exec([...guide.values()].flat().join("\n"))?.[0];
        assert.ok(image?.includes("postgis"), image);
        const port = await freePort();
        const names = (script: string) =>
          script
            .replace(/^container=.*$/m, `container=${restored}`)
            .replace(/^port=.*$/m, `port=${port}`)
            .replace("docker run ", `docker run ${ownLabel.join(" ")} `);
        const section = (start: string) => {
          const [, blocks] = [...guide].find(([heading]) => heading.startsWith(start)) ?? [];
          assert.ok(blocks !== undefined, `no section "${start}"`);
          return blocks.join("\n");
        };
        const run = (...scripts: string[]) =>
          execa("bash", ["-euo", "pipefail", "-c", names(scripts.join("\n"))], { cwd: folder });
        const settings = section("2.").match(/^(database|server)=.*$/gm) ?? [];
        assert.equal(settings.length, 2);
        const variables = ["container=x", ...settings].join("\n");

        const { stdout } = await run(...["1.", "2.", "3.", "4.", "5."].map(section));
        assert.equal([...stdout.matchAll(/^ ok +\| /gm)].length, tables.length, stdout);
        assert.doesNotMatch(stdout, /DIFFERS/);
        assert.equal(await sql(restored, contents, "postgres_restored"), original);

        // The check finds what is not as it was.
        await sql(restored, "DELETE FROM nl.measures_2020 WHERE value < 5", "postgres_restored");
        assert.match((await run(variables, section("5."))).stdout, /^ DIFFERS +\| "nl"\."measures_2020"/m);

        // Where the tables are there already, they are moved aside.
        await run(variables, section("Into a database that has"), section("4."), section("5."));
        assert.equal(
          await sql(restored, rowsOf("nl.measures_2020"), "postgres_restored"),
          lineOf("nl.measures_2020"),
        );
        assert.equal(
          await sql(
            restored,
            rowsOf('before_restore_nl."measures_rest"').replace(/SELECT '.*?'/, "SELECT 'nl.measures_rest'"),
            "postgres_restored",
          ),
          lineOf("nl.measures_rest"),
        );

        const one = section("Only one table");
        assert.equal(one === "", options[1] === "plain");
        if (one !== "") {
          await run(variables, one);
          const [{ table = "" } = {}] = [...one.matchAll(/TABLE DATA (?<table>[^']*) '/g)].map(
            ({ groups }) => groups ?? {},
          );
          assert.equal(table, "ES Parcel Set");
          const rows = await sql(restored, tables.map(rowsOf).join("\n"), "one_table");
          assert.deepEqual(
            rows.split("\n").map((line) => line.split("|").slice(0, 2)),
            tables.map((name) => [name, name.includes("Parcel") ? "900" : "0"]),
          );
          assert.ok(rows.includes(lineOf('"ES"."Parcel Set"')));
        }
        await execa("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: folder });
      } finally {
        await removeContainer(restored);
        await removeFolder(elsewhere);
      }
    });
  }

  function lineOf(table: string): string {
    const line = original.split("\n").find((text) => text.startsWith(`${table}|`));
    assert.ok(line, table);
    return line;
  }
});
