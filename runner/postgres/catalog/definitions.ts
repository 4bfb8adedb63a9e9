/** Indexes, constraints and extended statistics of tables; `pg_dump --table` leaves out the latter. */
import { oidList, sqlName } from "../session/names";
import * as z from "zod";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";

export const Definitions = z.object({
  indexes: z.array(z.string()),
  constraints: z.array(z.object({ name: z.string(), definition: z.string() })),
});
export type Definitions = z.infer<typeof Definitions>;

/**
 * An invalid index is left out, as by pg_dump, except of a partitioned table, where it may only lack a partition. NOT
 * NULL is a constraint from version 18 on, and before that a property of the column.
 */
const definitionsQuery = (oids: readonly string[]) => `
SELECT c.oid::text,
  ARRAY(SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = c.oid AND (indisvalid OR c.relkind = 'p')
        ORDER BY pg_get_indexdef(indexrelid) COLLATE "C") AS indexes,
  ARRAY(SELECT jsonb_build_object('name', conname, 'definition', pg_get_constraintdef(o.oid)) FROM pg_constraint o
        WHERE conrelid = c.oid AND contype <> 'n' ORDER BY conname COLLATE "C") AS constraints
FROM pg_class c WHERE c.oid IN (${oidList(oids)})`;

/** Indexes and constraints of each table, by its oid, as the server writes them. */
export async function findDefinitions(
  session: Session,
  oids: readonly string[],
): Promise<Map<string, Definitions>> {
  const rows = await session.rows(definitionsQuery(oids), Definitions.extend({ oid: z.string() }));
  return new Map(rows.map(({ oid, ...definitions }) => [oid, definitions]));
}

const Statistics = z.object({
  schema: z.string(),
  name: z.string(),
  definition: z.string(),
  owner: z.string(),
  comment: z.string().nullable(),
  /** Absent before version 13; null or -1: the default. */
  target: z.int().nullable(),
});

type Statistics = z.infer<typeof Statistics>;

const statisticsQuery = (oids: readonly string[]) => `
SELECT nspname AS schema, stxname AS name, pg_get_statisticsobjdef(s.oid) AS definition, pg_get_userbyid(stxowner) AS owner,
       obj_description(s.oid, 'pg_statistic_ext') AS comment, (to_jsonb(s) ->> 'stxstattarget')::int AS target
FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = stxnamespace
WHERE stxrelid = ANY ('{${oids.join(",")}}'::oid[]) ORDER BY nspname COLLATE "C", stxname COLLATE "C"`;

/** Statements that create the extended statistics of the tables. The session must write names with their schemas. */
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

/**
 * When PostgreSQL reads a definition that it wrote, it writes it with other casts the next time: `(ARRAY['a'::varchar])::text[]`
 * becomes `ARRAY[('a'::varchar)::text]`. So casts and brackets are ignored.
 */
export function withoutCasts(definition: string): string {
  return definition
    .replaceAll(
      /::("[^"]+"|character varying|double precision|bit varying|time(stamp)? with(out)? time zone|\w+)(\.("[^"]+"|\w+))?(\(\d+(,-?\d+)?\))?(\[\])*/g,
      "",
    )
    .replaceAll(/[()[\]]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
