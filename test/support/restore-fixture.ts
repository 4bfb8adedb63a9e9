/** A server with a backup of many kinds of tables, restores of it, and what is in a database in SQL of the tests' own. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { RestoreResult } from "../../runner/request";
import { sql } from "./resources";
import { failureOf, runRunner } from "./runner";

/** Without the column of regclass: its value names a table that is not in its place yet. */
export async function fixtureTables(): Promise<string> {
  const text = await readFile(path.join(__dirname, "restore-test-tables.sql"), "utf8");
  const tables = text
    .replace(" class regclass,", "")
    // PostgreSQL writes it with other casts each time.
    .replaceAll("status IN ('new', 'old')", "status <> ''")
    .replace("span, class, price", "span, price")
    .replace(`'[1.5,2)', '"App"."Things"', i`, "'[1.5,2)', i");
  return `${tables}
COMMENT ON TABLE parcels IS E'Parcels; of all\\nCOPY public.parcels (id) FROM stdin;\\n\\\\.\\nSET default_tablespace = x;';
CREATE OR REPLACE FUNCTION lib.code() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
SET default_tablespace = '';
RETURN 'code';
END$$;
SELECT setval('parcels_id_seq', 4711);`;
}

export const fixtureSelection = ["App.*", "others", "nl.measures", "base", "heir", "parcels"];

export interface RestoreOptions {
  readonly container: string;
  readonly repository: string;
  readonly name?: string;
  readonly database?: string;
  readonly more?: readonly string[];
  readonly env?: Record<string, string>;
}

export function restoreArguments({ container, repository, name, database, more }: RestoreOptions): string[] {
  return [
    ...["restore", "--container", container, "--repository", repository, "--name", name ?? "cbm"],
    ...["--database", database ?? "postgres", ...(more ?? [])],
  ];
}

/** A restore that must succeed. */
export async function restored(options: RestoreOptions): Promise<RestoreResult> {
  const { exitCode, stdout, stderr } = await runRunner([...restoreArguments(options), "--json"], options.env);
  assert.equal(exitCode, 0, stderr + stdout);
  assert.ok(stdout.length < 4096);
  return RestoreResult.parse(JSON.parse(stdout));
}

/** A restore that must fail, and what it says. */
export async function refused(options: RestoreOptions): Promise<string> {
  return failureOf(await runRunner(restoreArguments(options), options.env));
}

/** Definitions, rows and sequences of all tables in these schemas, each object a line. */
export async function contentOf(
  container: string,
  database: string,
  schemas: readonly string[],
): Promise<string[]> {
  const list = schemas.map((schema) => `'${schema}'`).join(", ");
  const tables = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname IN (${list})
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`;
  const text = await sql(
    container,
    `SET search_path = pg_catalog;
     SELECT format('SELECT %L || md5(coalesce(string_agg(ROW(%s)::text, E''\\n'' ORDER BY ROW(%s)::text COLLATE "C"), '''')) || count(*) FROM ONLY %I.%I t',
       format('rows %I.%I ', nspname, relname), cols, cols, nspname, relname)
     FROM (SELECT n.nspname, c.relname, (SELECT string_agg(format('t.%I', attname), ', ' ORDER BY attname) FROM pg_attribute
       WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS cols FROM ${tables} AND relkind = 'r') q \\gexec
     SELECT format('SELECT %L || last_value || is_called FROM %I.%I', format('sequence %I.%I ', nspname, relname), nspname, relname)
     FROM ${tables} AND relkind = 'S' \\gexec
     SELECT 'index ' || pg_get_indexdef(c.oid) FROM ${tables} AND relkind IN ('i', 'I') AND relname <> 'spatial_ref_sys_pkey';
     SELECT 'constraint ' || c.oid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(k.oid)
       FROM ${tables.replace("WHERE", "JOIN pg_constraint k ON k.conrelid = c.oid WHERE")};
     SELECT 'owner ' || c.oid::regclass || ' ' || relkind::text || ' ' || pg_get_userbyid(relowner) || coalesce(relacl::text, '') || relrowsecurity
       || replace(coalesce(obj_description(c.oid, 'pg_class'), ''), E'\\n', ' ') FROM ${tables} AND relkind IN ('r', 'p', 'S');
     SELECT 'default ' || c.oid::regclass || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || coalesce(pg_get_expr(adbin, adrelid), '')
       || coalesce(a.attacl::text, '') FROM ${tables.replace("WHERE", "JOIN pg_attribute a ON a.attrelid = c.oid LEFT JOIN pg_attrdef d ON adrelid = c.oid AND adnum = attnum WHERE")}
       AND attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p');
     SELECT 'function ' || p.oid::regprocedure || ' ' || md5(prosrc) FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
       WHERE nspname IN (${list}) AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e');
     SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM ${tables.replace("WHERE", "JOIN pg_trigger g ON g.tgrelid = c.oid WHERE")} AND NOT tgisinternal;
     SELECT 'policy ' || c.oid::regclass || polname || pg_get_expr(polqual, polrelid) FROM ${tables.replace("WHERE", "JOIN pg_policy p ON p.polrelid = c.oid WHERE")};
     SELECT 'statistics ' || pg_get_statisticsobjdef(s.oid) FROM ${tables.replace("WHERE", "JOIN pg_statistic_ext s ON s.stxrelid = c.oid WHERE")};
     SELECT 'partition ' || inhrelid::regclass || ' of ' || inhparent::regclass || coalesce(pg_get_expr(relpartbound, c.oid), '')
       FROM ${tables.replace("WHERE", "JOIN pg_inherits ON inhrelid = c.oid WHERE")}`,
    database,
  );
  return text.split("\n").sort();
}

/** Whatever a restore makes on its way, wherever it is in the server. */
export async function remainsOf(container: string, databases: readonly string[]): Promise<string[]> {
  const found = [
    await sql(container, "SELECT datname FROM pg_database WHERE datname LIKE 'postgis_backup_%'"),
    await sql(container, "SELECT query FROM pg_stat_activity WHERE application_name LIKE 'postgis-backup%'"),
  ];
  for (const database of databases)
    found.push(
      await sql(
        container,
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'postgis_backup_%'",
        database,
      ),
    );
  return found.filter((text) => text !== "");
}
