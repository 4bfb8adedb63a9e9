import { z } from "zod";
import { Failure, Failures } from "../failure";
import { isExact, matches, parseTablePattern } from "./selection";
import type { Session } from "./session";

const Relation = z.object({
  oid: z.string(),
  schema: z.string(),
  name: z.string(),
  /** `schema.table`, quoted by the server where SQL needs it. */
  sqlName: z.string(),
  kind: z.enum(["r", "p", "v", "m", "f"]),
  visible: z.boolean(),
  /** Oids of the partitioned tables that this one is part of, all levels. */
  partOf: z.array(z.string()),
  bytes: z.int(),
  owner: z.string(),
  /** The extension that made this relation, and makes it again where the extension is created. */
  extension: z.string().nullable(),
});
export type Relation = z.infer<typeof Relation>;

const relationsQuery = `
WITH RECURSIVE ancestor AS (
  SELECT inhrelid AS oid, inhparent AS parent FROM pg_inherits JOIN pg_class p ON p.oid = inhparent AND p.relkind = 'p'
  UNION
  SELECT a.oid, i.inhparent FROM ancestor a JOIN pg_inherits i ON i.inhrelid = a.parent
)
SELECT c.oid::text, n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS "sqlName",
       c.relkind AS kind, pg_table_is_visible(c.oid) AS visible,
       ARRAY(SELECT parent::text FROM ancestor a WHERE a.oid = c.oid) AS "partOf",
       CASE WHEN c.relkind IN ('r', 'm') THEN pg_table_size(c.oid) ELSE 0 END AS bytes,
       pg_get_userbyid(c.relowner) AS owner,
       (SELECT extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS extension
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%'
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const kindNames = { v: "a view", m: "a materialized view", f: "a foreign table" } as const;

/**
 * The tables that the patterns select, partitions with their parents. Resolved in the catalog, because
 * `pg_dump --table` folds letters to lower case and takes a pattern that matches nothing for granted.
 */
export async function resolveTables(
  session: Session,
  request: { readonly tables: readonly string[]; readonly excludeTables: readonly string[] },
): Promise<Relation[]> {
  return selectTables(await session.rows(relationsQuery, Relation), request);
}

export function selectTables(
  relations: readonly Relation[],
  request: { readonly tables: readonly string[]; readonly excludeTables: readonly string[] },
): Relation[] {
  const problems: Failure[] = [];
  const chosen = new Set<string>();
  for (const text of request.tables) {
    const pattern = parseTablePattern(text);
    const found = relations.filter((relation) => matches(pattern, relation));
    const tables = found.filter(holdsUserRows);
    tables.forEach(({ oid }) => chosen.add(oid));
    if (tables.length === 0) problems.push(noTable(text, isExact(pattern) ? found[0] : undefined, relations));
  }
  Failures.throwIfAny(problems);
  const excludePatterns = request.excludeTables.map(parseTablePattern);
  const excluded = new Set(
    relations
      .filter((relation) => excludePatterns.some((pattern) => matches(pattern, relation)))
      .map(({ oid }) => oid),
  );
  /** The table itself, or one that it is a partition of. */
  const among = (set: ReadonlySet<string>, { oid, partOf }: Relation) =>
    set.has(oid) || partOf.some((parent) => set.has(parent));
  const selected = relations.filter(
    (relation) => holdsUserRows(relation) && among(chosen, relation) && !among(excluded, relation),
  );
  if (selected.length > 0) return selected;
  throw new Failure(
    "nothing-selected",
    "Every table that was asked for is also excluded; nothing is left to back up.",
  );
}

function holdsUserRows({ kind, extension }: Relation): boolean {
  return (kind === "r" || kind === "p") && extension === null;
}

function noTable(text: string, other: Relation | undefined, relations: readonly Relation[]): Failure {
  if (other !== undefined && other.kind !== "r" && other.kind !== "p") {
    return new Failure(
      "not-a-table",
      `"${text}" is ${kindNames[other.kind]}, not a table; only tables hold rows of their own to back up.`,
    );
  }
  if (other?.extension != null) {
    return new Failure(
      "not-a-table",
      `"${text}" belongs to the extension ${other.extension}, which creates it anew; pg_dump leaves it out.`,
    );
  }
  const bare = (name: string) => name.toLowerCase().replaceAll('"', "");
  const near = relations
    .filter(({ schema, name }) => bare(name) === bare(text) || bare(`${schema}.${name}`) === bare(text))
    .map(({ sqlName }) => sqlName);
  const hint =
    near.length > 0
      ? ` Did you mean ${near.join(" or ")}?`
      : " Names are case-sensitive; a table outside the search path needs its schema in front: schema.table.";
  return new Failure("table-not-found", `No table matches "${text}" in this database.${hint}`);
}
