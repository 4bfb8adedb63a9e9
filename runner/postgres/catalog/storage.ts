/** What shows, without reading rows, that a table is still the one that an earlier backup has. */
import * as z from "zod";
import type { Session } from "../session/session";
import { oidList } from "../session/names";

export interface Storage {
  /** Identifies the files of the table and of its TOAST, among those of all servers. */
  readonly storage: string;
  /** A digest of its columns, and of what their text depends on. */
  readonly columns: string;
}

/**
 * Commands that write a table anew, such as VACUUM FULL, give it other files. Only a heap has rows in places that a ctid names. The
 * text of money depends on a setting.
 */
const storageQuery = (oids: readonly string[]) => `
SELECT c.oid::text, concat_ws('/', s.system_identifier, d.oid, pg_relation_filenode(c.oid), pg_relation_filenode(nullif(c.reltoastrelid, 0))) AS storage,
  md5((SELECT string_agg(concat_ws(' ', attnum, attname, atttypid, atttypmod, attcollation, attgenerated), ',' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) || current_setting('lc_monetary')) AS columns
FROM pg_class c JOIN pg_am a ON a.oid = c.relam AND a.amname = 'heap' CROSS JOIN pg_control_system() s
JOIN pg_database d ON d.datname = current_database()
WHERE c.oid IN (${oidList(oids)}) AND c.relkind = 'r'`;

const Row = z.object({ oid: z.string(), storage: z.string(), columns: z.string().nullable() });

/** By oid; a table that is not there cannot be told from others. */
export async function readStorage(
  session: Session,
  oids: readonly string[],
): Promise<ReadonlyMap<string, Storage>> {
  if (oids.length === 0) return new Map();
  const [may] = await session.rows(
    "SELECT has_function_privilege('pg_control_system()', 'execute') AS may",
    z.object({ may: z.boolean() }),
  );
  if (may?.may !== true) return new Map();
  const rows = await session.rows(storageQuery(oids), Row);
  return new Map(
    rows.flatMap(({ oid, storage, columns }) => (columns === null ? [] : [[oid, { storage, columns }]])),
  );
}
