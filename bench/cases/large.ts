/** The contenders for a dump of one large table, each on a given number of cores. */
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import { database, pathInside, type Fixture } from "../fixture";
import type { Group, Contender } from "../contender";
import { dumpLarge, largeTable } from "./parts";

export const parallelLargeDump = "pg_dump -Fd -j2 zstd:1, 2 cores";
export const inRanges = (workers: number) =>
  `in ranges, ${workers === 1 ? "1 worker, 1 core" : `${workers} workers, ${workers} cores`}`;

export function largeGroup(fixture: Fixture, cores: number): Group {
  const output = path.join(fixture.folder, "output");
  const folder = path.join(output, "archive");
  // The server and every dump program run in the container.
  const pin = (count: number) => async () => {
    await execa("docker", ["update", `--cpuset-cpus=0-${Math.min(count, cores) - 1}`, fixture.container]);
  };
  const pinned = (contender: Contender, count: number): Contender => ({
    ...contender,
    prepare: pin(count),
    clean: pin(cores),
  });
  const ranges = (workers: number): Contender => ({
    name: inRanges(workers),
    output,
    commands: [
      {
        file: process.execPath,
        args: [
          path.join(root, "dist", "bench", "dump-ranges.js"),
          ...[fixture.container, database, largeTable, folder, pathInside(fixture, folder), String(workers)],
        ],
      },
    ],
  });
  const whole: Contender = {
    name: parallelLargeDump,
    output,
    commands: [dumpLarge(fixture, pathInside(fixture, folder), 2)],
  };
  return {
    name: "one large table",
    contenders: [pinned(whole, 2), pinned(ranges(1), 1), pinned(ranges(2), 2)],
  };
}
