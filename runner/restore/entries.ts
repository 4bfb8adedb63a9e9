/** Entries of an archive's table of contents, as pg_restore lists them. */
import { Failure } from "../lib/failure";
import type { Name } from "../postgres/session/names";

export const idOf = (entry: string): string => entry.split(";")[0] ?? "";

export const holdsRows = (entry: string): boolean => /^\d+; \d+ \d+ TABLE DATA /.test(entry);

interface OwnedTable extends Name {
  readonly owner: string;
}

/** The entries of some tables' rows, in the order of the archive; none of a script, which has no entries. */
export function rowsEntries(entries: readonly string[], tables: readonly OwnedTable[]): string[] {
  if (entries.length === 0) return [];
  const find = rowsFinder(entries);
  const wanted = new Set(tables.map(find));
  return entries.filter((entry) => wanted.has(entry));
}

/** Finds the entry of a table's rows. Tables of contents have names without quotes, each in one line. */
export function rowsFinder(entries: readonly string[]): (table: OwnedTable) => string {
  const byName = new Map<string, string[]>();
  for (const entry of entries.filter(holdsRows)) {
    const name = entry.replace(/^\d+; \d+ \d+ /, "");
    const others = byName.get(name);
    if (others === undefined) byName.set(name, [entry]);
    else others.push(entry);
  }
  return ({ schema, name, owner }) => {
    const text = ["TABLE DATA", schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ");
    const found = byName.get(text) ?? [];
    if (found.length === 1 && found[0] !== undefined) return found[0];
    throw new Failure(
      "restore-failed",
      `The archive has ${found.length} entries for the rows of ${schema}.${name}, and there must be one.`,
    );
  };
}
