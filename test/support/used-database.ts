/** A database that a restore replaces tables of, and what is in it. */
import { sql } from "./resources";

/** A table that takes a while to restore, and a small one. */
export const restoredTables = (rows: number) => `
CREATE TYPE kind AS ENUM ('a'); CREATE TABLE small (x int PRIMARY KEY, k kind); INSERT INTO small VALUES (1, 'a');
CREATE TABLE large AS SELECT g, md5(g::text) || md5((-g)::text) AS noise FROM generate_series(1, ${rows}) g;
CREATE INDEX ON large (noise);`;

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
    "CREATE TABLE large AS SELECT 1 AS g, ''::text AS noise; CREATE TABLE small (x int, k text)",
    name,
  );
  return stateOf(container, name);
}
