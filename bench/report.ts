/** Writes the report in Markdown. It needs nothing but the result. */
import { byHandWithGzip, copyOnly, parallelDump } from "./cases/backup";
import { byHandProgram, emptyProgram, stackProgram } from "./cases/idle";
import { plainScript } from "./cases/restore";
import { ours } from "./cases/runner";
import { formatCount, formatSeconds, formatSize, formatSpread, markdownTable } from "./format";
import { notIdle } from "./machine";
import { nightlyMeaning, nightlySection } from "./nightly-report";
import { scaleOnPaper } from "./paper";
import { type BenchResult, type GroupName, medianOf, summaryOf } from "./result";
import type { GroupResult } from "./rounds";

export function report(result: BenchResult): string {
  const { sample, rounds, nightly } = result;
  return [
    "# Performance",
    `\`make bench\` writes this page. It runs the contenders for each job in turns (${rounds === 1 ? "one round" : `${rounds} rounds`}) and shows the median and, in ` +
      "brackets, the least and the most. Compare ratios: the seconds depend on this machine.",
    `The tables come from \`examples/cbm/\`: ${formatCount(sample.rows)} signature rows (${formatSize(sample.tableBytes)}). ` +
      `All tables with their indexes take ${formatSize(sample.databaseBytes)}.`,
    "## What it means for you",
    meaning(result),
    "## Measured on",
    machineTable(result),
    "## Backup",
    "![Seconds of each contender to back up](performance-backup.svg)",
    backupTable(result),
    backupNotes(result),
    "## One large table",
    largeTableTable(result),
    largeNotes,
    ...(nightly === undefined ? [] : ["## Nightly backups", nightlySection(result, nightly)]),
    "## Restore",
    "![Seconds of each contender to restore](performance-restore.svg)",
    restoreTable(result),
    restoreNotes,
    "## Small jobs",
    littleTable(result),
    `\`${byHandProgram}\` is a program without components, with the same number and kinds of resources (\`bench/programs/by-hand\`). Its time is what the engine and the providers need.`,
    "## Parts of a backup",
    partsTable(result),
    "## Estimates for other scales",
    scaleOnPaper(result),
    "## How it is measured",
    definitions,
    "## Commands",
    commandList(result),
    "",
  ].join("\n\n");
}

function machineTable({ machine }: BenchResult): string {
  const load = machine.loadBefore > 0.5 ? notIdle : "";
  return markdownTable(
    ["measured", "on"],
    [
      ["date, commit", `${machine.date}, ${machine.commit}`],
      [
        "machine",
        `${machine.cores} cores of ${machine.processor}; ${formatSize(machine.memoryBytes)} of memory`,
      ],
      ["load before", `${machine.loadBefore.toFixed(2)}${load}`],
      ["system", `${machine.system}; Docker ${machine.docker}`],
      ["server", `${machine.server}; image ${machine.image}`],
      ["programs", `Node.js ${machine.node}, Pulumi ${machine.pulumi}`],
    ],
  ).replace("--:", "---");
}

/** The figures that a reader has come for. */
function meaning({ groups, sample, jobs, smallTables, nightly }: BenchResult): string {
  const { backup, restore, manyTables, idleUp } = groups;
  const time = (group: GroupResult, contender: string) => formatSeconds(medianOf(group, contender));
  const peak = Math.max(
    medianOf(backup, ours, "commandPeakBytes"),
    medianOf(restore, `${ours} restore`, "commandPeakBytes"),
  );
  return [
    `- **A backup** of ${formatSize(sample.tableBytes)} of signature rows takes ${time(backup, ours)}, with counts, fingerprints, checksums and a read of ` +
      `the whole archive. \`pg_dump\`, \`docker cp\` and \`gzip\` by hand take ${time(backup, byHandWithGzip)}, and check nothing; a bare ` +
      `\`${parallelDump(jobs)}\` takes ${time(backup, parallelDump(jobs))}.`,
    `- **A restore**, compared row by row with the backup, takes ${time(restore, `${ours} restore`)}; \`psql -f\` takes ${time(restore, plainScript)}, and compares nothing.`,
    ...(nightly === undefined ? [] : [nightlyMeaning(nightly)]),
    `- **In the database's container** it writes ${formatSize(medianOf(backup, ours, "containerBytes"))}. The program itself takes at most ${formatSize(peak)} of memory.`,
    `- **Many small tables**: ${formatCount(smallTables)} of them take ${time(manyTables, ours)}.`,
    `- **\`pulumi up\` with nothing to do** takes ${time(idleUp, stackProgram)}; that of an empty program takes ${time(idleUp, emptyProgram)}.`,
    "- **Larger tables**: see the [estimates](#estimates-for-other-scales). Index builds take most of a restore.",
  ].join("\n");
}

function backupTable({ groups: { backup } }: BenchResult): string {
  const of = (contender: string, quantity: Parameters<typeof medianOf>[2]) =>
    medianOf(backup, contender, quantity);
  const rows = Object.keys(backup).map((contender) => [
    emphasized(contender),
    formatSpread(summaryOf(backup, contender)),
    (medianOf(backup, ours) / medianOf(backup, contender)).toFixed(2),
    formatSeconds(of(contender, "containerCpuSeconds")),
    formatSeconds(of(contender, "commandsCpuSeconds")),
    formatSeconds(of(contender, "machineCpuSeconds")),
    formatSize(of(contender, "containerBytes")),
    formatSize(of(contender, "outputBytes")),
    formatSize(of(contender, "containerPeakBytes")),
    formatSize(of(contender, "commandPeakBytes")),
  ]);
  const head = ["contender", "time", `${ours} ÷ this`, "CPU: container", "commands", "machine"];
  return markdownTable(
    [...head, "written in the container", "archive", "memory: container", "command"],
    rows,
  );
}

function backupNotes({ machine }: BenchResult): string {
  return (
    `\`${ours}\` counts and fingerprints all rows in the dump's snapshot, computes checksums, and reads the whole archive ` +
    `in a throwaway container. The others check nothing. \`${copyOnly}\` is the time that the server alone needs to write the rows as ` +
    `text, one table after another. No dump in one session is quicker. The procedure by hand is one \`pg_dump\` for each table to a file ` +
    `in the container, then \`docker cp\`. For the two images that back up on a schedule, the bench runs their commands in a ` +
    `container beside the database's. They dump the whole database, which holds only these tables.` +
    (machine.cores < 4 ? " On so few cores, the checks and the dump compete." : "")
  );
}

function largeTableTable({ groups: { largeTable } }: BenchResult): string {
  const rows = Object.keys(largeTable).map((contender) => [
    contender,
    formatSpread(summaryOf(largeTable, contender)),
    formatSeconds(medianOf(largeTable, contender, "containerCpuSeconds")),
    formatSize(medianOf(largeTable, contender, "outputBytes")),
  ]);
  return markdownTable(["contender", "time", "CPU: container", "archive"], rows);
}

const largeNotes =
  "`pg_dump` uses one worker for each table. With its server session, it keeps almost two cores busy. In ranges, several " +
  "sessions copy parts of the table under one snapshot. Each part is compressed, and the parts are joined to the one file that the " +
  "archive expects. This needs more CPU time, because `psql` hands each row to another program, but it works with any " +
  "number of workers. A backup dumps in ranges if it has at least three workers (`splitTablesFrom`). The container is pinned to the cores.";

function restoreTable({ groups: { restore } }: BenchResult): string {
  const rows = Object.keys(restore).map((contender) => [
    emphasized(contender),
    formatSpread(summaryOf(restore, contender)),
    (medianOf(restore, `${ours} restore`) / medianOf(restore, contender)).toFixed(2),
    formatSeconds(medianOf(restore, contender, "containerCpuSeconds")),
    formatSeconds(medianOf(restore, contender, "commandsCpuSeconds")),
    formatSeconds(medianOf(restore, contender, "machineCpuSeconds")),
    formatSize(medianOf(restore, contender, "walBytes")),
    formatSize(medianOf(restore, contender, "containerPeakBytes")),
    formatSize(medianOf(restore, contender, "commandPeakBytes")),
  ]);
  const head = ["contender", "time", `${ours} ÷ this`, "CPU: container", "commands", "machine"];
  return markdownTable([...head, "write-ahead log", "memory: container", "command"], rows);
}

const restoreNotes =
  "Each contender restores all tables and indexes into a new database of the same server, with PostGIS and no tables. The script and the archives " +
  `are in a folder that is mounted into the container. \`${ours} restore\` checks the archive before it starts, and compares rows, fingerprints, indexes and ` +
  "constraints afterwards. If a check fails, it removes the tables again. The others do none of this.";

function littleTable({ groups, smallTables }: BenchResult): string {
  const cases: readonly (readonly [GroupName, string])[] = [
    ["emptyTable", "one empty table"],
    ["manyTables", `${formatCount(smallTables)} tables of 100 rows`],
    ["idleUp", "`pulumi up`, nothing to do"],
  ];
  const rows = cases.flatMap(([group, title]) =>
    Object.keys(groups[group]).map((contender) => [
      title,
      emphasized(contender),
      formatSpread(summaryOf(groups[group], contender)),
    ]),
  );
  return markdownTable(["what", "contender", "time"], rows);
}

function partsTable({ groups: { parts }, sample }: BenchResult): string {
  const rows = Object.keys(parts).map((contender) => [
    contender,
    formatSpread(summaryOf(parts, contender)),
    contender.startsWith("disk")
      ? ""
      : `${formatCount(Math.round(sample.rows / medianOf(parts, contender) / 1000))},000 rows/s`,
    formatSeconds(medianOf(parts, contender, "containerCpuSeconds")),
    formatSeconds(medianOf(parts, contender, "commandsCpuSeconds")),
  ]);
  return markdownTable(["part (large table only)", "time", "rate", "CPU: container", "commands"], rows);
}

const definitions = `- **Time**: from the start of the first command to the end of the last, on a monotonic clock.
- **CPU: container**: all processes in the database's container, from its control group. **Commands**: the commands on this
  machine and the programs that they start here. **Machine**: all processes of the machine, so also other containers and the
  Docker daemon, which carries what is copied or streamed out of a container.
- **Written in the container**: growth of the container's writable layer (all outside mounts and volumes, such as \`/tmp\`) until
  the last command ends, plus the temporary files of the server's queries.
- **Memory: container**: the peak of its processes and shared buffers, without the file cache, sampled ten times a
  second. **Command**: the peak resident memory of the largest command on this machine.
- Before each measurement the server writes a checkpoint, and the system writes its cached data to disk. The server has the settings of
  \`components/postgis-container/server-settings.ts\`, without autovacuum. The tables are vacuumed, and are in the system's cache if they fit.
- The first contender of each group also runs once before the first round, unmeasured.`;

function commandList({ groups, nightly }: BenchResult): string {
  const measured: readonly GroupResult[] = [
    ...Object.values(groups),
    ...Object.values(nightly?.groups ?? {}),
  ];
  const contenders = measured.flatMap((group) => Object.entries(group));
  const lines = contenders.flatMap(([contender, { commands }]) => [`# ${contender}`, ...commands]);
  return ["<details>", "", "```sh", ...lines, "```", "", "</details>"].join("\n");
}

function emphasized(contender: string): string {
  return contender.startsWith(ours) ? `**${contender}**` : contender;
}
