/** The section of the report on nightly backups. */
import { parallelDump } from "./cases/backup";
import { nightlyContenders } from "./cases/nightly";
import { pgBackRestContenders } from "./cases/pgbackrest";
import { ours } from "./cases/runner";
import { bareDump } from "./cases/small";
import { formatCount, formatRatio, formatSeconds, formatSize, formatSpread, markdownTable } from "./format";
import type { Measurement } from "./measure";
import { notIdle } from "./machine";
import { type NightlyRates, projectNightly } from "./model";
import { measuredRates } from "./rates";
import { type BenchResult, changedBytes, medianOf, type NightlyResult, ratioOf, summaryOf } from "./result";
import type { GroupResult } from "./rounds";
import { nightlyVerdicts } from "./targets";

export function nightlySection(result: BenchResult, nightly: NightlyResult): string {
  const { groups, jobs, tables, rows, tableBytes, changedRows, machine, rounds } = nightly;
  const bare = parallelDump(jobs);
  const loaded = machine.loadBefore > 0.5 ? ` (load before: ${machine.loadBefore.toFixed(2)}${notIdle})` : "";
  return [
    `${tables} tables of ${formatCount(rows)} signature rows each (${formatSize(tables * tableBytes)} in all), one for each year, are backed up every night with ` +
      `\`--full-every 7d\`. Nothing, or ${formatCount(changedRows)} rows of one table, changed since the backup before. \`${ours}\` makes all its checks. A ratio is that ` +
      `of the times of one round; the table shows their median and, in brackets, the least and the most of ${rounds === 1 ? "one round" : `${rounds} rounds`}. ` +
      `Measured at ${machine.date}, ${machine.commit}${loaded}. \`make bench ONLY=nightly\` measures this section alone, and \`NIGHTLY_ROWS\` is the number of rows.`,
    contenderTable(groups.tenTables, bare, nightly),
    `One of these tables alone, of which nothing changed:`,
    contenderTable(groups.oneTable, bare, nightly),
    "**Newly written** are the bytes of files that are no hard links to those of the backup before: all of a table's file where a part of it changed, but the file " +
      "system shares what comes before the first change, if it has reflinks, as XFS and Btrfs do. Rows that were updated at random are in every part. **Changed** are the bytes that the appended or updated rows " +
      "take in a compressed dump, by the mean of all rows. **CPU** is that of the container and of the commands; it depends less than the time on what else the machine does.",
    targetList(nightly),
    ...pgBackRest(nightly, bare),
    paper(result, nightly),
  ].join("\n\n");
}

/** A line for "What it means for you". */
export function nightlyMeaning({ groups, jobs, tables }: NightlyResult): string {
  const { unchanged, grown } = nightlyContenders;
  const ratio = (contender: string) =>
    ratioOf(groups.tenTables, contender, parallelDump(jobs)).median.toFixed(2);
  return (
    `- **Every night**, with \`--full-every 7d\`: where none of ${tables} tables changed, a backup takes ${ratio(unchanged)} of the time of a bare \`pg_dump\` ` +
    `of them; where one grew by 1%, ${ratio(grown)} ([more](#nightly-backups)).`
  );
}

const cpuSeconds = ({ containerCpuSeconds, commandsCpuSeconds }: Measurement) =>
  containerCpuSeconds + commandsCpuSeconds;

function contenderTable(group: GroupResult, bare: string, nightly: NightlyResult): string {
  const changed: Readonly<Record<string, number>> = {
    [nightlyContenders.unchanged]: 0,
    [nightlyContenders.grown]: changedBytes(nightly),
    [nightlyContenders.updated]: changedBytes(nightly),
    [pgBackRestContenders.unchanged]: 0,
    [pgBackRestContenders.grown]: changedBytes(nightly),
    [pgBackRestContenders.updated]: changedBytes(nightly),
  };
  const rows = Object.keys(group).map((contender) => {
    const written = medianOf(group, contender, "outputBytes");
    const bytes = changed[contender];
    return [
      contender.startsWith(ours) ? `**${contender}**` : contender,
      formatSpread(summaryOf(group, contender)),
      formatRatio(ratioOf(group, contender, bare)),
      ratioOf(group, contender, bare, cpuSeconds).median.toFixed(2),
      formatSeconds(medianOf(group, contender, "containerCpuSeconds")),
      formatSeconds(medianOf(group, contender, "commandsCpuSeconds")),
      formatSize(written),
      bytes === undefined ? "" : formatSize(bytes),
      bytes === undefined || bytes === 0 ? "" : (written / bytes).toFixed(2),
    ];
  });
  const head = ["contender", "time", "÷ bare pg_dump", "CPU ÷ bare pg_dump", "CPU: container", "commands"];
  return markdownTable([...head, "newly written", "changed", "written ÷ changed"], rows);
}

function targetList(nightly: NightlyResult): string {
  const rows = nightlyVerdicts(nightly).map(({ target, limit, measured, met }) => [
    target,
    limit,
    measured,
    met ? "met" : "**not met**",
  ]);
  return markdownTable(["target", "limit", "measured", ""], rows);
}

function pgBackRest({ groups, pgBackRest: version, ...rest }: NightlyResult, bare: string): string[] {
  if (groups.pgBackRest === undefined) return [`pgBackRest was not measured: ${version}.`];
  return [
    `${version} beside it, on the same tables, with zstd level 1, ${rest.jobs} processes, bundles and block incremental backups:`,
    contenderTable(groups.pgBackRest, bare, { groups, pgBackRest: version, ...rest }),
    "pgBackRest copies the files of the whole server, with all databases. It needs a server that archives its write-ahead log, and what the log takes in the repository " +
      "is not counted here. It sees which files changed by their times and sizes, and reads only those; it restores a server of the same major version, and no single " +
      `table. \`${ours}\` reads all rows each night to prove that they did not change.`,
  ];
}

const paperRows = 260_000_000;

function paper(result: BenchResult, nightly: NightlyResult): string {
  const rates = nightlyRates(result, nightly);
  const { tables } = nightly;
  const cores = [...new Set([nightly.machine.cores, 8, 32])];
  const { memoryBytes } = nightly.machine;
  const estimates = cores.map((count) => {
    const { bare, nightly: shared } = projectNightly(rates, {
      tables,
      rows: paperRows,
      cores: count,
      memoryBytes,
    });
    return [
      String(count),
      formatSeconds(bare.seconds),
      bare.saturated,
      formatSeconds(shared.seconds),
      shared.saturated,
      (shared.seconds / bare.seconds).toFixed(2),
    ];
  });
  const rows = tables * paperRows;
  const diskSeconds = (rows * (rates.tableBytes + rates.archiveBytes)) / rates.readPerSecond;
  return [
    `**On paper**, ${tables} years of ${formatCount(paperRows)} rows: ${formatCount(rows)} rows, ${formatSize(rows * rates.tableBytes)} in the server and ` +
      `${formatSize(rows * rates.archiveBytes)} in the archive. Nothing changed. There are as many sessions as cores (\`--jobs\`). The comparison takes ` +
      `${million(rates.compare)} of CPU time for a million rows, a bare dump ${million(rates.dump)}. Meanwhile one thread reads the shared files, ` +
      `${million(rates.checksum)} for a million rows. The disk is that of the [estimates](#estimates-for-other-scales): it reads the tables and the shared files in ` +
      `at least ${formatSeconds(diskSeconds)}, and no number of cores makes a backup shorter than that.`,
    markdownTable(
      ["cores", "bare pg_dump", "it waits for", "nothing changed", "it waits for", "ratio"],
      estimates,
    ),
  ].join("\n\n");
}

const million = (seconds: number) => `${(seconds * 1e6).toFixed(2)} s`;

/** The disk, the checksums and the empty run are those of the other cases. */
function nightlyRates(
  result: BenchResult,
  { groups, jobs, tables, rows, tableBytes }: NightlyResult,
): NightlyRates {
  const { checksum, readPerSecond, writtenPerSecond, fixedSeconds } = measuredRates(result);
  const bare = parallelDump(jobs);
  const { tenTables } = groups;
  // That of an empty run is part of `fixedSeconds`.
  const cpu = (contender: string, empty: string) =>
    Math.max(
      0,
      medianOf(tenTables, contender, "containerCpuSeconds") -
        medianOf(result.groups.emptyTable, empty, "containerCpuSeconds"),
    ) /
    (tables * rows);
  return {
    dump: cpu(bare, bareDump),
    compare: cpu(nightlyContenders.unchanged, ours),
    checksum,
    tableBytes: tableBytes / rows,
    archiveBytes: medianOf(tenTables, bare, "outputBytes") / (tables * rows),
    readPerSecond,
    writtenPerSecond,
    fixedSeconds,
  };
}
