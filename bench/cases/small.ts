/** The overhead of this program, seen where there is little to back up. */
import path from "node:path";
import { sql } from "../../test/support/resources";
import { insideAsCaller, pathInside, type Fixture } from "../fixture";
import type { Group } from "../contender";
import { ours, runnerBackup } from "./runner";

export const bareDump = "pg_dump";

/** One empty table. */
export function emptyGroup(fixture: Fixture): Promise<Group> {
  return againstDump(fixture, "empty table", "CREATE TABLE empty (id int PRIMARY KEY, name text)", []);
}

/** Many tables of a hundred rows. */
export function manyGroup(fixture: Fixture, tables: number): Promise<Group> {
  // Each table gets its own transaction, because one transaction would need more locks than the server allows.
  const create = `SELECT format('CREATE TABLE small_%s AS SELECT g AS id, md5(g::text) AS name FROM generate_series(1, 100) g', n)
    FROM generate_series(1, ${tables}) n \\gexec`;
  return againstDump(fixture, "many small tables", create, [`--jobs=${fixture.jobs}`]);
}

async function againstDump(
  fixture: Fixture,
  name: string,
  create: string,
  options: readonly string[],
): Promise<Group> {
  const { container, folder } = fixture;
  const database = name.replaceAll(" ", "_");
  const output = path.join(folder, "output");
  await sql(container, `CREATE DATABASE ${database}`);
  await sql(container, create, database);
  await sql(container, "VACUUM ANALYZE", database);
  const archive = pathInside(fixture, path.join(output, "archive"));
  const dump = ["pg_dump", "-U", "postgres", "-d", database, "--format=directory", "--compress=zstd:1"];
  return {
    name,
    contenders: [
      {
        name: bareDump,
        output,
        commands: [insideAsCaller(fixture, [...dump, ...options, `--file=${archive}`])],
      },
      { name: ours, output, commands: [runnerBackup(fixture, { database, repository: output }, ["*"])] },
    ],
  };
}
