/** Entries of an archive's table of contents. */
import { Failure } from "../failure";
import type { Name } from "../postgres/names";

export const idOf = (entry: string): string => entry.split(";")[0] ?? "";

export const holdsRows = (entry: string): boolean => /^\d+; \d+ \d+ TABLE DATA /.test(entry);

interface OwnedTable {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
}

/** The entries of some tables' rows, in the order of the archive; none of a script, which has no entries. */
export function rowsEntries(entries: readonly string[], tables: readonly OwnedTable[]): string[] {
  if (entries.length === 0) return [];
  const wanted = new Set(tables.map((table) => rowsEntry(entries, table, table.owner)));
  return entries.filter((entry) => wanted.has(entry));
}

/** The entry of a table's rows. Tables of contents have names without quotes, each in one line. */
export function rowsEntry(entries: readonly string[], { schema, name }: Name, owner: string): string {
  const text = ["TABLE DATA", schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ");
  const found = entries.filter((line) => line.replace(/^\d+; \d+ \d+ /, "") === text);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  throw new Failure(
    "restore-failed",
    `The archive has ${found.length} entries for the rows of ${schema}.${name}, and there must be one.`,
  );
}
