/** Where else in a server something is that was not found: people forget to name the database. */
import pMap from "p-map";
import * as z from "zod";
import type { ExecTarget } from "../../docker/exec";
import { Failure, Failures } from "../../lib/failure";
import { listed } from "../../lib/format";
import { databaseNames } from "../session/connect";
import { inDatabase } from "../session/server";
import { inSession, type Session } from "../session/session";
import { firstUserOid } from "./catalog";
import { matches, TableNotFound } from "./selection";

/** Databases that are looked into, at once and in all, and the time for all of them. */
const [atOnce, most, milliseconds] = [4, 20, 5000];

const Table = z.object({ schema: z.string(), name: z.string(), sqlName: z.string(), visible: z.boolean() });

const tablesQuery = `
SELECT n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS "sqlName", pg_table_is_visible(c.oid) AS visible
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND c.oid >= ${firstUserOid}`;

/** Adds to the failures about missing tables which other databases there are, and which of them have the table. */
export async function lookElsewhere(
  error: unknown,
  session: Session,
  target: ExecTarget,
  signal: AbortSignal,
): Promise<unknown> {
  const failures = error instanceof Failures ? error.found : [error];
  if (!failures.some((failure) => failure instanceof TableNotFound)) return error;
  const databases = (await databaseNames(session).catch(() => [])).filter(
    (name) => name !== target.env["PGDATABASE"],
  );
  const soon = AbortSignal.any([signal, AbortSignal.timeout(milliseconds)]);
  const tables = new Map<string, z.infer<typeof Table>[]>();
  const look = async (database: string) => {
    const find = (other: Session) => other.rows(tablesQuery, Table);
    // Another database may refuse this role.
    const found = await inSession(inDatabase(target, database), soon, find).catch(() => []);
    tables.set(database, found);
  };
  await pMap(databases.slice(0, most), look, { concurrency: atOnce });
  signal.throwIfAborted();
  const explained = failures.map((failure) => {
    if (!(failure instanceof TableNotFound)) return failure;
    const there = databases.flatMap((database) => {
      const [found] = (tables.get(database) ?? []).filter((table) => matches(failure.pattern, table));
      return found === undefined ? [] : [`${database} has ${found.sqlName}`];
    });
    return new Failure(failure.code, `${failure.message} ${inWords(databases, there)}`);
  });
  return new Failures(explained.filter((failure) => failure instanceof Failure));
}

function inWords(databases: readonly string[], there: readonly string[]): string {
  if (there.length > 0) return `Database ${there.join(", database ")}: name that database.`;
  if (databases.length === 0) return "The server has no other database.";
  return `The server's other databases are ${listed(databases)}.`;
}
