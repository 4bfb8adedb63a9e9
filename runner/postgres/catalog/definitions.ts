import { oidList } from "../session/names";
import { z } from "zod";
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
