import assert from "node:assert/strict";
import { join } from "node:path";
import { TestContainer } from "../support/container";

const init = join(__dirname, "..", "..", "examples", "cbm", "init");
const signatureRows = 51_100;
const tables = ["dias_catalogue", "aois", "parcel_set", '"roi2020_S2_signatures"', '"roi2020_S2_hists"'];

/** The range in which the mean of a band's means lies, and that in which each single mean lies. */
const bands = {
  B02: { average: [0.1, 0.35], single: [0.01, 0.65] },
  B04: { average: [0.12, 0.38], single: [0.02, 0.68] },
  B08: { average: [0.25, 0.5], single: [0.13, 0.72] },
  B11: { average: [0.18, 0.38], single: [0.1, 0.52] },
  BSI: { average: [-0.22, -0.08], single: [-0.45, 0.06] },
  GAR: { average: [0.15, 0.4], single: [-0.03, 0.85] },
  NDV: { average: [0.15, 0.42], single: [-0.08, 0.96] },
} as const;

describe("CbM sample tables", function () {
  this.timeout(600_000);

  const first = new TestContainer();
  const second = new TestContainer();

  before(async () => {
    await Promise.all([first, second].map((container) => start(container, String(signatureRows))));
    await Promise.all([first.ready(), second.ready()]);
  });

  after(async () => {
    await Promise.all([first.remove(), second.remove()]);
  });

  it("have as many rows as asked for, and what belongs to them", async () => {
    assert.deepEqual(await counts(first), [134, 1, 100, signatureRows, 5 * 73]);
  });

  it("are the same at each run, to the order of the rows", async () => {
    for (const table of tables) {
      const fingerprint = `SELECT md5(string_agg(t::text, E'\\n' ORDER BY ctid)) AS md5 FROM ${table} AS t`;
      assert.deepEqual(await first.rows(fingerprint), await second.rows(fingerprint), table);
    }
  });

  it("have no signature or histogram without its parcel and its scene", async () => {
    for (const table of ['"roi2020_S2_signatures"', '"roi2020_S2_hists"']) {
      const orphans = await first.rows(
        `SELECT count(*) FILTER (WHERE p.ogc_fid IS NULL) AS parcels, count(*) FILTER (WHERE c.id IS NULL) AS scenes,
                count(*) FILTER (WHERE c.card <> 's2') AS cards
         FROM ${table} AS s
         LEFT JOIN parcel_set AS p ON p.ogc_fid = s.pid
         LEFT JOIN dias_catalogue AS c ON c.id = s.obsid`,
      );
      assert.deepEqual(orphans, [{ parcels: 0, scenes: 0, cards: 0 }]);
    }
  });

  it("have one signature a parcel, scene and band: 73 scenes of 7 bands", async () => {
    const [row] = await first.rows(
      `SELECT min(scenes) AS least, max(scenes) AS most, min(signatures) AS signatures, bool_and(signatures = keys) AS one
       FROM (SELECT count(DISTINCT obsid) AS scenes, count(*) AS signatures, count(DISTINCT (obsid, band)) AS keys
             FROM "roi2020_S2_signatures" GROUP BY pid) AS parcel`,
    );
    assert.deepEqual(row, { least: 73, most: 73, signatures: 511, one: true });
  });

  it("have valid geometries in their projections, apart from each other and inside their tiles", async () => {
    const [row] = await first.rows(
      `SELECT bool_and(ST_IsValid(wkb_geometry)) AS valid, min(ST_SRID(wkb_geometry)) AS srid,
              min(GeometryType(wkb_geometry)) AS type, bool_and(abs(ST_Area(wkb_geometry) / 10000 - area) < 0.0001) AS area,
              min(area) > 0.05 AND max(area) < 6 AS size,
              bool_and(ST_Within(ST_Transform(wkb_geometry, 4326), (SELECT footprint FROM aois))) AS inside,
              (SELECT count(*) FROM parcel_set AS a JOIN parcel_set AS b
               ON a.ogc_fid < b.ogc_fid AND ST_Intersects(a.wkb_geometry, b.wkb_geometry)) AS overlaps
       FROM parcel_set`,
    );
    const expected = { valid: true, srid: 3035, type: "MULTIPOLYGON", area: true, size: true };
    assert.deepEqual(row, { ...expected, inside: true, overlaps: 0 });
    const [fixture] = await first.rows(
      `SELECT bool_and(ST_IsValid(footprint)) AS valid, min(ST_SRID(footprint)) AS srid,
              min(GeometryType(footprint)) AS type, count(DISTINCT reference) AS scenes,
              bool_and(abs(ST_Area(footprint::geography) / 1e6 - 109.8 ^ 2) < 300) AS size
       FROM dias_catalogue`,
    );
    assert.deepEqual(fixture, { valid: true, srid: 4326, type: "POLYGON", scenes: 134, size: true });
  });

  it("have the keys and indexes of the real tables, and no foreign key", async () => {
    const indexes = await first.rows<{ definition: string }>(
      `SELECT format('%s %s %s', tablename, substring(indexdef FROM 'USING .*'), indexdef LIKE 'CREATE UNIQUE%') AS definition
       FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'spatial_ref_sys' ORDER BY 1`,
    );
    assert.deepEqual(
      indexes.map(({ definition }) => definition),
      [
        "aois USING btree (gid) t",
        "aois USING btree (name) t",
        "aois USING gist (footprint) f",
        "dias_catalogue USING btree (id) t",
        "dias_catalogue USING btree (reference) t",
        "dias_catalogue USING gist (footprint) f",
        "parcel_set USING btree (ogc_fid) t",
        "parcel_set USING gist (wkb_geometry) f",
        "roi2020_S2_hists USING btree (obsid) f",
        "roi2020_S2_hists USING btree (pid) f",
        "roi2020_S2_signatures USING btree (band) f",
        "roi2020_S2_signatures USING btree (obsid) f",
        "roi2020_S2_signatures USING btree (pid) f",
      ],
    );
    const keys = `SELECT 1 FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace`;
    assert.deepEqual(await first.rows(keys), []);
  });

  it("have signatures whose numbers are in order, and now and then none", async () => {
    const [row] = await first.rows<{ missing: number }>(
      `SELECT count(*) FILTER (WHERE NOT (min <= p25 AND p25 <= p50 AND p50 <= p75 AND p75 <= max)) AS disorder,
              count(*) FILTER (WHERE NOT (mean BETWEEN p25 AND p75)) AS astray,
              count(*) FILTER (WHERE std <= 0 OR count < 1 OR count IS NULL) AS empty,
              count(*) FILTER (WHERE num_nulls(mean, std, min, max, p25, p50, p75) NOT IN (0, 7)) AS partial,
              avg((mean IS NULL)::int) AS missing
       FROM "roi2020_S2_signatures"`,
    );
    const { missing, ...faults } = row ?? { missing: 1 };
    assert.deepEqual(faults, { disorder: 0, astray: 0, empty: 0, partial: 0 });
    assert.ok(missing > 0.002 && missing < 0.01, `share of missing values: ${missing}`);
  });

  it("have values to seven digits, in a range that suits each band", async () => {
    const rows = await first.rows<{ band: keyof typeof bands; average: number; least: number; most: number }>(
      `SELECT band, avg(mean) AS average, min(mean) AS least, max(mean) AS most
       FROM "roi2020_S2_signatures" GROUP BY band ORDER BY band`,
    );
    assert.deepEqual(
      rows.map(({ band }) => band),
      Object.keys(bands),
    );
    for (const { band, average, least, most } of rows) {
      const limits = bands[band];
      assert.ok(average > limits.average[0] && average < limits.average[1], `${band} averages ${average}`);
      assert.ok(least > limits.single[0] && most < limits.single[1], `${band} runs from ${least} to ${most}`);
    }
    const [digits] = await first.rows<{ most: number; usual: number }>(
      `SELECT max(digits) AS most, avg(digits) AS usual
       FROM (SELECT length(ltrim(replace(mean::text, '.', ''), '-0')) AS digits FROM "roi2020_S2_signatures"
             WHERE abs(mean) > 0.001) AS t`,
    );
    assert.equal(digits?.most, 7);
    assert.ok(digits.usual > 6.5, `${digits.usual} digits`);
  });

  it("have an NDVI that follows the crop's year under a clear sky", async () => {
    const peak = (crop: string): string =>
      `(SELECT to_char(obstime, 'MM')::int FROM "roi2020_S2_signatures" JOIN dias_catalogue ON id = obsid
        JOIN parcel_set ON ogc_fid = pid WHERE band = 'NDV' AND cropname = '${crop}' ORDER BY mean DESC LIMIT 1)`;
    const [row] = await first.rows<{ maize: number; wheat: number }>(
      `SELECT ${peak("Maize")} AS maize, ${peak("Wheat")} AS wheat`,
    );
    assert.ok(row !== undefined && [7, 8].includes(row.maize), `maize peaks in month ${row?.maize ?? 0}`);
    assert.ok([4, 5].includes(row.wheat), `wheat peaks in month ${row.wheat}`);
  });

  it("can be made at a scale that fills no whole number of parcels", async () => {
    await withContainer("1000", async (container) => {
      await container.ready();
      assert.deepEqual((await counts(container)).slice(2), [2, 1000, 73]);
    });
  });

  it("stop the container when the scale is no number", async () => {
    await withContainer("many", async (container) => {
      assert.equal(await container.exitCode(), 3);
      assert.match(await container.logs(), /CBM_SIGNATURE_ROWS must be a whole number from 1 .*, not "many"/);
    });
  });
});

function start(container: TestContainer, rows: string): Promise<void> {
  return container.run([
    ...["--env=POSTGRES_PASSWORD=secret", "--env=POSTGRES_DB=gis", `--env=CBM_SIGNATURE_ROWS=${rows}`],
    ...["--volume", `${init}:/docker-entrypoint-initdb.d:ro`],
  ]);
}

async function withContainer(rows: string, use: (container: TestContainer) => Promise<void>): Promise<void> {
  const container = new TestContainer();
  try {
    await start(container, rows);
    await use(container);
  } finally {
    await container.remove();
  }
}

async function counts(container: TestContainer): Promise<number[]> {
  const queries = tables.map((table, place) => `SELECT ${place} AS place, count(*) FROM ${table}`);
  const rows = await container.rows<{ count: number }>(`${queries.join(" UNION ALL ")} ORDER BY place`);
  return rows.map(({ count }) => count);
}
