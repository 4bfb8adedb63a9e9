import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { ours } from "../../../bench/cases/runner";
import { charts } from "../../../bench/charts";
import { project, type Rates } from "../../../bench/model";
import { pages } from "../../../bench/pages";
import { barChart } from "../../../bench/plot";
import { measuredRates } from "../../../bench/rates";
import { report } from "../../../bench/report";
import { verdicts } from "../../../bench/targets";
import { root } from "../../../setup/paths";
import { measurementOf, sampleResult } from "./sample";

const rates: Rates = {
  copy: 4e-6,
  compress: 2e-6,
  count: 1e-6,
  ranges: 6.5e-6,
  checksum: 0,
  read: 1e-6,
  tableBytes: 80,
  archiveBytes: 20,
  writtenPerSecond: 1e9,
  readPerSecond: 1e9,
  fixedSeconds: 1,
};

const scale = { rows: 1e6, cores: 8, workers: 1, memoryBytes: 1e9 };

describe("the bench's report", () => {
  it("calls a target met at its limit, and not met above it", () => {
    const result = sampleResult();
    const all = verdicts(result);
    assert.deepEqual(
      all.map(({ measured, met }) => [measured, met]),
      [
        ["0.10", true],
        ["0.50", true],
        ["1.25", true],
        ["0.92", false],
        ["0.55", true],
        ["0 bytes", true],
        ["1.00 s", true],
        ["1.30", true],
        ["1.30", true],
        ["90 MB", true],
        ["0.60", true],
      ],
    );
    const measurements = [measurementOf(11, { containerBytes: 1, commandPeakBytes: 151e6 })];
    const slower = { ...result.groups.backup, [ours]: { commands: [], measurements } };
    const verdict = verdicts({ ...result, groups: { ...result.groups, backup: slower } });
    assert.deepEqual(
      verdict.map(({ met }) => met),
      [false, true, false, false, true, false, true, true, true, false, true],
    );
  });

  it("has a line for every contender, with median and spread, and every command", () => {
    const text = report(sampleResult());
    assert.match(text, /^\| \*\*postgis-backup\*\* \| 10\.0 s \(9\.00 s – 15\.0 s\) \| 1\.00 \|/m);
    assert.match(text, /^\| by hand \| 20\.0 s \(18\.0 s – 30\.0 s\) \| 0\.50 \|/m);
    assert.match(text, /^run psql -f$/m);
    assert.doesNotMatch(text, /NaN|undefined|Infinity/);
    assert.doesNotMatch(text, /not idle/);
    const { machine } = sampleResult();
    assert.match(report({ ...sampleResult(), machine: { ...machine, loadBefore: 2 } }), /not idle/);
  });

  it("is what the pages have, with the targets", () => {
    for (const [file, text] of Object.entries(pages()))
      assert.equal(readFileSync(path.join(root, file), "utf8"), text, `${file}: run "npm run schema"`);
    assert.match(pages()["CONTRIBUTING.md"] ?? "", /\| peak memory of the runner \| at most 150 MB \|/);
  });

  it("draws a bar as long as its median, and escapes markup in labels", () => {
    const value = { median: 5, least: 4, most: 10 };
    const svg = barChart("a < b", "s", [{ label: "x & y", value, emphasized: true }]);
    assert.match(svg, /a &lt; b/);
    assert.match(svg, /x &amp; y/);
    // Half of the 430 units that the longest value has.
    assert.match(svg, /<rect x="300\.0" y="34" width="215\.0"/);
    assert.equal(Object.keys(charts(sampleResult())).length, 2);
  });
});

describe("the bench's model", () => {
  it("takes the slowest of the parallel parts, and names it", () => {
    const one = project(rates, scale);
    assert.deepEqual([one.dumpSeconds, one.saturated], [4, "the server's session that writes rows as text"]);
    assert.equal(one.totalSeconds, 6);
    const ranges = project(rates, { ...scale, workers: 8 });
    assert.deepEqual([ranges.dumpSeconds, ranges.saturated], [1, "the session that counts and fingerprints"]);
    const two = project(rates, { ...scale, workers: 2, cores: 2 });
    assert.deepEqual([two.dumpSeconds.toFixed(2), two.saturated], ["3.75", "the cores"]);
    const few = project(rates, { ...scale, cores: 1 });
    assert.deepEqual([few.dumpSeconds, few.saturated], [7, "the cores"]);
    const slow = project({ ...rates, writtenPerSecond: 1e6 }, scale);
    assert.deepEqual([slow.dumpSeconds, slow.saturated], [20, "writing to the disk"]);
  });

  it("reads a table from the disk only where it is larger than the memory", () => {
    const slowDisk = { ...rates, readPerSecond: 1e6 };
    assert.equal(project(slowDisk, scale).dumpSeconds, 4);
    const large = project(slowDisk, { ...scale, memoryBytes: 79e6 });
    assert.deepEqual([large.dumpSeconds, large.saturated], [160, "reading from the disk"]);
  });

  it("takes its rates from the parts, compression as what pg_dump adds to the session's work", () => {
    const measured = measuredRates(sampleResult());
    assert.equal(measured.copy, 4e-6);
    assert.equal(measured.compress.toFixed(9), "0.000002000");
    assert.equal(measured.ranges.toFixed(9), "0.000010000");
    assert.equal(measured.writtenPerSecond, 1e9);
    assert.equal(measured.fixedSeconds, 1.2);
  });
});
