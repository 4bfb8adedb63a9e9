import assert from "node:assert/strict";
import { nightlyContenders } from "../../../bench/cases/nightly";
import { parallelDump } from "../../../bench/cases/backup";
import { pgBackRestContenders } from "../../../bench/cases/pgbackrest";
import { projectNightly, type NightlyRates } from "../../../bench/model";
import { newBytes, parseListing } from "../../../bench/new-bytes";
import { readOptions } from "../../../bench/options";
import { report } from "../../../bench/report";
import { ratioOf } from "../../../bench/result";
import { nightlyVerdicts, verdicts } from "../../../bench/targets";
import { measurementOf, sampleNightly, sampleResult } from "./sample";

describe("the bench of nightly backups", () => {
  it("counts a file as newly written unless an earlier one has the same inode", () => {
    const before = parseListing("64:1 100\n64:2 200\n");
    const after = parseListing("64:1 100\n64:2 200\n64:2 200\n64:3 50\n64:3 50\n65:1 7\n");
    // 64:2 has a second name: a hard link. 64:3 is new, under two names. 65:1 is on another device.
    assert.equal(newBytes(before, after), 57);
    assert.equal(newBytes(before, before), 0);
    assert.equal(newBytes(new Map(), parseListing("")), 0);
    assert.throws(() => parseListing("64:1"), /cannot be read/);
  });

  it("compares contenders within each round, and takes the median of these ratios", () => {
    const measured = (seconds: number[]) => ({
      commands: [],
      measurements: seconds.map((each) => measurementOf(each)),
    });
    const group = { one: measured([1, 8, 3]), other: measured([10, 20, 10]) };
    assert.deepEqual(ratioOf(group, "one", "other"), { median: 0.3, least: 0.1, most: 0.4 });
    const fewer = { ...group, one: measured([1, 2]) };
    assert.throws(() => ratioOf(fewer, "one", "other"), /not measured in the same rounds/);
  });

  it("calls each target met at its limit, and not met above it", () => {
    const all = nightlyVerdicts(sampleNightly());
    assert.deepEqual(
      all.map(({ limit, measured, met }) => [limit, measured, met]),
      [
        ["at most 0.3", "0.30", true],
        ["at most 0.32", "0.40", false],
        ["at most 0.45", "0.45", true],
        ["at most 1.2", "1.20", true],
        ["at most 1.2", "10.00", false],
      ],
    );
    const slower = sampleNightly({
      unchangedSeconds: 6.1,
      grownSeconds: 6.4,
      oneSeconds: 0.91,
      grownBytes: 121,
    });
    assert.deepEqual(
      nightlyVerdicts(slower).map(({ met }) => met),
      [false, true, false, false, false],
    );
  });

  it("adds its targets to those of the other cases, if it was measured", () => {
    const without = verdicts(sampleResult());
    const nightly = sampleNightly();
    assert.deepEqual(verdicts({ ...sampleResult(), nightly }), [...without, ...nightlyVerdicts(nightly)]);
    const hungry = sampleNightly({ commandPeakBytes: 160e6 });
    const peak = verdicts({ ...sampleResult(), nightly: hungry }).find(({ target }) =>
      /peak memory/.test(target),
    );
    assert.deepEqual([peak?.measured, peak?.met], ["160 MB", false]);
  });

  it("has a section in the report, with what was newly written beside what changed", () => {
    const text = report({ ...sampleResult(), nightly: sampleNightly() });
    assert.match(text, /^## Nightly backups$/m);
    assert.match(
      text,
      /^\| \*\*postgis-backup, nothing changed\*\* \| 6\.00 s \| 0\.30 \| 0\.24 \|.*\| 10 B \| 0 B \|  \|$/m,
    );
    assert.match(text, /^\| \*\*postgis-backup, one table grew by 1%\*\* .*\| 120 B \| 100 B \| 1\.20 \|$/m);
    assert.match(text, /^\| pgBackRest, incremental, nothing changed \|/m);
    assert.match(text, /pgBackRest 2\.99/);
    assert.match(text, /2,600,000,000 rows/);
    assert.match(text, /^run postgis-backup, nothing changed$/m);
    assert.doesNotMatch(text, /NaN|undefined|Infinity/);
    assert.doesNotMatch(text, /not idle/);
    const { machine } = sampleNightly();
    const busy = { ...sampleNightly(), machine: { ...machine, loadBefore: 2 } };
    assert.match(report({ ...sampleResult(), nightly: busy }), /not idle/);
    assert.doesNotMatch(report(sampleResult()), /Nightly|nightly/);
  });

  it("says why pgBackRest was not measured", () => {
    const { groups, ...rest } = sampleNightly();
    const nightly = {
      ...rest,
      groups: { tenTables: groups.tenTables, oneTable: groups.oneTable },
      pgBackRest: "there is no package",
    };
    const text = report({ ...sampleResult(), nightly });
    assert.match(text, /pgBackRest was not measured: there is no package\./);
    assert.doesNotMatch(text, /^\| pgBackRest/m);
  });

  it("names each contender once", () => {
    const names = [
      parallelDump(2),
      ...Object.values(nightlyContenders),
      ...Object.values(pgBackRestContenders),
    ];
    assert.equal(new Set(names).size, names.length);
  });

  it("is measured alone if that is asked for, on tables that are no larger than the sample", () => {
    assert.deepEqual([readOptions({}).only, readOptions({}).nightlyRows], [undefined, 2_000_000]);
    assert.equal(readOptions({ ONLY: "nightly" }).only, "nightly");
    assert.equal(readOptions({ SCALE: "5" }).nightlyRows, 5);
    assert.equal(readOptions({ NIGHTLY_ROWS: "12000000" }).nightlyRows, 12_000_000);
    assert.throws(() => readOptions({ ONLY: "weekly" }), /ONLY must be nightly/);
    assert.throws(() => readOptions({ SCALE: "5", NIGHTLY_ROWS: "6" }), /NIGHTLY_ROWS must be at most SCALE/);
  });
});

describe("the bench's model of nightly backups", () => {
  const rates: NightlyRates = {
    dump: 4e-6,
    compare: 1e-6,
    checksum: 1e-7,
    tableBytes: 80,
    archiveBytes: 20,
    writtenPerSecond: 1e9,
    readPerSecond: 1e9,
    fixedSeconds: 1,
  };
  const scale = { tables: 10, rows: 1e6, cores: 2, memoryBytes: 1e9 };

  it("adds the comparison, the checksums of shared files meanwhile, and the time of an empty run", () => {
    const { bare, nightly } = projectNightly(rates, scale);
    assert.deepEqual(bare, { seconds: 20, saturated: "the cores" });
    assert.deepEqual(nightly, { seconds: 1 + 5.5, saturated: "the cores" });
  });

  it("has no use for more cores than pg_dump has sessions, or than one thread of checksums leaves work for", () => {
    const { bare, nightly } = projectNightly(rates, { ...scale, cores: 64 });
    assert.deepEqual(bare, { seconds: 2, saturated: "the sessions, one for each table" });
    assert.deepEqual(nightly, { seconds: 2, saturated: "the checksums" });
  });

  it("reads tables and shared files from the disk where they are larger than the memory", () => {
    const slow = { ...rates, readPerSecond: 1e8 };
    assert.deepEqual(projectNightly(slow, scale).nightly.seconds, 6.5);
    const small = projectNightly(slow, { ...scale, memoryBytes: 1e6 });
    assert.deepEqual(small.nightly, { seconds: 1 + 10, saturated: "reading from the disk" });
    const large = projectNightly({ ...slow, writtenPerSecond: 1e6 }, { ...scale, memoryBytes: 1e6 });
    assert.deepEqual(large.bare, { seconds: 200, saturated: "writing to the disk" });
  });
});
