/** Names in a database without an encoding can be bytes that are no text, which no command line can name. */
import { oidList } from "../session/names";
import { z } from "zod";
import { Failure } from "../../lib/failure";
import type { Relation } from "./catalog";
import { clientEncoding } from "../session/encoding";
import type { ServerInfo } from "../session/server-info";
import type { Session } from "../session/session";

/** What a decoder writes for bytes that are not UTF-8. */
const replacement = "\uFFFD";

/** Fails with the tables that have such a name, or a column of one. */
export async function checkReadableNames(
  session: Session,
  { encoding }: Pick<ServerInfo, "encoding">,
  tables: readonly Relation[],
): Promise<void> {
  if (clientEncoding(encoding) === "UTF8" || tables.length === 0) return;
  const found = await session.rows(
    `SELECT c.oid::text, a.attname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN LATERAL (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
       UNION ALL VALUES (c.relname), (n.nspname)) a
     WHERE c.oid IN (${oidList(tables.map(({ oid }) => oid))})`,
    z.object({ oid: z.string(), name: z.string() }),
  );
  const unreadable = new Set(found.filter(({ name }) => name.includes(replacement)).map(({ oid }) => oid));
  if (unreadable.size === 0) return;
  const names = tables.filter(({ oid }) => unreadable.has(oid)).map(({ sqlName }) => sqlName);
  throw new Failure(
    "table-name-invalid",
    `The database has the encoding ${encoding}, and names of ${names.join(", ")}, or of columns there, are not valid UTF-8. ` +
      "Rename them, or exclude these tables.",
  );
}
