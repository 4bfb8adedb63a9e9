/** The contenders for a restore of the sample tables and their indexes into a database with PostGIS and no tables. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { escapeIdentifier } from "pg";
import { runCommands } from "../run-commands";
import {
  createDatabase,
  database,
  dropDatabase,
  insideAsCaller,
  pathInside,
  sampleTables,
  type Fixture,
} from "../fixture";
import type { Command, Group, Contender } from "../contender";
import { ours, runnerBackup, runnerRestore } from "./runner";

export const plainScript = "psql -f";

const target = "restored";

/** Creates once the archives that all contenders restore. */
export async function restoreGroup(fixture: Fixture): Promise<Group> {
  const directory = path.join(fixture.folder, "archives");
  await mkdir(directory, { recursive: true });
  const script = pathInside(fixture, path.join(directory, "plain.sql"));
  const archive = pathInside(fixture, path.join(directory, "archive"));
  const tables = sampleTables.map((table) => `--table=public.${escapeIdentifier(table)}`);
  const dump = ["pg_dump", "-U", "postgres", "-d", database, ...tables];
  const preparations = [
    insideAsCaller(fixture, [...dump, `--file=${script}`]),
    insideAsCaller(fixture, [...dump, "--format=directory", "--compress=zstd:1", `--file=${archive}`]),
    runnerBackup(fixture, { database, repository: directory }, sampleTables),
  ];
  await runCommands(preparations, fixture.signal);

  const connection = ["-U", "postgres", "-d", target];
  const psql = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"];
  const restore = ["pg_restore", ...connection, "--exit-on-error"];
  const contender = (name: string, command: Command): Contender => ({
    name,
    commands: [command],
    prepare: () => createDatabase(fixture, target),
    clean: () => dropDatabase(fixture, target),
  });
  return {
    name: "restore",
    contenders: [
      contender(plainScript, insideAsCaller(fixture, [...psql, ...connection, "--file", script])),
      contender("pg_restore", insideAsCaller(fixture, [...restore, archive])),
      contender(
        `pg_restore -j${fixture.jobs}`,
        insideAsCaller(fixture, [...restore, `--jobs=${fixture.jobs}`, archive]),
      ),
      contender(`${ours} restore`, runnerRestore(fixture, { database: target, repository: directory })),
    ],
  };
}
