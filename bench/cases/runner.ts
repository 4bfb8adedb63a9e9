import path from "node:path";
import { runnerMain } from "../../test/support/runner";
import type { Scene } from "../scene";
import type { Command } from "../way";

/** As the report calls the program itself. */
export const ours = "postgis-backup";

export interface RunnerTarget {
  readonly database: string;
  /** Folder of the backups. */
  readonly repository: string;
}

/** A backup of these tables, with all that is the default: counts, fingerprints, checksums, the archive read to its end. */
export function runnerBackup(scene: Scene, target: RunnerTarget, tables: readonly string[]): Command {
  return runner(
    scene,
    "backup",
    target,
    tables.flatMap((table) => ["--table", table]),
  );
}

export function runnerRestore(scene: Scene, target: RunnerTarget): Command {
  return runner(scene, "restore", target, ["latest"]);
}

function runner(
  { container }: Scene,
  verb: string,
  { database, repository }: RunnerTarget,
  more: readonly string[],
): Command {
  const where = ["--repository", path.resolve(repository), "--name", "bench"];
  return {
    file: process.execPath,
    args: [runnerMain, verb, "--container", container, "--database", database, ...where, ...more],
  };
}
