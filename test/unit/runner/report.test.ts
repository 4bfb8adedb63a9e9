import assert from "node:assert/strict";
import type { Retention } from "../../../runner/request";
import { findingsOf, usualInterval } from "../../../runner/report/findings";
import { historiesOf, type History } from "../../../runner/report/history";
import { html, Html } from "../../../runner/report/html";
import { isReport, report } from "../../../runner/report";
import { frameAround } from "../../../runner/report/map";
import { thin } from "../../../runner/report/charts";
import { change, duration } from "../../../runner/report/words";
import type { StoredBackup } from "../../../runner/repository/repository";
import { pastOf } from "../../support/report-history";
import { sampleManifest, sampleStored } from "../../support/sample-backups";

const now = new Date("2026-11-29T16:00:00Z");
const until = new Date("2026-11-29T13:00:00Z");
const past = (backups: number, tables = ["parcels", "scenes"]) => pastOf({ backups, tables, until });

function pageOf(backups: readonly StoredBackup[], retention: Retention = {}): string {
  return report({ location: "/b", backups, retention, now }).page;
}

const only = (backups: readonly StoredBackup[]): History => {
  const [history, ...more] = historiesOf(backups);
  assert.ok(history !== undefined && more.length === 0);
  return history;
};

const urgent = (backups: readonly StoredBackup[]) =>
  findingsOf(only(backups), now).map(({ urgency, text }) => `${urgency}: ${text}`);

/** Replaces the last backup by one that a change makes of it. */
function withLast(backups: readonly StoredBackup[], change: (last: StoredBackup) => StoredBackup) {
  return backups.map((backup, index) => (index === backups.length - 1 ? change(backup) : backup));
}

/** Changes the manifest of a backup that has one. */
function described(backup: StoredBackup, more: object): StoredBackup {
  assert.ok(backup.manifest);
  return { ...backup, manifest: { ...backup.manifest, ...more } };
}

describe("what a report finds", () => {
  it("is nothing where backups come as usual, and one had a restore test", () => {
    assert.deepEqual(urgent(past(10)), []);
    const { verdict } = report({ location: "/b", backups: past(10), retention: {}, now });
    assert.equal(
      verdict,
      "All is well. The last good backup of cbm is 3 hours old and was read back to its end.",
    );
  });

  it("are damaged backups before all else, and no more than five by name", () => {
    const backups = past(20).map((backup, index) =>
      index % 2 === 0 ? { ...backup, problem: "a is missing" } : backup,
    );
    const found = urgent(backups);
    assert.match(found[0] ?? "", /^problem: Backup 20261128T130000Z is damaged: a is missing\.$/);
    assert.equal(found.filter((text) => text.includes("is damaged")).length, 5);
    assert.ok(found.includes("problem: 5 older backups more are damaged."), found.join("\n"));
  });

  it("is a name without a good backup", () => {
    const damaged = {
      ...sampleStored("20261129T130000Z"),
      manifest: undefined,
      problem: "manifest.json is missing",
    };
    assert.ok(urgent([damaged]).includes("problem: There is no good backup of cbm."));
  });

  it("is a backup that did not come when it usually does", () => {
    assert.equal(usualInterval(only(past(5))), 24 * 3600 * 1000);
    const found = urgent(past(10).slice(0, -2));
    assert.deepEqual(found, [
      "problem: The last good backup is 2 days old, but the usual time between two is 1 day.",
    ]);
    assert.deepEqual(urgent(past(10).slice(0, -1)), [], "one may be late");
  });

  it("is a backup that was not verified, and that none had a restore test", () => {
    const unverified = withLast(past(10), (last) =>
      described(last, { verification: { level: "none", seconds: 0 } }),
    );
    assert.deepEqual(urgent(unverified), ["warning: The last good backup was not verified."]);
    assert.deepEqual(urgent(past(3)), ["note: None of these backups has passed a restore test."]);
  });

  it("goes by what later verifications found", () => {
    const later = (level: "archive" | "restore", error?: { code: string; message: string }) =>
      withLast(past(3), (last) => ({
        ...last,
        verifications: [
          {
            recordVersion: 1,
            level,
            finishedAt: "2026-11-29T15:00:00.000Z",
            seconds: 3,
            ...(error && { error }),
          },
        ],
      }));
    assert.deepEqual(urgent(later("restore")), []);
    const [damaged, ...rest] = urgent(
      later("archive", { code: "checksum-mismatch", message: "a.dat has changed.\nb" }),
    );
    assert.match(damaged ?? "", /^problem: Backup \S+ is damaged: a\.dat has changed\.$/);
    assert.ok(
      rest.every((text) => !text.startsWith("problem:")),
      rest.join("\n"),
    );
  });

  it("are tables that are gone, and rows that are", () => {
    const gone = withLast(past(10), (last) => described(last, { tables: last.manifest?.tables.slice(1) }));
    assert.deepEqual(urgent(gone), [
      "warning: The last backup lacks public.parcels, which the one before it has.",
    ]);
    const fewer = withLast(past(10), (last) =>
      described(last, {
        tables: last.manifest?.tables.map((table, index) => (index === 0 ? { ...table, rows: 9 } : table)),
      }),
    );
    assert.deepEqual(urgent(fewer), ["warning: More than half of the rows are gone from public.parcels."]);
  });

  it("are orphans, invalid geometries, and clocks that were ahead", () => {
    const broken = withLast(past(10), (last) =>
      described(last, {
        logicalForeignKeys: last.manifest?.logicalForeignKeys.map((key) => ({ ...key, orphans: 12 })),
        tables: last.manifest?.tables.map((table) => ({ ...table, invalidGeometries: 1 })),
      }),
    );
    assert.deepEqual(urgent(broken), [
      "warning: parcels.pid -> scenes.ogc_fid has 12 orphans: rows that refer to no row of public.scenes.",
      "note: public.parcels has 1 geometry that PostGIS calls invalid.",
      "note: public.scenes has 1 geometry that PostGIS calls invalid.",
    ]);
    assert.ok(
      urgent([...past(9), sampleStored("20271129T130000Z")]).some((text) => text.includes("clock was ahead")),
    );
  });
});

describe("the page of a report", () => {
  it("shows every name of a table, a database or a key as text", () => {
    const hostile = `x</title><script>alert(1)</script>"'><img src=x onerror=alert(2)>&\u202e`;
    const backups = past(5, [hostile, "b"]).map((backup) => {
      const source = { ...sampleManifest(backup.id).source, database: hostile, container: hostile };
      const [table, ...rest] = backup.manifest?.tables ?? [];
      const extents = [{ column: hostile, srid: 4326, box: [1, 2, 3, 4], degrees: [1, 2, 3, 4] }];
      return {
        ...described(backup, { source, tables: [{ ...table, extents }, ...rest] }),
        problem: undefined,
      };
    });
    const damaged = { ...sampleStored("20261101T000000Z"), problem: hostile };
    const shown = report({
      location: hostile,
      backups: [damaged, ...(backups as StoredBackup[])],
      retention: {},
      now,
    }).page;
    assert.doesNotMatch(shown, /<script|<img|\u202e/);
    assert.ok(shown.includes("&lt;script&gt;alert(1)&lt;/script&gt;"));
  });

  it("names each chart, and has its numbers in a table too", () => {
    const shown = pageOf(past(30));
    const charts = [...shown.matchAll(/<svg[^>]*>/g)].map(([tag]) => tag);
    assert.equal(
      charts.length,
      1 + 3 + 2 * 2 + 1,
      "over time, size, rows, duration, two for each table, one for the key",
    );
    for (const chart of charts) assert.match(chart, /role="img" aria-label="[^"]{10,}"/);
    for (const { id } of past(30)) assert.ok(shown.includes(`<code>${id}</code>`), id);
    assert.ok(shown.includes('aria-label="Rows of public.parcels over time"'));
  });

  it("loads and runs nothing", () => {
    const shown = pageOf(past(30));
    assert.match(shown, /http-equiv="Content-Security-Policy"\s+content="default-src &#39;none&#39;;/);
    assert.doesNotMatch(shown, /<script|<link rel="stylesheet|\sstyle=|https?:(?!\/\/www\.w3\.org)/);
    assert.equal(
      (shown.match(/<style/g) ?? []).length,
      1,
      "a style sheet of the chart library would be refused",
    );
  });

  it("says what the next prune would remove, and why nothing is", () => {
    const shown = pageOf(past(10), { keepLast: 4 });
    assert.equal((shown.match(/class="going"/g) ?? []).length, 6);
    assert.match(shown, /6 of 10/);
    const small = withLast(past(10), (last) => described(last, { files: [] }));
    assert.match(pageOf(small, { keepLast: 4, minSizeRatio: 0.5 }), /Refused[\s\S]*less than 0\.5 times/);
    assert.doesNotMatch(pageOf(past(10)), /Next prune/);
  });

  it("shows marks, servers, and where the geometries are, as far as manifests say", () => {
    const backups = withLast(past(10), (last) => {
      const [table, ...rest] = last.manifest?.tables ?? [];
      const inDegrees = {
        column: "shape",
        srid: 3035,
        box: [3.9e6, 3.1e6, 4.1e6, 3.3e6],
        degrees: [4.2, 50.9, 7.1, 52.9],
      };
      const unknown = { column: "sketch", srid: 0, box: [0, 0, 10, 20] };
      return {
        ...described(last, { tables: [{ ...table, extents: [inDegrees, unknown] }, ...rest] }),
        kept: true,
      };
    });
    const shown = pageOf(backups);
    assert.match(shown, /aria-label="Map with the extents of public\.parcels\.shape"/);
    assert.match(shown, /0, 0, 10, 20 in units of the SRID/);
    assert.match(shown, /4\.20°, 50\.90°, 7\.10°, 52\.90°/);
    assert.match(shown, /<text[^>]*>public\.parcels\.shape<\/text>/);
    assert.match(shown, /1 marked keep/);
    assert.match(shown, /PostgreSQL 17\.0/);
    assert.doesNotMatch(pageOf(past(10)), /Where the geometries are/);
  });

  it("shows the extents of the largest tables, and says where they come from", () => {
    const tables = Array.from({ length: 300 }, (_, index) => `t${index}`);
    const shown = pageOf(
      withLast(past(1, tables), (last) =>
        described(last, {
          tables: last.manifest?.tables.map((table, index) => {
            const west = index / 10;
            const box = [west, 40, west + 1, 41];
            return { ...table, bytes: index, extents: [{ column: "g", srid: 4326, box, degrees: box }] };
          }),
        }),
      ),
    );
    const [, label = ""] = /aria-label="(Map with the extents of [^"]*)"/.exec(shown) ?? [];
    assert.match(label, /^Map with the extents of public\.t299\.g, public\.t298\.g, .* and 290 more$/);
    const [map = ""] = /<svg[^>]*aria-label="Map with[\s\S]*?<\/svg>/.exec(shown) ?? [];
    assert.equal([...map.matchAll(/<path[^>]*d="M[^"]*"/g)].length, 1 + 1 + 50, "land, lines and outlines");
    assert.doesNotMatch(map, />public\.t299/, "so many names would cover each other");
    assert.match(shown, /And 100 columns of smaller tables/);
    assert.match(shown, /PostGIS estimated these extents/);
  });

  it("divides backups by name and by database", () => {
    const other = past(3).map((backup) =>
      described(backup, { source: { ...sampleManifest(backup.id).source, database: "gis" } }),
    );
    const titles = historiesOf([
      ...past(3),
      ...other,
      ...pastOf({ name: "nl", backups: 1, tables: ["t"], until }),
    ]).map(({ title }) => title);
    assert.deepEqual(titles, ["cbm: postgres in pg_spat", "cbm: gis in pg_spat", "nl"]);
  });

  it("is known again as a report, and says so when there is nothing", () => {
    assert.ok(isReport(pageOf([])));
    assert.ok(!isReport("<html><title>My notes</title></html>"));
    assert.match(pageOf([]), /There are no backups/);
  });

  it("of 1,000 backups of 20 tables is smaller than 1.5 MB, and made in under 3 s of CPU time", () => {
    const backups = past(
      1000,
      Array.from({ length: 20 }, (_, index) => `table_${index}`),
    );
    const before = process.cpuUsage();
    const shown = pageOf(backups, { keepDaily: 7, keepWeekly: 4 });
    const { user } = process.cpuUsage(before);
    assert.ok(shown.length < 1.5e6, `${shown.length} bytes`);
    assert.ok(user < 3e6, `${user / 1e6} s`);
  });
});

describe("what a report is made of", () => {
  it("escapes all but HTML", () => {
    assert.equal(
      html`<p title="${"\"<&>'"}">${new Html("<b>")}${[html`${1}`, html`${undefined}`]}</p>`.source,
      '<p title="&quot;&lt;&amp;&gt;&#39;"><b>1\n</p>',
    );
  });

  it("keeps the peaks of a long line", () => {
    const points = Array.from({ length: 1000 }, (_, index) => ({
      time: new Date(index),
      value: index === 500 ? 99 : index === 700 ? -9 : 1,
    }));
    const thinned = thin(points, 100);
    assert.ok(thinned.length <= 100);
    assert.deepEqual(
      thinned.map(({ value }) => value).filter((value) => value !== 1),
      [99, -9],
    );
    assert.deepEqual(thinned.at(-1), points.at(-1), "the last one is the one that is marked");
  });

  it("shows enough of the world around small extents, and no more than all of it", () => {
    const [west, south, east, north] = frameAround([[5, 52, 5.1, 52.1]]);
    assert.ok(east - west > 23.9 && west < 5 && east > 5.1);
    assert.ok(north - south > 13.9 && south < 52 && north > 52.1);
    assert.deepEqual(frameAround([[-180, -90, 180, 90]]), [-180, -90, 180, 90]);
  });

  it("says numbers as people do", () => {
    assert.deepEqual([0.44, 9.96, 42, 59.7, 190, 3600, 3840].map(duration), [
      "0.4 s",
      "10 s",
      "42 s",
      "1 min",
      "3 min 10 s",
      "1 h",
      "1 h 4 min",
    ]);
    assert.deepEqual(
      [change(110, 100), change(95, 100), change(1, 0), change(100_001, 100_000), change(5, 5)],
      ["+10 %", "−5.0 %", "+1", "+1", "no change"],
    );
  });
});
