/** A database with one of nearly each kind of object, and all of it as stock tools show it. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { docker } from "./container";
import { sql } from "./resources";

const settings = [
  "ALTER DATABASE gis SET work_mem = '9MB'",
  "ALTER DATABASE gis SET search_path = app, public",
  "ALTER ROLE editor IN DATABASE gis SET statement_timeout = '7s'",
  "COMMENT ON DATABASE gis IS '100% it''s'",
  "REVOKE ALL ON DATABASE gis FROM PUBLIC",
  "GRANT CONNECT ON DATABASE gis TO reader",
  "ALTER DATABASE gis OWNER TO owner_of_all",
];

export async function makeDatabase(container: string): Promise<void> {
  await sql(container, "CREATE DATABASE gis TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
  await sql(container, await readFile(path.join(__dirname, "whole-database.sql"), "utf8"), "gis");
  for (const statement of settings) await sql(container, statement);
}

/** All of a database as stock pg_dump writes it, but for casts, which PostgreSQL writes in another way each time. */
export async function dumpOf(container: string, database: string): Promise<string[]> {
  const { output } = await docker(
    "exec",
    container,
    "pg_dump",
    "--username=postgres",
    "--large-objects",
    database,
  );
  return output.split("\n").filter((line) => !/^\\(un)?restrict |ARRAY\[/.test(line));
}

/** But for what a restore by a stack remembers. */
export const settingsOf = (container: string, database: string) =>
  sql(
    container,
    `SELECT pg_get_userbyid(datdba), datacl, shobj_description(d.oid, 'pg_database'), pg_encoding_to_char(encoding), datcollate, datctype,
       (SELECT array_agg(format('%s %s', setrole::regrole, array(SELECT s FROM unnest(setconfig) s WHERE s NOT LIKE 'postgis\\_backup.%' ORDER BY 1)) ORDER BY setrole) FROM pg_db_role_setting WHERE setdatabase = d.oid)
     FROM pg_database d WHERE datname = '${database}'`,
  );
