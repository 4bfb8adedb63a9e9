/** Nightly backups of ten yearly tables, of which at most one changed since the night before. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { execa } from "execa";
import { escapeIdentifier } from "pg";
import { sql } from "../../test/support/resources";
import type { Contender, Group } from "../contender";
import {
  createDatabase,
  database as sampleDatabase,
  type Fixture,
  insideAsCaller,
  pathInside,
} from "../fixture";
import { runCommands } from "../run-commands";
import { parallelDump } from "./backup";
import { largeTable } from "./parts";
import { ours, runnerBackup } from "./runner";

const database = "nightly";

const years = Array.from({ length: 10 }, (_, index) => 2011 + index);
export const nightlyTables = years.map((year) => `roi${year}_S2_signatures`);
const [grown, updated, alone] = ["roi2020_S2_signatures", "roi2019_S2_signatures", "roi2018_S2_signatures"];

/** What happened since the backup before. */
export const nightlyContenders = {
  unchanged: `${ours}, nothing changed`,
  grown: `${ours}, one table grew by 1%`,
  updated: `${ours}, 1% of one table updated`,
} as const;

/** Of one table of so many rows. */
export const changedRows = (rows: number): number => Math.max(1, Math.round(rows / 100));

/** Creates the tables, each with so many of the sample's signature rows, as those of another year. Returns the bytes of one, without indexes. */
export async function createNightlyTables(fixture: Fixture, rows: number): Promise<number> {
  const { container, signal } = fixture;
  await createDatabase(fixture, database);
  for (const [index, table] of nightlyTables.entries()) {
    signal.throwIfAborted();
    const name = escapeIdentifier(table);
    if (index === 0) await copySample(fixture, name, rows);
    else {
      const first = escapeIdentifier(nightlyTables[0] ?? "");
      await sql(container, `CREATE TABLE ${name} (LIKE ${first})`, database);
      await sql(container, `INSERT INTO ${name} ${rowsOfOtherScenes(first, 100_000 * index)}`, database);
    }
    await sql(container, `VACUUM (FREEZE, ANALYZE) ${name}`, database);
  }
  return Number(await sql(container, `SELECT pg_table_size('${escapeIdentifier(alone)}')`, database));
}

async function copySample(fixture: Fixture, name: string, rows: number): Promise<void> {
  const sample = escapeIdentifier(largeTable);
  const definition = ["pg_dump", "-U", "postgres", "-d", sampleDatabase, "--section=pre-data"];
  const { container } = fixture;
  const { stdout } = await execa("docker", ["exec", container, ...definition, `--table=public.${sample}`]);
  await sql(container, stdout, database);
  if (name !== sample) await sql(container, `ALTER TABLE public.${sample} RENAME TO ${name}`, database);
  const script = `psql -X -q -U postgres -d "$0" -c "$1" | psql -X -q -U postgres -d "$2" -v ON_ERROR_STOP=1 -c "$3"`;
  const copy = `COPY (SELECT * FROM ${sample} LIMIT ${rows}) TO STDOUT (FORMAT binary)`;
  const paste = `COPY ${name} FROM STDIN (FORMAT binary)`;
  await execa("docker", ["exec", container, "sh", "-c", script, sampleDatabase, copy, database, paste]);
}

const rowsOfOtherScenes = (table: string, later: number) =>
  `SELECT pid, obsid + ${later}, band, count, mean, std, min, max, p25, p50, p75 FROM ${table}`;

/** Appends rows of new scenes, as an extraction does. */
export async function grow({ container }: Fixture, rows: number): Promise<void> {
  const table = escapeIdentifier(grown);
  const more = `${rowsOfOtherScenes(table, 10_000_000)} LIMIT ${changedRows(rows)}`;
  await sql(container, `INSERT INTO ${table} ${more}`, database);
}

/** Updates rows all over the table, chosen at random. */
export async function updateAtRandom({ container }: Fixture, rows: number): Promise<void> {
  const table = escapeIdentifier(updated);
  const chosen = `SELECT ctid FROM ${table} ORDER BY random() LIMIT ${changedRows(rows)}`;
  await sql(
    container,
    `UPDATE ${table} SET count = count + 1 WHERE ctid = ANY (ARRAY (${chosen}))`,
    database,
  );
}

/** Each backup of the group shares with the one that was measured before it. */
export async function tenTablesGroup(fixture: Fixture, rows: number): Promise<Group> {
  const { backup } = await series(fixture, "ten-tables", nightlyTables);
  return {
    name: "ten tables",
    contenders: [
      bareDump(fixture, nightlyTables),
      backup(nightlyContenders.unchanged),
      { ...backup(nightlyContenders.grown), prepare: () => grow(fixture, rows) },
      {
        ...backup(nightlyContenders.updated),
        prepare: () => updateAtRandom(fixture, rows),
      },
    ],
  };
}

export async function oneTableGroup(fixture: Fixture): Promise<Group> {
  const { backup } = await series(fixture, "one-table", [alone]);
  return {
    name: "one of ten tables",
    contenders: [bareDump(fixture, [alone]), backup(nightlyContenders.unchanged)],
  };
}

/** A repository with the first backup, in which all rows are dumped. */
async function series(fixture: Fixture, name: string, tables: readonly string[]) {
  const repository = path.join(fixture.folder, name);
  await mkdir(repository, { recursive: true });
  const command = runnerBackup(fixture, { database, repository, fullEvery: "7d" }, tables);
  await runCommands([command], fixture.signal);
  const backup = (contender: string): Contender => ({ name: contender, repository, commands: [command] });
  return { backup };
}

/** A dump without any checks, as in the case `backup`. */
export function bareDump(fixture: Fixture, tables: readonly string[]): Contender {
  const { jobs, folder } = fixture;
  const output = path.join(folder, "output");
  const options = ["--format=directory", "--compress=zstd:1", `--jobs=${jobs}`];
  const file = `--file=${pathInside(fixture, path.join(output, "archive"))}`;
  const selected = tables.map((table) => `--table=public.${escapeIdentifier(table)}`);
  return {
    name: parallelDump(jobs),
    output,
    commands: [
      insideAsCaller(fixture, ["pg_dump", "-U", "postgres", "-d", database, ...options, file, ...selected]),
    ],
  };
}
