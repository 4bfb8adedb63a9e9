/** The report in Markdown, from a result alone. */
import { copyOnly } from "./cases/backup";
import { byHandProgram } from "./cases/idle";
import { ours } from "./cases/runner";
import { formatCount, formatSeconds, formatSize, formatSpread, markdownTable } from "./format";
import { scaleOnPaper } from "./paper";
import { type BenchResult, type GroupName, medianOf, summaryOf } from "./result";
import { verdicts } from "./targets";

export function report(result: BenchResult): string {
  const { sample, rounds } = result;
  return [
    "# Performance",
    `Written by \`make bench\`, which measures the ways to do one job in turns, ${rounds === 1 ? "one round" : `${rounds} rounds`}, and prints the median and, in ` +
      "brackets, the least and the most. Ratios of one run say more than seconds, which are this machine's.",
    `The tables are those of \`examples/cbm/\`: ${formatCount(sample.rows)} signature rows, ${formatSize(sample.tableBytes)}; ` +
      `all tables with their indexes, ${formatSize(sample.databaseBytes)}.`,
    machineTable(result),
    "## Targets",
    targetTable(result),
    "## Backup",
    "![Seconds of each way to back up](performance-backup.svg)",
    backupTable(result),
    backupNotes(result),
    "## One large table",
    largeTableTable(result),
    largeNotes,
    "## Restore",
    "![Seconds of each way to restore](performance-restore.svg)",
    restoreTable(result),
    restoreNotes,
    "## Little to do",
    littleTable(result),
    `\`${byHandProgram}\` is a program without components, of as many resources of the same kinds (\`bench/programs/by-hand\`): what the engine and the providers take.`,
    "## Parts of a backup",
    partsTable(result),
    "## Scale on paper",
    scaleOnPaper(result),
    "## How it is measured",
    definitions,
    "## What is run",
    commandList(result),
    "",
  ].join("\n\n");
}

function machineTable({ machine }: BenchResult): string {
  const load = machine.loadBefore > 0.5 ? " **(not idle: these figures are of a loaded machine)**" : "";
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

function targetTable(result: BenchResult): string {
  const rows = verdicts(result).map(({ target, limit, measured, met }) => [
    target,
    limit,
    measured,
    met ? "met" : "**not met**",
  ]);
  return markdownTable(["target", "limit", "measured", ""], rows);
}

function backupTable({ groups: { backup } }: BenchResult): string {
  const of = (way: string, quantity: Parameters<typeof medianOf>[2]) => medianOf(backup, way, quantity);
  const rows = Object.keys(backup).map((way) => [
    emphasized(way),
    formatSpread(summaryOf(backup, way)),
    (medianOf(backup, ours) / medianOf(backup, way)).toFixed(2),
    formatSeconds(of(way, "containerCpuSeconds")),
    formatSeconds(of(way, "commandsCpuSeconds")),
    formatSeconds(of(way, "machineCpuSeconds")),
    formatSize(of(way, "containerBytes")),
    formatSize(of(way, "outputBytes")),
    formatSize(of(way, "containerPeakBytes")),
    formatSize(of(way, "commandPeakBytes")),
  ]);
  const head = ["way", "time", `${ours} ÷ this`, "CPU: container", "commands", "machine"];
  return markdownTable(
    [...head, "written in the container", "archive", "memory: container", "command"],
    rows,
  );
}

function backupNotes({ machine }: BenchResult): string {
  return (
    `\`${ours}\` counts and fingerprints all rows in the snapshot of the dump, computes checksums, and reads the archive to its end ` +
    `in a throwaway container; none of the others checks anything. \`${copyOnly}\` is what the server alone needs to write the rows as ` +
    `text, one table after another: the floor for one session. The procedure by hand is one \`pg_dump\` a table to a file inside the ` +
    `container, and \`docker cp\`. The two images that back up by schedule are represented by the commands that they run, in a ` +
    `container beside the database's; they dump the whole database, which holds these tables alone.` +
    (machine.cores < 4 ? " With so few cores, the checks compete with the dump for them." : "")
  );
}

function largeTableTable({ groups: { largeTable } }: BenchResult): string {
  const rows = Object.keys(largeTable).map((way) => [
    way,
    formatSpread(summaryOf(largeTable, way)),
    formatSeconds(medianOf(largeTable, way, "containerCpuSeconds")),
    formatSize(medianOf(largeTable, way, "outputBytes")),
  ]);
  return markdownTable(["way", "time", "CPU: container", "archive"], rows);
}

const largeNotes =
  "`pg_dump` gives a table one worker, which with the server's session for it keeps almost two cores busy. In ranges, several " +
  "sessions copy parts of the table under one snapshot, each compressed, and the parts are put together to the one file that the " +
  "archive expects; that takes more processor time, because `psql` hands each row to another program, but there is no end to the " +
  "number of workers. A backup does it where there are at least three (`splitTablesFrom`). The container is pinned to the cores.";

function restoreTable({ groups: { restore } }: BenchResult): string {
  const rows = Object.keys(restore).map((way) => [
    emphasized(way),
    formatSpread(summaryOf(restore, way)),
    (medianOf(restore, `${ours} restore`) / medianOf(restore, way)).toFixed(2),
    formatSeconds(medianOf(restore, way, "containerCpuSeconds")),
    formatSeconds(medianOf(restore, way, "commandsCpuSeconds")),
    formatSeconds(medianOf(restore, way, "machineCpuSeconds")),
    formatSize(medianOf(restore, way, "walBytes")),
    formatSize(medianOf(restore, way, "containerPeakBytes")),
    formatSize(medianOf(restore, way, "commandPeakBytes")),
  ]);
  const head = ["way", "time", `${ours} ÷ this`, "CPU: container", "commands", "machine"];
  return markdownTable([...head, "write-ahead log", "memory: container", "command"], rows);
}

const restoreNotes =
  "Into a new database of the same server that has the extension and no tables; with all indexes. The script and the archives lie in a " +
  `folder that is mounted into the container. \`${ours} restore\` checks the archive before it, compares rows, fingerprints, indexes and ` +
  "constraints after it, and puts all tables in their place in one transaction; the others do none of that.";

function littleTable({ groups, smallTables }: BenchResult): string {
  const cases: readonly (readonly [GroupName, string])[] = [
    ["emptyTable", "one empty table"],
    ["manyTables", `${formatCount(smallTables)} tables of 100 rows`],
    ["idleUp", "`pulumi up`, nothing to do"],
  ];
  const rows = cases.flatMap(([group, title]) =>
    Object.keys(groups[group]).map((way) => [
      title,
      emphasized(way),
      formatSpread(summaryOf(groups[group], way)),
    ]),
  );
  return markdownTable(["what", "way", "time"], rows);
}

function partsTable({ groups: { parts }, sample }: BenchResult): string {
  const rows = Object.keys(parts).map((way) => [
    way,
    formatSpread(summaryOf(parts, way)),
    way.startsWith("disk")
      ? ""
      : `${formatCount(Math.round(sample.rows / medianOf(parts, way) / 1000))},000 rows/s`,
    formatSeconds(medianOf(parts, way, "containerCpuSeconds")),
    formatSeconds(medianOf(parts, way, "commandsCpuSeconds")),
  ]);
  return markdownTable(
    ["part, of the large table alone", "time", "rate", "CPU: container", "commands"],
    rows,
  );
}

const definitions = `- **Time**: from the start of the first command to the end of the last, on a clock that nobody sets.
- **CPU: container**: of the processes in the database's container, by its control group. **Commands**: of the commands on this
  machine and what they start there. **Machine**: all that any process got meanwhile, so also the Docker daemon, which carries
  what is copied or streamed out of a container, and other containers.
- **Written in the container**: what the container's writable layer (all that is in no mount and no volume, such as \`/tmp\`) has grown
  by when the last command ends, and the temporary files of the server's queries.
- **Memory: container**: the most that its processes and shared buffers took at once, without the cache of files, ten looks a
  second. **Command**: the most that the largest command on this machine ever had resident.
- Before each measurement the server writes a checkpoint and the system what it has cached. The server has the settings of
  \`components/postgis-container/server-settings.ts\`, and no autovacuum. The tables are vacuumed, and in the system's cache where it has room for them.
- A group's first way runs once before the first round, unmeasured.`;

function commandList({ groups }: BenchResult): string {
  const ways = Object.values(groups).flatMap((group) => Object.entries(group));
  const lines = ways.flatMap(([way, { commands }]) => [`# ${way}`, ...commands]);
  return ["<details>", "", "```sh", ...lines, "```", "", "</details>"].join("\n");
}

function emphasized(way: string): string {
  return way.startsWith(ours) ? `**${way}**` : way;
}
