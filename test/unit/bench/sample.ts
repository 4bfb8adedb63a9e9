/** Results of a bench that was never run. */
import { byHand, byHandWithGzip, copyOnly, parallelDump } from "../../../bench/cases/backup";
import { byHandProgram, emptyProgram, stackProgram } from "../../../bench/cases/idle";
import { inRanges, parallelLargeDump } from "../../../bench/cases/large";
import { nightlyContenders } from "../../../bench/cases/nightly";
import { part } from "../../../bench/cases/parts";
import { pgBackRestContenders } from "../../../bench/cases/pgbackrest";
import { plainScript } from "../../../bench/cases/restore";
import { ours } from "../../../bench/cases/runner";
import { bareDump } from "../../../bench/cases/small";
import type { Measurement } from "../../../bench/measure";
import type { BenchResult, NightlyResult } from "../../../bench/result";
import type { GroupResult } from "../../../bench/rounds";

export function measurementOf(seconds: number, change: Partial<Measurement> = {}): Measurement {
  return {
    seconds,
    containerCpuSeconds: seconds,
    commandsCpuSeconds: 0.1,
    machineCpuSeconds: seconds,
    containerBytes: 0,
    walBytes: 0,
    outputBytes: 1_000_000,
    commandPeakBytes: 90e6,
    containerPeakBytes: 200e6,
    ...change,
  };
}

/** A group whose contenders have these medians, in three rounds. */
function group(seconds: Readonly<Record<string, number>>): GroupResult {
  return Object.fromEntries(
    Object.entries(seconds).map(([contender, median]) => [
      contender,
      {
        commands: [`run ${contender}`],
        measurements: [median * 0.9, median, median * 1.5].map((value) => measurementOf(value)),
      },
    ]),
  );
}

export function sampleResult(): BenchResult {
  return {
    machine: {
      date: "2026-11-22 12:00 UTC",
      commit: "abc1234",
      processor: "Processor",
      cores: 2,
      memoryBytes: 16e9,
      system: "Linux",
      loadBefore: 0,
      docker: "28",
      image: "postgis",
      server: "PostgreSQL 17",
      node: "v20",
      pulumi: "v3",
    },
    rounds: 3,
    sample: { rows: 1_000_000, tableBytes: 100e6, databaseBytes: 200e6 },
    smallTables: 1000,
    diskBytes: 1e9,
    jobs: 2,
    groups: {
      backup: group({
        [copyOnly]: 5,
        [byHand]: 20,
        [byHandWithGzip]: 100,
        [parallelDump(2)]: 8,
        [ours]: 10,
      }),
      largeTable: group({ [parallelLargeDump]: 6, [inRanges(1)]: 10, [inRanges(2)]: 5.5 }),
      restore: group({ [plainScript]: 50, [`${ours} restore`]: 30 }),
      parts: group({
        [part.copy]: 4,
        [part.dump]: 6,
        [part.count]: 2,
        [part.checksum]: 0.1,
        [part.read]: 1,
        [part.write]: 1,
        [part.readDisk]: 0.5,
      }),
      emptyTable: group({ [bareDump]: 0.2, [ours]: 1.2 }),
      manyTables: group({ [bareDump]: 10, [ours]: 13 }),
      idleUp: group({ [emptyProgram]: 1, [byHandProgram]: 1.2, [stackProgram]: 1.3 }),
    },
  };
}

/** Ten tables of 100 rows. A dump of them has 100,000 bytes and takes 20 seconds; that of one takes 2. */
export function sampleNightly({
  unchangedSeconds = 6,
  grownSeconds = 8,
  oneSeconds = 0.9,
  grownBytes = 120,
  commandPeakBytes = 90e6,
} = {}): NightlyResult {
  const { machine } = sampleResult();
  const rounds = 3;
  const bare = parallelDump(2);
  const contender = (name: string, seconds: number, outputBytes: number) => [
    name,
    {
      commands: [`run ${name}`],
      measurements: Array.from({ length: rounds }, () =>
        measurementOf(seconds, {
          outputBytes,
          commandPeakBytes,
          containerCpuSeconds: name === bare ? seconds : seconds * 0.8,
        }),
      ),
    },
  ];
  const incremental = pgBackRestContenders;
  return {
    machine,
    rounds,
    jobs: 2,
    tables: 10,
    rows: 100,
    tableBytes: 8000,
    changedRows: 1,
    groups: {
      tenTables: Object.fromEntries([
        contender(bare, 20, 100_000),
        contender(nightlyContenders.unchanged, unchangedSeconds, 10),
        contender(nightlyContenders.grown, grownSeconds, grownBytes),
        contender(nightlyContenders.updated, 9, 1000),
      ]) as GroupResult,
      oneTable: Object.fromEntries([
        contender(bare, 2, 10_000),
        contender(nightlyContenders.unchanged, oneSeconds, 10),
      ]) as GroupResult,
      pgBackRest: Object.fromEntries([
        contender(bare, 20, 100_000),
        contender(incremental.full, 15, 200_000),
        contender(incremental.unchanged, 2, 300),
        contender(incremental.grown, 3, 400),
        contender(incremental.updated, 4, 500),
      ]) as GroupResult,
    },
    pgBackRest: "pgBackRest 2.99",
  };
}
