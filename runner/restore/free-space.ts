/** Whether the disk of the target has room for the tables, next to all that is there until they are in their place. */
import { z } from "zod";
import type { RecordedTable } from "../verify";
import { spawnDocker } from "../docker/docker";
import { execArguments } from "../docker/exec";
import { Failure } from "../lib/failure";
import { formatBytes } from "../lib/progress";
import type { RestoreRun } from "./run";

/** Bytes that a row takes at the least in an index of its table: those of a B-tree whose values are all alike. */
const indexEntryBytes = 6;

/** Has entries for some of the rows, or for blocks of many. */
const sparseIndex = / USING brin | WHERE /;

/**
 * The tables as they were in the source, and their indexes as small as they can be: to refuse a restore that would fit is
 * worse than to break one off, which changes nothing.
 */
export function leastBytes(tables: readonly Pick<RecordedTable, "bytes" | "rows" | "indexes">[]): number {
  return tables.reduce((sum, { bytes, rows, indexes }) => {
    const full = indexes.filter((definition) => !sparseIndex.test(definition)).length;
    return sum + bytes + rows * full * indexEntryBytes;
  }, 0);
}

/** Where the container has df, and the role may see where the data is. */
export async function checkFreeSpace(
  { request, session, target }: RestoreRun,
  tables: readonly { readonly recorded: RecordedTable }[],
): Promise<void> {
  if (request.content === "schema") return;
  const { folder } = await session.row(
    `SELECT coalesce(nullif(pg_tablespace_location(dattablespace), ''),
            CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END) AS folder
     FROM pg_database WHERE datname = current_database()`,
    z.object({ folder: z.string().nullable() }),
  );
  if (folder === null) return;
  const probe = execArguments(target, ["df", "-P", "-k", folder], "0:0");
  const { failed, stdout } = await spawnDocker(target.docker, probe, { reject: false });
  // Device, blocks, used, available: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/df.html
  const [, , , available = ""] = stdout.trim().split("\n").at(-1)?.split(/ +/) ?? [];
  if (failed || !/^\d+$/.test(available)) return;
  const free = Number(available) * 1024;
  const needed = leastBytes(tables.map(({ recorded }) => recorded));
  if (free >= needed) return;
  throw new Failure(
    "space-insufficient",
    `The disk of the database has ${formatBytes(free)} free, and the tables take at least ${formatBytes(needed)} with their indexes. ` +
      "Free some space, or restore fewer tables with --table.",
  );
}
