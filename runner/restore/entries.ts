/** Entries of an archive's table of contents. */
import { Failure } from "../failure";
import type { Name } from "../postgres/names";

export const idOf = (entry: string): string => entry.split(";")[0] ?? "";

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
