/**
 * Which server has the data. Until the new one has this record, the old one does; from then on the new one. It is a setting of
 * the new database, so that it is on the data's own volume whatever becomes of the container, the stack and this machine.
 */
import { escapeIdentifier, escapeLiteral } from "../postgres/escape";
import { z } from "zod";
import { MigrateResult } from "../request";
import { inDatabase, type NewServer, newDatabase } from "./sides";

const setting = "postgis_backup.migrated_from";

const MigrationRecord = z.object({
  /** Id of the old container. */
  from: z.string(),
  /** Volumes of the old container's data. */
  volumes: z.array(z.string()),
  result: MigrateResult,
});
export type MigrationRecord = z.infer<typeof MigrationRecord>;

export async function readRecord(
  server: NewServer,
  signal: AbortSignal,
): Promise<MigrationRecord | undefined> {
  return inDatabase(newDatabase(server, signal), signal, async (session) => {
    const [found] = await session.rows(
      `SELECT substr(value, ${setting.length + 2}) AS record FROM pg_db_role_setting s
       JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS value
       WHERE d.datname = current_database() AND s.setrole = 0 AND value LIKE ${escapeLiteral(`${setting}=%`)}`,
      z.object({ record: z.string() }),
    );
    return found && MigrationRecord.parse(JSON.parse(found.record));
  });
}

export function writeRecord(server: NewServer, record: MigrationRecord, signal: AbortSignal): Promise<void> {
  return alter(server, `SET ${setting} = ${escapeLiteral(JSON.stringify(record))}`, signal);
}

export function removeRecord(server: NewServer, signal: AbortSignal): Promise<void> {
  return alter(server, `RESET ${setting}`, signal);
}

/** What somebody would type to take the record away. */
export function removalInWords({ request }: NewServer): string {
  return `ALTER DATABASE ${escapeIdentifier(request.toDatabase)} RESET ${setting}`;
}

function alter(server: NewServer, change: string, signal: AbortSignal): Promise<void> {
  return inDatabase(newDatabase(server, signal), signal, (session) =>
    session.run(`ALTER DATABASE ${escapeIdentifier(server.request.toDatabase)} ${change}`),
  );
}
