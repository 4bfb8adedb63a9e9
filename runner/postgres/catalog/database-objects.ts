/** Every object of a database that a dump of it brings back, with its definition, so that two databases can be compared. */
import { createHash } from "node:crypto";
import * as z from "zod";
import { firstUserOid } from "./catalog";
import { withoutCasts } from "./definitions";
import { largeObject, sequenceValue, type Source, sources } from "./object-sources";
import type { Session } from "../session/session";

/** An object, what kind it is, and the MD5 sum of all that a dump says of it; of a sequence's value, the value. */
export const DatabaseObject = z.strictObject({ kind: z.string(), name: z.string(), definition: z.string() });
export type DatabaseObject = z.infer<typeof DatabaseObject>;

/** Kinds whose digest is of what users have stored, and the same in every version. */
const contents = new Set([largeObject]);
/** Kinds that change without a change of a definition. */
const changing = [sequenceValue, largeObject];

const queryOf = (some: readonly Source[]) =>
  some
    .map(
      ({ kind, name, definition, from, schema = "NULL", hasExpressions = false }) =>
        `SELECT '${kind}' AS kind, (${schema})::text AS schema, ${name} AS name, ${definition} AS text, ${String(hasExpressions)} AS "hasExpressions" FROM ${from}`,
    )
    .join("\nUNION ALL\n");

const Found = z.object({
  kind: z.string(),
  schema: z.string().nullable(),
  name: z.string(),
  text: z.string(),
  hasExpressions: z.boolean(),
});

/** Tables in which extensions keep rows of the user's, and the condition that pg_dump dumps rows by. */
const extensionTables = `
  SELECT format('%I.%I', nspname, relname) AS name, coalesce(extcondition[array_position(extconfig, c.oid)], '') AS condition
  FROM pg_extension e JOIN pg_class c ON c.oid = ANY (extconfig) AND c.relkind = 'r' JOIN pg_namespace n ON n.oid = relnamespace
  ORDER BY nspname COLLATE "C", relname COLLATE "C"`;

const extensionRows = (name: string, condition: string) =>
  `SELECT format('%s %s', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0)) AS text FROM (SELECT * FROM ${name} ${condition}) t`;

/** All objects but those in some schemas, ordered by kind and name. The session must write names with their schemas. */
export async function readDatabaseObjects(
  session: Session,
  excludeSchemas: readonly string[],
): Promise<DatabaseObject[]> {
  const objects = await read(session, sources, excludeSchemas);
  const tables = await session.rows(extensionTables, z.object({ name: z.string(), condition: z.string() }));
  const rows: DatabaseObject[] = [];
  for (const { name, condition } of tables) {
    const { text } = await session.row(extensionRows(name, condition), z.object({ text: z.string() }));
    rows.push({ kind: "rows of an extension", name, definition: text });
  }
  return [...objects, ...rows];
}

/** The same without what is stored in them. */
export const readDefinitions = (session: Session): Promise<DatabaseObject[]> =>
  read(
    session,
    sources.filter(({ kind }) => !changing.includes(kind)),
    [],
  );

async function read(
  session: Session,
  some: readonly Source[],
  excludeSchemas: readonly string[],
): Promise<DatabaseObject[]> {
  const objects = await session.rows(
    `SELECT * FROM (${queryOf(some)}) q ORDER BY kind COLLATE "C", name COLLATE "C"`,
    Found,
  );
  return objects
    .filter(({ schema }) => schema === null || !excludeSchemas.includes(schema))
    .map(({ kind, name, text, hasExpressions }) => ({
      ...{ kind, name },
      definition: kind === sequenceValue ? text : digest(hasExpressions ? withoutCasts(text) : text),
    }));
}

/** Objects of a user's that an empty database does not have. */
const countQuery = `
SELECT (SELECT count(*) FROM pg_class c WHERE oid >= ${firstUserOid} AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i', 'a')))
     + (SELECT count(*) FROM pg_proc p WHERE oid >= ${firstUserOid} AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'))
     + (SELECT count(*) FROM pg_largeobject_metadata) AS count`;

/** How many objects of users the database of the session has; none if it is empty. */
export async function countUsersObjects(session: Session): Promise<number> {
  const { count } = await session.row(countQuery, z.object({ count: z.int() }));
  return count;
}

const digest = (text: string) => createHash("md5").update(text).digest("hex");

const keyOf = ({ kind, name }: DatabaseObject) => `${kind} ${name}`;

export interface Differences {
  /** What would be lost. */
  readonly missing: string[];
  /** What has another definition, or is not in the backup. */
  readonly changed: string[];
}

/**
 * How another database differs, a sentence each. Another version of PostgreSQL writes some definitions in other words; `sameVersion`
 * says whether definitions are compared, or names alone.
 */
export function compareObjects(
  recorded: readonly DatabaseObject[],
  found: readonly DatabaseObject[],
  { sameVersion }: { readonly sameVersion: boolean },
): Differences {
  const others = new Map(found.map((one) => [keyOf(one), one]));
  const known = new Set(recorded.map(keyOf));
  const missing: string[] = [];
  const changed: string[] = [];
  for (const one of recorded) {
    const other = others.get(keyOf(one));
    if (other === undefined) missing.push(`${keyOf(one)} is missing`);
    else if (one.kind === sequenceValue) {
      if (isBehind(one.definition, other.definition))
        missing.push(`${keyOf(one)}: ${one.definition} in the backup, ${other.definition} restored`);
    } else if (one.definition !== other.definition) {
      if (contents.has(one.kind)) missing.push(`${keyOf(one)} differs`);
      else if (sameVersion) changed.push(`${keyOf(one)} differs`);
    }
  }
  for (const one of found) if (!known.has(keyOf(one))) changed.push(`${keyOf(one)} is not in the backup`);
  return { missing, changed };
}

/** Whether a sequence would give out values that it has given out before. */
function isBehind(recorded: string, found: string): boolean {
  const [[value = "", step = ""], [other = ""]] = [recorded.split(" "), found.split(" ")];
  if (value === "") return false;
  if (other === "") return true;
  return step.startsWith("-") ? BigInt(other) > BigInt(value) : BigInt(other) < BigInt(value);
}
