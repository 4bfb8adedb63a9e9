import path from "node:path";
import { runnerMain } from "../../test/support/runner";
import type { Fixture } from "../fixture";
import type { Command } from "../contender";

/** The name of this program in the report. */
export const ours = "postgis-backup";

interface RunnerTarget {
  readonly database: string;
  /** Folder of the backups. */
  readonly repository: string;
  /** Shares what did not change with the backup before, for so long. Without: all rows are dumped each time. */
  readonly fullEvery?: string;
}

/** A backup with the default settings: counts, fingerprints, checksums, and a full read of the archive. */
export function runnerBackup(fixture: Fixture, target: RunnerTarget, tables: readonly string[]): Command {
  const { fullEvery } = target;
  const sharing = fullEvery === undefined ? [] : ["--full-every", fullEvery];
  return runner(fixture, "backup", target, [...sharing, ...tables.flatMap((table) => ["--table", table])]);
}

export function runnerRestore(fixture: Fixture, target: RunnerTarget): Command {
  return runner(fixture, "restore", target, ["latest"]);
}

function runner(
  { container }: Fixture,
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
