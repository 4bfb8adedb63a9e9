/** A database that a restore replaces tables of, and what is in it. */
import { sql } from "./resources";

/** Asked for each row that comes in; where the database is slowed down, two hundred of them take 20 ms. */
const paced = `CREATE FUNCTION public.paced(g int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF g % 200 = 0 AND current_setting('test.pace', true) = 'slow' THEN PERFORM pg_sleep(0.02); END IF;
  RETURN true;
END$$;`;

/** A table that takes a while to restore where the database is slowed down, and a small one. */
export const restoredTables = (rows: number) => `${paced}
CREATE TYPE kind AS ENUM ('a'); CREATE TABLE small (x int PRIMARY KEY, k kind); INSERT INTO small VALUES (1, 'a');
CREATE TABLE large AS SELECT g, md5(g::text) || md5((-g)::text) AS noise FROM generate_series(1, ${rows}) g;
ALTER TABLE large ADD CHECK (public.paced(g));
CREATE INDEX ON large (noise);`;

/** Restores the rows so slowly that something can happen meanwhile; in sessions that begin from now on. */
export async function slowDown(container: string, database: string): Promise<void> {
  await sql(container, `ALTER DATABASE ${database} SET test.pace = 'slow'`);
}

export async function speedUp(container: string, database: string): Promise<void> {
  await sql(container, `ALTER DATABASE ${database} RESET test.pace`);
}

const content = "SELECT count(*), sum(hashtext(t::text)), (SELECT count(*) FROM small) FROM large t";
const everything =
  "SELECT string_agg(relname || oid, ' ' ORDER BY oid) FROM pg_class WHERE oid >= 16384; SELECT count(*) FROM pg_type; SELECT count(*) FROM pg_namespace";

/** Of the two tables: the number of rows, and a digest. */
export const rowsOf = (container: string, database?: string) => sql(container, content, database);

/** The rows, and in further lines whatever else the catalog has. */
export const stateOf = (container: string, database: string) =>
  sql(container, `${content}; ${everything}`, database);

/** Has tables of these names with other rows; its state. */
export async function usedDatabase(container: string, name: string): Promise<string> {
  await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
  await sql(
    container,
    `${paced} CREATE TABLE large AS SELECT 1 AS g, ''::text AS noise; CREATE TABLE small (x int, k text)`,
    name,
  );
  return stateOf(container, name);
}
