import { inRanges } from "./cases/large";
import { part } from "./cases/parts";
import { ours } from "./cases/runner";
import type { Rates } from "./model";
import { type BenchResult, medianOf } from "./result";

/** Calculates the rates of the model from the parts that were measured alone. */
export function measuredRates({ groups, sample, diskBytes }: BenchResult): Rates {
  const { parts, largeTable, emptyTable } = groups;
  const aRow = (contender: string) => medianOf(parts, contender) / sample.rows;
  const cpu = (contender: string) => medianOf(parts, contender, "containerCpuSeconds") / sample.rows;
  return {
    copy: aRow(part.copy),
    compress: Math.max(0, cpu(part.dump) - cpu(part.copy)),
    ranges: medianOf(largeTable, inRanges(1), "containerCpuSeconds") / sample.rows,
    count: aRow(part.count),
    checksum: aRow(part.checksum),
    read: aRow(part.read),
    tableBytes: sample.tableBytes / sample.rows,
    archiveBytes: medianOf(parts, part.dump, "outputBytes") / sample.rows,
    writtenPerSecond: diskBytes / medianOf(parts, part.write),
    readPerSecond: diskBytes / medianOf(parts, part.readDisk),
    fixedSeconds: medianOf(emptyTable, ours),
  };
}
