/**
 * The extension timescaledb keeps the rows of a table (a hypertable) in other tables (its chunks), and knows by rows of its own which
 * they are. https://docs.timescale.com/self-hosted/latest/backup-and-restore/logical-backup/
 */
import * as z from "zod";
import { Failure } from "../../lib/failure";
import { listed } from "../../lib/format";
import { doBlock } from "../session/do-block";
import { escapeLiteral } from "../session/escape";
import { oidList } from "../session/names";
import type { Session } from "../session/session";
import type { Requirements } from "../../request/contents";
import type { Relation } from "./catalog";

export const timescale = "timescaledb";

/** A backup of tables would have the rows of the chunks, but not what makes them those of a hypertable. */
export async function refuseHypertables(session: Session, tables: readonly Relation[]): Promise<void> {
  const { installed } = await session.row(
    `SELECT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass
       WHERE extname = '${timescale}' AND d.classid = 'pg_class'::regclass AND d.objid = to_regclass('_timescaledb_catalog.hypertable')) AS installed`,
    z.object({ installed: z.boolean() }),
  );
  if (!installed || tables.length === 0) return;
  const found = await session.rows(
    `SELECT format('%I.%I', nspname, relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
     WHERE c.oid IN (${oidList(tables.map(({ oid }) => oid))}) AND (nspname, relname) IN (
       SELECT schema_name, table_name FROM _timescaledb_catalog.hypertable UNION SELECT schema_name, table_name FROM _timescaledb_catalog.chunk)
     ORDER BY nspname COLLATE "C", relname COLLATE "C"`,
    z.object({ name: z.string() }),
  );
  if (found.length === 0) return;
  throw new Failure(
    "not-carried",
    `These are hypertables of ${timescale}, or chunks of one: ${listed(found.map(({ name }) => name))}. A backup of tables does not have what ` +
      `the extension knows of them, so a restore would bring back tables that it does not know. Back up the whole database, or leave them out.`,
  );
}

/** What has to be run before the archive of a whole database is restored, and after it. */
interface Around {
  readonly before: string;
  readonly after: string;
}

const call = (name: string) => doBlock(timescale, `  PERFORM public.${name}();`);

/** The rows of the extension fit no other version of it, and it lets them in only when it is told. Empty where there is none. */
export function aroundTimescale(extensions: Requirements["extensions"]): Around {
  const found = extensions.find(({ name }) => name === timescale);
  if (found === undefined) return { before: "", after: "" };
  if (found.schema !== "public")
    throw new Failure(
      "not-carried",
      `The extension ${timescale} is in the schema "${found.schema}", which an archive makes after it. It must be in the schema public.`,
    );
  const create = `CREATE EXTENSION ${timescale} WITH SCHEMA public VERSION ${escapeLiteral(found.version)};\n`;
  return { before: `${create}${call("timescaledb_pre_restore")}`, after: call("timescaledb_post_restore") };
}
