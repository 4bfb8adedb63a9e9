/** Ways to dump one large table, each on so many cores. */
import path from "node:path";
import { execa } from "execa";
import { root } from "../../setup/paths";
import { database, pathInside, type Scene } from "../scene";
import type { Group, Way } from "../way";
import { dumpLarge, largeTable } from "./parts";

export const parallelLargeDump = "pg_dump -Fd -j2 zstd:1, 2 cores";
export const inRanges = (workers: number) =>
  `in ranges, ${workers === 1 ? "1 worker, 1 core" : `${workers} workers, ${workers} cores`}`;

export function largeGroup(scene: Scene, cores: number): Group {
  const output = path.join(scene.folder, "output");
  const folder = path.join(output, "archive");
  // The server and all that dumps are in the container.
  const pin = (count: number) => async () => {
    await execa("docker", ["update", `--cpuset-cpus=0-${Math.min(count, cores) - 1}`, scene.container]);
  };
  const pinned = (way: Way, count: number): Way => ({ ...way, prepare: pin(count), clean: pin(cores) });
  const ranges = (workers: number): Way => ({
    name: inRanges(workers),
    output,
    commands: [
      {
        file: process.execPath,
        args: [
          path.join(root, "dist", "bench", "dump-ranges.js"),
          ...[scene.container, database, largeTable, folder, pathInside(scene, folder), String(workers)],
        ],
      },
    ],
  });
  const whole: Way = {
    name: parallelLargeDump,
    output,
    commands: [dumpLarge(scene, pathInside(scene, folder), 2)],
  };
  return {
    name: "one large table",
    ways: [pinned(whole, 2), pinned(ranges(1), 1), pinned(ranges(2), 2)],
  };
}
