/** Ways to bring the sample tables back, with their indexes, into a database that has the extension and no tables. */
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
  type Scene,
} from "../scene";
import type { Command, Group, Way } from "../way";
import { ours, runnerBackup, runnerRestore } from "./runner";

export const plainScript = "psql -f";

const target = "restored";

/** Takes the archives that are restored, once. */
export async function restoreGroup(scene: Scene): Promise<Group> {
  const repository = path.join(scene.folder, "archives");
  await mkdir(repository, { recursive: true });
  const script = pathInside(scene, path.join(repository, "plain.sql"));
  const archive = pathInside(scene, path.join(repository, "archive"));
  const tables = sampleTables.map((table) => `--table=public.${escapeIdentifier(table)}`);
  const dump = ["pg_dump", "-U", "postgres", "-d", database, ...tables];
  const preparations = [
    insideAsCaller(scene, [...dump, `--file=${script}`]),
    insideAsCaller(scene, [...dump, "--format=directory", "--compress=zstd:1", `--file=${archive}`]),
    runnerBackup(scene, { database, repository }, sampleTables),
  ];
  await runCommands(preparations, scene.signal);

  const connection = ["-U", "postgres", "-d", target];
  const psql = ["psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output=/dev/null"];
  const restore = ["pg_restore", ...connection, "--exit-on-error"];
  const way = (name: string, command: Command): Way => ({
    name,
    commands: [command],
    prepare: () => createDatabase(scene, target),
    clean: () => dropDatabase(scene, target),
  });
  return {
    name: "restore",
    ways: [
      way(plainScript, insideAsCaller(scene, [...psql, ...connection, "--file", script])),
      way("pg_restore", insideAsCaller(scene, [...restore, archive])),
      way(`pg_restore -j${scene.jobs}`, insideAsCaller(scene, [...restore, `--jobs=${scene.jobs}`, archive])),
      way(`${ours} restore`, runnerRestore(scene, { database: target, repository })),
    ],
  };
}
