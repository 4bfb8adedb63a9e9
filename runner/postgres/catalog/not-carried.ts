/** Finds what belongs to tables or is needed by them, but cannot be in a backup of tables, before anything is written. */
import * as z from "zod";
import { Failure, Failures } from "../../lib/failure";
import type { NotCarried } from "../../request";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import type { Session } from "../session/session";
import type { ObjectId } from "./needs";
import { prime } from "./primers";
import type { Selection } from "./select-tables";
import { setting } from "../../lib/setting";

export function notCarried(what: readonly string[]): Failure {
  return new Failure(
    "not-carried",
    `The tables need what a backup of tables cannot bring back: ${what.join("; ")}. A restore would fail. ` +
      "Leave these tables out, or remove what needs it.",
  );
}

/**
 * A child's identity column whose parent has a default for it: pg_dump makes the child first, which then has the parent's
 * default, and cannot give it an identity any more. Each is one sentence.
 */
export async function inheritedDefaults(session: Session, oids: readonly string[]): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT format('column %I of %I.%I is an identity, while the table that it inherits from has a default for it, and no dump can bring that back', a.attname, nspname, relname) AS text
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND NOT relispartition JOIN pg_namespace n ON n.oid = relnamespace
     JOIN pg_inherits ON inhrelid = a.attrelid JOIN pg_attribute p ON p.attrelid = inhparent AND p.attname = a.attname AND p.atthasdef
     WHERE a.attidentity <> '' AND a.attrelid = ANY ('{${oids.join(",")}}'::oid[])`,
    z.object({ text: z.string() }),
  );
  return found.map(({ text }) => text);
}

/** In a database without an encoding, statements can have bytes that are not text, and that are lost when they are read. */
export function refuseUnreadable(statements: readonly string[]): void {
  const unreadable = statements.filter((statement) => statement.includes("\uFFFD"));
  if (unreadable.length > 0)
    throw notCarried(unreadable.map((statement) => `"${statement}", which is not valid UTF-8`));
}

/** The same of what belongs to a whole database itself, and is in no archive: statements, and the names of roles. */
export function refuseUnreadableProperties(texts: readonly string[]): void {
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line.includes("\uFFFD"));
  if (lines.length === 0) return;
  throw new Failure(
    "not-carried",
    `Roles, or the comment or the settings of the database, are not valid UTF-8, and would be lost: ${lines.map((line) => line.trim()).join("; ")}. ` +
      "Change them.",
  );
}

export function plainImpossible(what: readonly string[]): Failure {
  return new Failure(
    "not-carried",
    `A plain archive cannot bring back ${what.join(", ")}: they refer to tables of the backup, and have to be created between its ` +
      'tables and its rows. Take the format "directory" or "custom".',
  );
}

/** As the server describes them. */
export async function describeObjects(session: Session, objects: readonly ObjectId[]): Promise<string[]> {
  const list = objects.map((id) => `(${id.replace(" ", ", ")})`).join(", ");
  const rows = await session.rows(
    `SELECT pg_describe_object(class::oid, object::oid, 0) AS name FROM (VALUES ${list}) AS o (class, object)`,
    z.object({ name: z.string() }),
  );
  return rows.map(({ name }) => name);
}

export interface OutsideContent {
  readonly kind: NotCarried;
  /** `schema.table`, quoted where SQL needs it, of the table that refers to it or holds it. */
  readonly table: string;
  /** The column that refers to it. */
  readonly column?: string;
  readonly count: number;
}

const Candidate = z.object({
  kind: z.enum(["large-objects", "raster-files"]),
  table: z.string(),
  column: z.string(),
  /** Schema of the functions for the type. */
  schema: z.string(),
});

type Candidate = z.infer<typeof Candidate>;

/** Columns of oid, or of a domain over it such as lo, count only where the database has large objects. */
const candidatesQuery = (oids: readonly string[]) => `
WITH RECURSIVE reference AS (
  SELECT 'oid'::regtype::oid AS oid WHERE EXISTS (SELECT FROM pg_largeobject_metadata)
  UNION SELECT t.oid FROM pg_type t JOIN reference r ON t.typbasetype = r.oid
), kind AS (
  SELECT r.oid, 'large-objects' AS kind, 'pg_catalog' AS schema FROM reference r
  UNION ALL SELECT t.oid, 'raster-files', nspname FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace
  WHERE typname = 'raster' AND EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' AND extname IN ('postgis_raster', 'postgis'))
)
SELECT kind, format('%I.%I', n.nspname, c.relname) AS "table", attname AS column, schema
FROM kind JOIN pg_attribute a ON atttypid = kind.oid JOIN pg_class c ON c.oid = attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ('{${oids.join(",")}}'::oid[]) AND c.relkind = 'r' AND attnum > 0 AND NOT attisdropped
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C", attnum`;

function countQuery({ kind, table, column, schema }: Candidate): string {
  const value = `t.${escapeIdentifier(column)}`;
  const of = escapeIdentifier(schema);
  return kind === "large-objects"
    ? `SELECT count(DISTINCT ${value}) FROM ONLY ${table} t WHERE ${value}::oid IN (SELECT oid FROM pg_largeobject_metadata)`
    : `SELECT count(*) FROM ONLY ${table} t WHERE EXISTS (
         SELECT FROM generate_series(1, ${of}.st_numbands(${value})) band WHERE ${of}.st_bandpath(${value}, band) IS NOT NULL)`;
}

/** `CREATE EXTENSION` inserts its own rows in the transaction that makes the table: that which wrote this row of the catalog. */
const madeBy = "d.xmin::text AS made";

const ExtensionTable = z.object({
  extension: z.string(),
  table: z.string(),
  condition: z.string(),
  made: z.string(),
});

const tablesOfExtensions = `pg_extension e JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = relnamespace`;

/**
 * Tables of the extensions that the selected tables need, as far as pg_dump would dump rows of them, and those that were
 * asked for themselves. The reference systems of PostGIS are carried by prepare.sql.
 */
const extensionTablesQuery = (needed: readonly string[], matched: readonly string[]) => `
SELECT extname AS extension, format('%I.%I', nspname, relname) AS "table",
       coalesce(extcondition[array_position(extconfig, c.oid)], '') AS condition, ${madeBy}
FROM ${tablesOfExtensions}
WHERE (extname = ANY (ARRAY[${needed.map((name) => escapeLiteral(name)).join(", ")}]::text[]) AND c.oid = ANY (extconfig)
       OR c.oid = ANY ('{${matched.join(",")}}'::oid[]))
AND NOT (extname = 'postgis' AND relname = 'spatial_ref_sys') AND has_table_privilege(c.oid, 'SELECT')
ORDER BY nspname COLLATE "C", relname COLLATE "C"`;

const Count = z.object({ count: z.int() });

/** The session has locked the tables, or does not wait long for a lock. */
export async function findOutsideContent(
  session: Session,
  { tables, ofExtensions, whole }: Pick<Selection, "tables" | "ofExtensions" | "whole">,
  extensions: readonly string[],
): Promise<OutsideContent[]> {
  const found: OutsideContent[] = [];
  const oids = tables.map(({ oid }) => oid);
  const candidates = await session.rows(candidatesQuery(oids), Candidate);
  if (candidates.length > 0) await prime(session, oids);
  for (const candidate of candidates) {
    const { kind, table, column } = candidate;
    // A dump of the whole database has them.
    if (whole !== undefined && kind === "large-objects") continue;
    const { count } = await session.row(countQuery(candidate), Count);
    if (count > 0) found.push({ kind, table, column, count });
  }
  if (whole !== undefined) {
    const undumped = await findUndumpedRows(session);
    return [
      ...found,
      ...undumped.map(({ table, count }) => ({ kind: "extension-rows" as const, table, count })),
    ];
  }
  const matched = ofExtensions.map(({ oid }) => oid);
  const own = await session.rows(extensionTablesQuery(extensions, matched), ExtensionTable);
  for (const { extension, table, condition, made } of own) {
    const { count } = await session.row(
      `SELECT count(*) FROM (SELECT xmin AS made FROM ${table} ${condition}) q WHERE made::text <> ${escapeLiteral(made)}`,
      Count,
    );
    if (count === 0) continue;
    found.push({ kind: extension === "postgis_topology" ? "topologies" : "extension-rows", table, count });
  }
  return found;
}

/** Tables of extensions; the condition is that of the rows that `pg_dump` dumps: none of a table that the extension does not name. */
const dumpedRowsQuery = `
SELECT format('%I.%I', nspname, relname) AS "table", ${madeBy},
  CASE WHEN c.oid = ANY (coalesce(extconfig, '{}')) THEN coalesce(extcondition[array_position(extconfig, c.oid)], '') ELSE 'WHERE false' END AS condition
FROM ${tablesOfExtensions} WHERE has_table_privilege(c.oid, 'SELECT') ORDER BY nspname COLLATE "C", relname COLLATE "C"`;

/** Rows in tables of extensions that the extension did not make, and that no dump of the whole database has either. */
export async function findUndumpedRows(session: Session): Promise<{ table: string; count: number }[]> {
  const found: { table: string; count: number }[] = [];
  const tables = await session.rows(dumpedRowsQuery, ExtensionTable.omit({ extension: true }));
  for (const { table, condition, made } of tables.filter((one) => one.condition !== "")) {
    const { count } = await session.row(
      `SELECT count(*) FROM ONLY ${table} WHERE xmin::text <> ${escapeLiteral(made)} AND ctid NOT IN (SELECT ctid FROM ONLY ${table} ${condition})`,
      Count,
    );
    if (count > 0) found.push({ table, count });
  }
  return found;
}

/** Fails if content would be left out and the request does not accept that. */
export function checkOutsideContent(found: readonly OutsideContent[], accept: readonly NotCarried[]): void {
  Failures.throwIfAny(
    found
      .filter(({ kind }) => !accept.includes(kind))
      .map((content) => new Failure("not-carried", `${describeContent(content)} ${remedy(content)}`)),
  );
}

/** One sentence. */
export function describeContent({ kind, table, column, count }: OutsideContent): string {
  const place = `${table}${column === undefined ? "" : `, column "${column}",`}`;
  switch (kind) {
    case "large-objects":
      return `${place} refers to ${count} large objects, whose content is not in a backup of tables.`;
    case "raster-files":
      return `${place} has ${count} rasters whose bands are in files outside the database, which are not in a backup of tables.`;
    case "topologies":
      return `${place} has ${count} rows that describe topologies; they belong to the extension postgis_topology and are not in a backup of tables.`;
    case "extension-rows":
      return `${place} has ${count} rows that its extension did not make; they belong to the extension, and pg_dump leaves them out.`;
  }
}

function remedy({ kind }: OutsideContent): string {
  const whole = {
    "large-objects": "Keep the content in a column of type bytea, back up the whole database,",
    "raster-files": "Back up these files too, or load the rasters into the database;",
    topologies: "Back up the whole database, exclude these tables,",
    "extension-rows": "Back up the whole database, exclude these tables,",
  }[kind];
  return `${whole} or leave it out knowingly by ${setting(`--accept ${kind}`, `accept: ["${kind}"]`)}.`;
}
