/** The performance targets. Most are ratios within one run on one machine. */
import { byHand, byHandWithGzip, parallelDump } from "./cases/backup";
import { emptyProgram, stackProgram } from "./cases/idle";
import { nightlyContenders } from "./cases/nightly";
import { inRanges, parallelLargeDump } from "./cases/large";
import { plainScript } from "./cases/restore";
import { ours } from "./cases/runner";
import { bareDump } from "./cases/small";
import type { GroupResult } from "./rounds";
import { type BenchResult, changedBytes, medianOf, type NightlyResult, ratioOf } from "./result";

interface Verdict {
  readonly target: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

const megabyte = 1e6;

export function verdicts({ groups, smallTables, jobs, nightly }: BenchResult): Verdict[] {
  const { backup, largeTable, restore, emptyTable, manyTables, idleUp } = groups;
  const taken = medianOf(backup, ours);
  return [
    ratio("backup, against the procedure by hand with gzip", taken / medianOf(backup, byHandWithGzip), 0.1),
    ratio("backup, against the procedure by hand", taken / medianOf(backup, byHand), 0.7),
    ratio(
      `backup with its checks, against ${parallelDump(jobs)} without any`,
      taken / medianOf(backup, parallelDump(jobs)),
      1.25,
    ),
    ratio(
      `one large table in ranges by 2 workers, against ${parallelLargeDump}`,
      medianOf(largeTable, inRanges(2)) / medianOf(largeTable, parallelLargeDump),
      0.85,
    ),
    ratio(
      "ranges: 2 workers on 2 cores, against 1 on 1",
      medianOf(largeTable, inRanges(2)) / medianOf(largeTable, inRanges(1)),
      1 / 1.7,
    ),
    amount("bytes written in the database's container", medianOf(backup, ours, "containerBytes"), 0, "bytes"),
    amount(
      "an empty table: time above a bare pg_dump",
      medianOf(emptyTable, ours) - medianOf(emptyTable, bareDump),
      1,
      "s",
    ),
    ratio(
      `${smallTables} small tables, against one pg_dump of them`,
      medianOf(manyTables, ours) / medianOf(manyTables, bareDump),
      1.3,
    ),
    ratio(
      "pulumi up with nothing to do, against an empty program",
      medianOf(idleUp, stackProgram) / medianOf(idleUp, emptyProgram),
      1.3,
    ),
    amount("peak memory of the runner", peakMegabytes(groups, nightly), 150, "MB"),
    ratio(
      "restore with indexes, against psql -f",
      medianOf(restore, `${ours} restore`) / medianOf(restore, plainScript),
      0.6,
    ),
    ...(nightly === undefined ? [] : nightlyVerdicts(nightly)),
  ];
}

/** Ratios are medians of those of each round. */
export function nightlyVerdicts(nightly: NightlyResult): Verdict[] {
  const { groups, jobs, tables } = nightly;
  const { unchanged, grown, updated } = nightlyContenders;
  const bare = parallelDump(jobs);
  const time = (group: GroupResult, contender: string) => ratioOf(group, contender, bare).median;
  const written = (contender: string) =>
    medianOf(groups.tenTables, contender, "outputBytes") / changedBytes(nightly);
  return [
    ratio(
      `nightly, ${tables} tables, nothing changed, against ${bare}`,
      time(groups.tenTables, unchanged),
      0.3,
    ),
    ratio(
      `nightly, one of ${tables} tables grew by 1%, against ${bare}`,
      time(groups.tenTables, grown),
      0.32,
    ),
    ratio(
      `nightly, one table alone, nothing changed, against ${bare}`,
      time(groups.oneTable, unchanged),
      0.45,
    ),
    ratio(
      "nightly, one table grew by 1%: bytes newly written, against those that changed",
      written(grown),
      1.2,
    ),
    ratio(
      "nightly, 1% of one table updated: bytes newly written, against those that changed",
      written(updated),
      1.2,
    ),
  ];
}

/** The peak over every run of this program, whatever it did. */
function peakMegabytes(
  { backup, restore, manyTables }: BenchResult["groups"],
  nightly: NightlyResult | undefined,
): number {
  const nights = Object.values(nightlyContenders).map((name) => nightly?.groups.tenTables[name]);
  const runs = [backup[ours], restore[`${ours} restore`], manyTables[ours], ...nights].flatMap(
    (contender) => contender?.measurements ?? [],
  );
  return Math.max(...runs.map(({ commandPeakBytes }) => commandPeakBytes)) / megabyte;
}

function ratio(target: string, measured: number, limit: number): Verdict {
  return {
    target,
    limit: `at most ${Number(limit.toFixed(2))}`,
    measured: measured.toFixed(2),
    met: measured <= limit,
  };
}

function amount(target: string, measured: number, limit: number, unit: "bytes" | "MB" | "s"): Verdict {
  return {
    target,
    limit: limit === 0 ? "none" : `at most ${limit} ${unit}`,
    measured: `${measured.toFixed(unit === "s" ? 2 : 0)} ${unit}`,
    met: measured <= limit,
  };
}
