/** What the program costs where there is little to back up. */
import path from "node:path";
import { sql } from "../../test/support/resources";
import { insideAsCaller, pathInside, type Scene } from "../scene";
import type { Group } from "../way";
import { ours, runnerBackup } from "./runner";

export const bareDump = "pg_dump";

/** One table without a row. */
export function emptyGroup(scene: Scene): Promise<Group> {
  return againstDump(scene, "empty table", "CREATE TABLE empty (id int PRIMARY KEY, name text)", []);
}

/** Many tables of a hundred rows. */
export function manyGroup(scene: Scene, tables: number): Promise<Group> {
  // Each in a transaction of its own: together they would take more locks than a server has room for.
  const create = `SELECT format('CREATE TABLE small_%s AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 100) g', n)
    FROM generate_series(1, ${tables}) n \\gexec`;
  return againstDump(scene, "many small tables", create, [`--jobs=${scene.jobs}`]);
}

async function againstDump(
  scene: Scene,
  name: string,
  create: string,
  options: readonly string[],
): Promise<Group> {
  const { container, folder } = scene;
  const database = name.replaceAll(" ", "_");
  const output = path.join(folder, "output");
  await sql(container, `CREATE DATABASE ${database}`);
  await sql(container, create, database);
  await sql(container, "VACUUM ANALYZE", database);
  const archive = pathInside(scene, path.join(output, "archive"));
  const dump = ["pg_dump", "-U", "postgres", "-d", database, "--format=directory", "--compress=zstd:1"];
  return {
    name,
    ways: [
      {
        name: bareDump,
        output,
        commands: [insideAsCaller(scene, [...dump, ...options, `--file=${archive}`])],
      },
      { name: ours, output, commands: [runnerBackup(scene, { database, repository: output }, ["*"])] },
    ],
  };
}
