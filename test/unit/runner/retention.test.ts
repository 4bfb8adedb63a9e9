import assert from "node:assert/strict";
import type { Retention } from "../../../runner/request";
import { decide, hasRules, isoWeek } from "../../../runner/prune/retention";
import type { StoredBackup } from "../../../runner/repository/repository";
import { sampleManifest, sampleStored as stored } from "../../support/sample-backups";

const now = new Date("2026-11-22T12:00:00Z");

/** What is kept and why, newest first; the newest backup is the latest. */
function kept(
  backups: readonly (string | StoredBackup)[],
  rules: Retention,
  at = now,
): Record<string, string> {
  const decisions = decide(
    backups.map((backup) => (typeof backup === "string" ? stored(backup) : backup)),
    rules,
    at,
  );
  const stay = decisions.filter(({ reasons }) => reasons.length > 0).reverse();
  return Object.fromEntries(stay.map(({ backup, reasons }) => [backup.id, reasons.join(", ")]));
}

describe("retention", () => {
  it("keeps the last n", () => {
    const backups = ["20261120T000000Z", "20261121T000000Z", "20261121T120000Z", "20261122T000000Z"];
    assert.deepEqual(kept(backups, { keepLast: 2 }), {
      "20261122T000000Z": "newest, last",
      "20261121T120000Z": "last",
    });
    assert.equal(Object.keys(kept(backups, { keepLast: 100 })).length, 4);
  });

  it("keeps the newest of each of the last n days that have one, and days without do not count", () => {
    const backups = [
      "20260101T080000Z",
      "20261110T080000Z",
      "20261110T235959Z",
      "20261111T000000Z",
      "20261122T010000Z",
      "20261122T020000Z",
    ];
    assert.deepEqual(kept(backups, { keepDaily: 3 }), {
      "20261122T020000Z": "newest, daily 2026-11-22",
      "20261111T000000Z": "daily 2026-11-11",
      "20261110T235959Z": "daily 2026-11-10",
    });
  });

  it("keeps all within a duration before the newest, and not before now", () => {
    const backups = [
      "20250101T000000Z",
      "20250202T115959Z",
      "20250202T120000Z",
      "20250203T000000Z",
      "20250204T120000Z",
    ];
    assert.deepEqual(kept(backups, { keepWithin: "2d" }), {
      "20250204T120000Z": "newest, within 2d",
      "20250203T000000Z": "within 2d",
      "20250202T120000Z": "within 2d",
    });
    assert.deepEqual(Object.keys(kept(backups, { keepWithin: "1s" })), ["20250204T120000Z"]);
    const ahead = [
      ...backups,
      "20291231T000000Z",
      stored("20260101T000000Z", { problem: "toc.dat is missing" }),
    ];
    assert.equal(Object.keys(kept(ahead, { keepWithin: "2d" })).length, 5, "they count for no rule");
  });

  it("gives a backup every reason that it is kept for, and keeps the union", () => {
    const backups = [
      "20241231T080000Z",
      "20251231T080000Z",
      "20261031T080000Z",
      "20261115T080000Z",
      "20261121T080000Z",
      "20261122T080000Z",
    ];
    const rules = { keepLast: 1, keepDaily: 2, keepWeekly: 2, keepMonthly: 2, keepYearly: 2 };
    assert.deepEqual(kept(backups, rules), {
      "20261122T080000Z": "newest, last, daily 2026-11-22, weekly 2026-W47, monthly 2026-11, yearly 2026",
      "20261121T080000Z": "daily 2026-11-21",
      "20261115T080000Z": "weekly 2026-W46",
      "20261031T080000Z": "monthly 2026-10",
      "20251231T080000Z": "yearly 2025",
    });
  });

  it("divides days in UTC, whatever the time zone and its summer time", () => {
    const zone = process.env["TZ"];
    try {
      for (const name of ["Europe/Rome", "America/New_York", "Pacific/Kiritimati"]) {
        process.env["TZ"] = name;
        // The night in which Rome goes back from summer time has 25 hours, and midnight there is 22:00 UTC before.
        const backups = ["20261024T223000Z", "20261025T003000Z", "20261025T233000Z", "20261026T003000Z"];
        assert.deepEqual(
          Object.keys(kept(backups, { keepDaily: 3 })),
          ["20261026T003000Z", "20261025T233000Z", "20261024T223000Z"],
          name,
        );
      }
    } finally {
      if (zone === undefined) delete process.env["TZ"];
      else process.env["TZ"] = zone;
    }
  });

  for (const [day, week] of [
    ["2020-12-31", "2020-W53"],
    ["2021-01-01", "2020-W53"],
    ["2021-01-03", "2020-W53"],
    ["2021-01-04", "2021-W01"],
    ["2022-01-02", "2021-W52"],
    ["2024-12-29", "2024-W52"],
    ["2024-12-30", "2025-W01"],
    ["2025-12-28", "2025-W52"],
    ["2025-12-29", "2026-W01"],
    ["2026-01-01", "2026-W01"],
    ["2026-12-31", "2026-W53"],
    ["2027-01-03", "2026-W53"],
    ["2027-01-04", "2027-W01"],
    ["2028-02-29", "2028-W09"],
  ] as const) {
    it(`has ${day} in week ${week}, from its first second to its last`, () => {
      assert.equal(isoWeek(new Date(`${day}T00:00:00Z`)), week);
      assert.equal(isoWeek(new Date(`${day}T23:59:59Z`)), week);
    });
  }

  it("takes a week that two years share for one week", () => {
    const backups = ["20201231T080000Z", "20210101T080000Z", "20210103T080000Z", "20210104T080000Z"];
    assert.deepEqual(Object.keys(kept(backups, { keepWeekly: 2 })), ["20210104T080000Z", "20210103T080000Z"]);
  });

  it("never yields the newest good backup, marked ones, damaged ones and the latest", () => {
    const backups = [
      stored("20261101T000000Z", { kept: true }),
      stored("20261102T000000Z", { latest: true }),
      stored("20261103T000000Z", { problem: "manifest.json is missing", manifest: undefined }),
      stored("20261104T000000Z"),
      stored("20261105T000000Z"),
      stored("20261106T000000Z", { problem: "toc.dat is missing" }),
    ];
    assert.deepEqual(kept(backups, { keepLast: 1 }), {
      "20261106T000000Z": "damaged",
      "20261105T000000Z": "newest, last",
      "20261103T000000Z": "damaged",
      "20261102T000000Z": "latest",
      "20261101T000000Z": "keep",
    });
  });

  it("counts neither damaged backups nor those dated in the future, and so keeps n good ones", () => {
    const backups = [
      "20261101T000000Z",
      "20261102T000000Z",
      stored("20261103T000000Z", { problem: "toc.dat is missing" }),
      "20291103T000000Z",
      "20301103T000000Z",
    ];
    assert.deepEqual(kept(backups, { keepLast: 2, keepYearly: 1 }), {
      "20301103T000000Z": "dated in the future",
      "20291103T000000Z": "dated in the future",
      "20261103T000000Z": "damaged",
      "20261102T000000Z": "newest, last, yearly 2026",
      "20261101T000000Z": "last",
    });
  });

  it("takes a backup that begins at this moment for one of today", () => {
    assert.deepEqual(kept(["20261122T120000Z"], { keepLast: 1 }), { "20261122T120000Z": "newest, last" });
  });

  it("removes nothing when the clock was moved back before all of them", () => {
    const backups = ["20261101T000000Z", "20261102T000000Z", "20261103T000000Z"];
    const latest = stored("20200101T000000Z", { latest: true });
    assert.equal(
      Object.keys(kept([latest, ...backups], { keepLast: 1 }, new Date("2020-01-01T00:00:05Z"))).length,
      4,
    );
  });

  it("keeps the backups of each database by themselves", () => {
    const other = (id: string) => stored(id, { manifest: sampleManifest(id, { database: "gis" }) });
    const backups = ["20261101T000000Z", "20261102T000000Z", "20261120T000000Z", "20261121T000000Z"];
    const [first = "", second = "", ...newer] = backups;
    assert.deepEqual(kept([first, second, ...newer.map(other)], { keepLast: 1 }), {
      "20261121T000000Z": "newest, last",
      "20261102T000000Z": "newest, last",
    });
  });

  it("has no rules only when none is given", () => {
    assert.ok(!hasRules({}));
    assert.ok(!hasRules({ keepDaily: undefined }));
    assert.ok(hasRules({ keepWithin: "30d" }));
    for (const rule of ["keepLast", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly"])
      assert.ok(hasRules({ [rule]: 1 }), rule);
  });
});
