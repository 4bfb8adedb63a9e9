/** Foreign keys that no constraint declares, such as `roi2020_S2_signatures.pid -> parcel_set.ogc_fid`. */
import { oidList } from "../session/names";
import * as z from "zod";
import { Attempts, Failure } from "../../lib/failure";
import { escapeIdentifier } from "../session/escape";
import type { Session } from "../session/session";
import type { RowQuery, RowReader } from "../session/snapshot-reader";
import type { Relation } from "./catalog";
import { isExact, matches, parseTablePattern, type TablePattern } from "./selection";
import { setting } from "../../lib/setting";

interface End {
  readonly table: TablePattern;
  readonly column: string;
}

/** Between two tables of the selection. */
export interface LogicalForeignKey {
  /** As the user wrote it. */
  readonly text: string;
  readonly child: Relation;
  readonly childColumn: string;
  readonly parent: Relation;
  readonly parentColumn: string;
}

/** The text before and after the first arrow that is not in double quotes. */
const arrow = /^((?:"(?:[^"]|"")*"|[^"])*?)->(.*)$/s;

const end = /^(.+)\.("(?:[^"]|"")+"|[^".]+)$/s;

function parseLogicalForeignKey(text: string): { child: End; parent: End } {
  const [, left = "", right = ""] = arrow.exec(text) ?? [];
  const child = parseEnd(left.trim());
  const parent = parseEnd(right.trim());
  if (child === undefined || parent === undefined || !isExact(parent.table)) {
    throw new Failure(
      "logical-foreign-key-invalid",
      `"${text}" is not a logical foreign key. Write child.column -> parent.column, such as roi2020_S2_signatures.pid -> parcel_set.ogc_fid; ` +
        "the child may be a pattern, the parent is one table.",
    );
  }
  return { child, parent };
}

function parseEnd(text: string): End | undefined {
  const [, table, column] = end.exec(text) ?? [];
  if (table === undefined || column === undefined) return undefined;
  const bare = column.startsWith('"') ? column.slice(1, -1).replaceAll('""', '"') : column;
  return { table: parseTablePattern(table), column: bare };
}

const Column = z.object({ oid: z.string(), name: z.string() });

/** The tables and columns that the texts mean. All of them must be in the selection. */
export async function resolveLogicalForeignKeys(
  session: Session,
  texts: readonly string[],
  tables: readonly Relation[],
): Promise<LogicalForeignKey[]> {
  if (texts.length === 0) return [];
  const columns = await session.rows(
    `SELECT attrelid::text AS oid, attname AS name FROM pg_attribute
     WHERE attnum > 0 AND NOT attisdropped AND attrelid IN (${oidList(tables.map(({ oid }) => oid))})`,
    Column,
  );
  const columnsOf = new Set(columns.map(({ oid, name }) => `${oid} ${name}`));
  const attempts = new Attempts();
  const resolved = texts.map((text) =>
    attempts.runSync(() => resolveLogicalForeignKey(text, tables, columnsOf)),
  );
  attempts.end();
  return resolved.flatMap((keys) => keys ?? []);
}

function resolveLogicalForeignKey(
  text: string,
  tables: readonly Relation[],
  columns: ReadonlySet<string>,
): LogicalForeignKey[] {
  const { child, parent } = parseLogicalForeignKey(text);
  const children = topMost(tables.filter((table) => matches(child.table, table)));
  const [parentTable] = tables.filter((table) => matches(parent.table, table));
  if (children.length === 0 || parentTable === undefined) {
    const missing = parentTable === undefined ? parent.table.text : child.table.text;
    throw new Failure(
      "logical-foreign-key-invalid",
      `The logical foreign key "${text}" names ${missing}, which is not among the selected tables. Select it too, or leave the key out.`,
    );
  }
  const problem = [
    ...children.map((table) => [table, child.column] as const),
    [parentTable, parent.column] as const,
  ].find(([{ oid }, column]) => !columns.has(`${oid} ${column}`));
  if (problem !== undefined) {
    throw new Failure(
      "logical-foreign-key-invalid",
      `The logical foreign key "${text}" names the column "${problem[1]}", which ${problem[0].sqlName} does not have. Names are case-sensitive.`,
    );
  }
  return children.map((table) => ({
    text,
    child: table,
    childColumn: child.column,
    parent: parentTable,
    parentColumn: parent.column,
  }));
}

/** Leaves out tables whose rows are read with their parent's anyway. */
function topMost(tables: readonly Relation[]): Relation[] {
  return tables.filter(({ partOf }) => !tables.some(({ oid }) => partOf.includes(oid)));
}

export interface CountedForeignKey extends LogicalForeignKey {
  /** Rows of the child that refer to no row of the parent. */
  readonly orphans: number;
}

/** Counts the orphans of each logical foreign key. Fails if one has more than `maxOrphans`. */
export async function countOrphans(
  read: RowReader,
  keys: readonly LogicalForeignKey[],
  maxOrphans: number | undefined,
): Promise<CountedForeignKey[]> {
  const counts = await read(keys.map(orphansQuery), z.object({ orphans: z.int() }));
  const counted = keys.map((key, i) => ({
    ...key,
    orphans: counts[i]?.orphans ?? Number.NaN,
  }));
  const attempts = new Attempts();
  counted
    .filter(({ orphans }) => orphans > (maxOrphans ?? Number.POSITIVE_INFINITY))
    .forEach((key) => {
      attempts.add(tooManyOrphans(key, maxOrphans ?? 0));
    });
  attempts.end();
  return counted;
}

/** A null refers to nothing, so it is no orphan. */
function orphansQuery({ child, childColumn, parent, parentColumn }: LogicalForeignKey): RowQuery {
  const [c, p] = [escapeIdentifier(childColumn), escapeIdentifier(parentColumn)];
  const text =
    `SELECT count(*) AS orphans FROM ${child.sqlName} c WHERE c.${c} IS NOT NULL ` +
    `AND NOT EXISTS (SELECT FROM ${parent.sqlName} p WHERE p.${p} = c.${c})`;
  return { text };
}

function tooManyOrphans(
  { child, childColumn, parent, parentColumn, orphans }: CountedForeignKey,
  limit: number,
) {
  return new Failure(
    "orphans-over-limit",
    `${orphans} rows of ${child.sqlName} have a ${childColumn} that no ${parentColumn} of ${parent.sqlName} has; at most ${limit} are allowed. ` +
      `Repair the tables, or raise ${setting("--max-orphans", "maxOrphans")}. Nothing was kept of this backup.`,
  );
}
