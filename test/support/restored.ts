import { execa } from "execa";
import { sql } from "./resources";

/** Restores an archive that stands on this machine into a new database, with the stock pg_restore of the container. */
export async function restoreCustom(container: string, archive: string, database: string): Promise<void> {
  await newDatabase(container, database);
  await execa("docker", ["exec", "--interactive", container, ...pgRestore(database)], { inputFile: archive });
}

/** The same of an archive that is a folder of this machine. */
export async function restoreFolder(container: string, archive: string, database: string): Promise<void> {
  const copy = `/tmp/${database}`;
  await execa("docker", ["exec", container, "rm", "-rf", copy]);
  await execa("docker", ["cp", archive, `${container}:${copy}`]);
  await restoreDirectory(container, copy, database);
}

/** Restores an archive that the container sees. */
export async function restoreDirectory(container: string, archive: string, database: string): Promise<void> {
  await newDatabase(container, database);
  await execa("docker", ["exec", container, ...pgRestore(database), "--jobs", "2", archive]);
}

/** Rows and an order-free digest of their text. */
export function contentOf(container: string, table: string, database = "postgres"): Promise<string> {
  return sql(container, `SELECT count(*), sum(hashtextextended(t::text, 0)) FROM ${table} t`, database);
}

function pgRestore(database: string): string[] {
  return ["pg_restore", "-h", "127.0.0.1", "-U", "postgres", "-d", database, "--exit-on-error"];
}

async function newDatabase(container: string, database: string): Promise<void> {
  await sql(container, `DROP DATABASE IF EXISTS ${database} (FORCE)`);
  await sql(container, `CREATE DATABASE ${database} TEMPLATE template0`);
  await sql(container, "CREATE EXTENSION postgis", database);
}
