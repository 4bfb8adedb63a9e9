/** Entries of tables' rows. */
import { Failure } from "../lib/failure";
import { holdsRows, type ListedEntry, listedFinder } from "../postgres/archive/toc";
import type { Name } from "../postgres/session/names";

interface OwnedTable extends Name {
  readonly owner: string;
}

/** The entries of some tables' rows, in the order of the archive; none of a script, which has no entries. */
export function rowsEntries(entries: readonly ListedEntry[], tables: readonly OwnedTable[]): ListedEntry[] {
  if (entries.length === 0) return [];
  const wanted = new Set(tables.map(rowsFinder(entries)));
  return entries.filter((entry) => wanted.has(entry));
}

/** Finds the entry of a table's rows. */
export function rowsFinder(entries: readonly ListedEntry[]): (table: OwnedTable) => ListedEntry {
  const find = listedFinder(entries.filter(holdsRows));
  return (table) => {
    const [only, ...others] = find("TABLE DATA", table);
    if (only !== undefined && others.length === 0) return only;
    const count = only === undefined ? 0 : others.length + 1;
    throw new Failure(
      "restore-failed",
      `The archive has ${count} entries for the rows of ${table.schema}.${table.name}, and there must be one.`,
    );
  };
}
