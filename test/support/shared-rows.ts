/** Backups that may share rows with earlier ones, of databases in one server, and what stock tools restore from them. */
import assert from "node:assert/strict";
import path from "node:path";
import type { Manifest } from "../../runner/repository/manifest";
import { takeBackup } from "./backup";
import { docker, startServer } from "./container";
import { removeContainer, removeFolder, sql, temporaryFolder, uniqueName } from "./resources";

/** Types that tables of a test may have. */
export const types = "CREATE TYPE grade AS ENUM ('good', 'bad'); CREATE TYPE label AS ENUM ('before');";
const typesInTheEnd = "CREATE TYPE grade AS ENUM ('good', 'bad'); CREATE TYPE label AS ENUM ('after')";

export const tableOf = ({ tables }: Manifest, name: string) => {
  const found = tables.find((table) => table.name === name);
  assert.ok(found !== undefined, name);
  return found;
};

export async function startSharingServer() {
  const folder = await temporaryFolder();
  const container = await startServer({ mount: folder });

  /** In SQL of the test's own. */
  const rowsOf = (database: string) =>
    sql(
      container,
      `SELECT format('SELECT %L || count(*) || md5(string_agg(t::text, E''\\n'' ORDER BY t::text COLLATE "C")) FROM ONLY %s t', c.oid::regclass, c.oid::regclass)
       FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'spatial_ref_sys' ORDER BY relname \\gexec`,
      database,
    );

  /** A database with these tables, and backups of it under a name of their own. */
  const database = async (statements: string, tables: readonly string[]) => {
    const name = uniqueName().replaceAll("-", "_");
    await sql(container, `CREATE DATABASE ${name} TEMPLATE template0`);
    await sql(container, statements, name);
    const take = (...more: readonly string[]) =>
      takeBackup({
        ...{ container, repository: folder, name, tables },
        more: ["--database", name, "--full-every", "7d", ...more],
      });
    const at = (id: string, ...file: string[]) => path.join(folder, name, id, ...file);
    return { name, take, at, run: (statement: string) => sql(container, statement, name) };
  };

  /** The stock tool restores a backup into a database of its own. */
  const restored = async (archive: string): Promise<string> => {
    const target = uniqueName().replaceAll("-", "_");
    await sql(container, `CREATE DATABASE ${target} TEMPLATE template0`);
    await sql(container, typesInTheEnd, target);
    const mounted = path.join("/backups", path.relative(folder, archive));
    const restore = ["pg_restore", "-U", "postgres", "-d", target, mounted];
    const { code, output } = await docker("exec", container, ...restore);
    assert.equal(code, 0, output);
    const rows = await rowsOf(target);
    await sql(container, `DROP DATABASE ${target}`);
    return rows;
  };

  const stop = async () => {
    await removeContainer(container);
    await removeFolder(folder);
  };
  return { container, folder, rowsOf, database, restored, stop };
}

export type SharingServer = Awaited<ReturnType<typeof startSharingServer>>;
