/** The section on scales that were not measured. */
import { ours } from "./cases/runner";
import { formatCount, formatSeconds, formatSize, markdownTable } from "./format";
import { project, type Projection, type Rates } from "./model";
import { measuredRates } from "./rates";
import { type BenchResult, medianOf } from "./result";

const rows = 260_000_000;

export function scaleOnPaper(result: BenchResult): string {
  const { machine, sample, groups } = result;
  const rates = measuredRates(result);
  const { cores, memoryBytes } = machine;
  const measured = medianOf(groups.backup, ours);
  const same = project(rates, { rows: sample.rows, cores, workers: 1, memoryBytes });
  const machines = [...new Set([cores, 8, 32])];
  const projections = machines.flatMap((count) =>
    [...new Set([1, count])].map((workers) => project(rates, { rows, cores: count, workers, memoryBytes })),
  );
  return [
    `For ${formatCount(rows)} signature rows, ${formatSize(rows * rates.tableBytes)} without indexes, on this machine with another number of ` +
      "cores. While the dump runs, all of these go on at the same time, and the slowest decides:",
    components(rates),
    "The checks come after it: SHA-256, and at the same time the archive read to its end. `pg_dump` gives a table one worker, however many cores there " +
      "are; the lines with more are of ranges, which take " +
      `${million(rates.ranges)} of processor time for a million rows instead of ${million(rates.copy + rates.compress)}.`,
    markdownTable(
      ["cores", "workers on the large table", "dump", "checks", "backup", "what the dump waits for"],
      projections.map(projectionRow),
    ),
    `Of what was measured, ${formatSeconds(measured)} for ${formatCount(sample.rows)} rows on ${cores} cores, the same model makes ` +
      `${formatSeconds(same.totalSeconds)} (${(same.totalSeconds / measured).toFixed(2)} of it). It leaves out that cores share memory and caches, ` +
      `and that a large table's scan may meet others at the disk.`,
    `A restore is as long as its index builds let it be; at the measured rate, which is lower for more rows, it takes ` +
      `${formatSeconds((medianOf(groups.restore, `${ours} restore`) / sample.rows) * rows)} at least on ${cores} cores.`,
  ].join("\n\n");
}

const million = (seconds: number) => `${(seconds * 1e6).toFixed(2)} s`;

function components(rates: Rates): string {
  return [
    `- the server's session that writes rows as text, ${million(rates.copy)} for a million rows;`,
    `- \`pg_dump\` and its compression, ${million(rates.compress)};`,
    `- the session that counts and fingerprints, ${million(rates.count)};`,
    `- all of them on the cores that there are;`,
    `- the disk, which writes ${formatSize(rates.writtenPerSecond)} and reads ${formatSize(rates.readPerSecond)} a second; a table that is larger ` +
      "than the memory is read twice, by the dump and by the fingerprint.",
  ].join("\n");
}

function projectionRow({ scale, dumpSeconds, checkSeconds, totalSeconds, saturated }: Projection): string[] {
  const seconds = [dumpSeconds, checkSeconds, totalSeconds].map(formatSeconds);
  return [String(scale.cores), String(scale.workers), ...seconds, saturated];
}
