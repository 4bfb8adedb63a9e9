/** Extended statistics, which `pg_dump --table` leaves out. */
import { z } from "zod";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import { sqlName } from "../session/names";
import type { Session } from "../session/session";

const Statistics = z.object({
  schema: z.string(),
  name: z.string(),
  definition: z.string(),
  owner: z.string(),
  comment: z.string().nullable(),
  /** Absent before version 13; null or -1: the default. */
  target: z.int().nullable(),
});
export type Statistics = z.infer<typeof Statistics>;

const statisticsQuery = (oids: readonly string[]) => `
SELECT nspname AS schema, stxname AS name, pg_get_statisticsobjdef(s.oid) AS definition, pg_get_userbyid(stxowner) AS owner,
       obj_description(s.oid, 'pg_statistic_ext') AS comment, (to_jsonb(s) ->> 'stxstattarget')::int AS target
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace
WHERE stxrelid = ANY ('{${oids.join(",")}}'::oid[]) ORDER BY nspname COLLATE "C", stxname COLLATE "C"`;

/** Statements that create the extended statistics of the tables. The session writes names with their schemas. */
export async function statisticsStatements(session: Session, oids: readonly string[]): Promise<string[]> {
  return (await session.rows(statisticsQuery(oids), Statistics)).flatMap(statements);
}

export function statements({ schema, name, definition, owner, comment, target }: Statistics): string[] {
  const object = sqlName({ schema, name });
  return [
    `${definition};`,
    `ALTER STATISTICS ${object} OWNER TO ${escapeIdentifier(owner)};`,
    ...(target === null || target < 0 ? [] : [`ALTER STATISTICS ${object} SET STATISTICS ${target};`]),
    ...(comment === null ? [] : [`COMMENT ON STATISTICS ${object} IS ${escapeLiteral(comment)};`]),
  ];
}
