/** The section of the report with estimates for scales that were not measured. */
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
    `These are estimates for ${formatCount(rows)} signature rows (${formatSize(rows * rates.tableBytes)} without indexes) on this machine with another number of ` +
      "cores. During the dump, all of these run at the same time, and the slowest decides:",
    components(rates),
    "The checks follow: SHA-256 and, at the same time, a full read of the archive. `pg_dump` uses one worker for each table, however many cores there " +
      "are. The lines with more workers dump in ranges, which take " +
      `${million(rates.ranges)} of CPU time for a million rows instead of ${million(rates.copy + rates.compress)}.`,
    markdownTable(
      ["cores", "workers on the large table", "dump", "checks", "backup", "what the dump waits for"],
      projections.map(projectionRow),
    ),
    `The backup of ${formatCount(sample.rows)} rows on ${cores} cores took ${formatSeconds(measured)}. For this, the model says ` +
      `${formatSeconds(same.totalSeconds)} (${(same.totalSeconds / measured).toFixed(2)} of the measured time). The model ignores that cores share memory and caches, ` +
      `and that other programs may use the disk.`,
    `Index builds take most of a restore. At the measured rate a restore takes at least ` +
      `${formatSeconds((medianOf(groups.restore, `${ours} restore`) / sample.rows) * rows)} on ${cores} cores. The rate is lower for more rows.`,
  ].join("\n\n");
}

const million = (seconds: number) => `${(seconds * 1e6).toFixed(2)} s`;

function components(rates: Rates): string {
  return [
    `- the server session that writes rows as text: ${million(rates.copy)} for a million rows;`,
    `- \`pg_dump\` with its compression: ${million(rates.compress)};`,
    `- the session that counts and fingerprints: ${million(rates.count)};`,
    `- all three together, on the available cores;`,
    `- the disk, which writes ${formatSize(rates.writtenPerSecond)} and reads ${formatSize(rates.readPerSecond)} a second. A table larger ` +
      "than the memory is read twice: by the dump and by the fingerprint.",
  ].join("\n");
}

function projectionRow({ scale, dumpSeconds, checkSeconds, totalSeconds, saturated }: Projection): string[] {
  const seconds = [dumpSeconds, checkSeconds, totalSeconds].map(formatSeconds);
  return [String(scale.cores), String(scale.workers), ...seconds, saturated];
}
