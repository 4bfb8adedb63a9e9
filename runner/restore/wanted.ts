/** Which objects of the scratch database go to the target, and in which step their entries of the archive are restored. */
import { z } from "zod";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import type { TocEntry } from "../postgres/archive/toc";
import { type Member, findExisting } from "./members";
import { type ObjectId, findRequirements } from "../postgres/catalog/requirements";
import type { Selection } from "../postgres/catalog/select-tables";
import { type Name, sqlName, oidList, literalList } from "../postgres/session/names";
import { firstUserOid } from "../postgres/catalog/catalog";
import type { Requirements } from "../request/contents";

/** What is restored, by its ids and names in the scratch database. */
export interface WantedObjects {
  /** Oids of tables, views and sequences; what belongs to them comes too. */
  readonly relations: readonly string[];
  /** Types, functions and the like, as a table of contents names them. */
  readonly objects: readonly string[];
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
}

/** Ids of the entries, in the order of the archive. */
export interface WantedEntries {
  readonly preData: readonly number[];
  readonly rows: readonly number[];
  readonly sequenceValues: readonly number[];
  readonly postData: readonly number[];
  /** Privileges, which are granted last. */
  readonly rights: readonly number[];
}

const wantedQuery = ({ relations, objects, schemas, extensions }: WantedObjects) => `
WITH RECURSIVE wanted (class, object) AS (
  SELECT * FROM (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE oid IN (${oidList(relations)})
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname IN (${literalList(schemas)})
    UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension WHERE extname IN (${literalList(extensions)})
    UNION ALL SELECT split_part(id, ' ', 1)::oid, split_part(id, ' ', 2)::oid FROM unnest(ARRAY[${literalList(objects)}]::text[]) id WHERE id IS NOT NULL
  ) root
  UNION SELECT d.classid, d.objid FROM wanted JOIN pg_depend d ON d.refclassid = wanted.class AND d.refobjid = wanted.object
  WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
SELECT format('%s %s', class, object) AS id FROM wanted
UNION ALL SELECT format('0 %s', object) FROM wanted WHERE class = 'pg_class'::regclass`;

const always = ["ENCODING", "STDSTRINGS", "SEARCHPATH"];

export async function wantedEntries(
  scratch: Session,
  entries: readonly TocEntry[],
  objects: WantedObjects,
): Promise<WantedEntries> {
  const found = await scratch.rows(wantedQuery(objects), z.object({ id: z.string() }));
  return sortEntries(entries, new Set(found.map(({ id }) => id)));
}

/** An entry that is no object of its own, such as a comment, goes with the entries that it needs, in their section. */
export function sortEntries(entries: readonly TocEntry[], objects: ReadonlySet<string>): WantedEntries {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const needsOf = ({ needs }: TocEntry) => needs.flatMap((id) => byId.get(id) ?? []);
  const known = new Map<number, boolean>();
  const isWanted = (entry: TocEntry): boolean => {
    const before = known.get(entry.id);
    if (before !== undefined) return before;
    const needs = needsOf(entry);
    const wanted =
      entry.object === "0 0" ? needs.length > 0 && needs.every(isWanted) : objects.has(entry.object);
    known.set(entry.id, wanted);
    return wanted;
  };
  const sectionOf = (entry: TocEntry): TocEntry["section"] => {
    const [first] = needsOf(entry);
    return entry.section === "none" && first !== undefined ? sectionOf(first) : entry.section;
  };
  const wanted = entries.filter((entry) => always.includes(entry.kind) || isWanted(entry));
  const ids = (condition: (entry: TocEntry) => boolean) =>
    wanted.filter((entry) => always.includes(entry.kind) || condition(entry)).map(({ id }) => id);
  const isRight = ({ kind }: TocEntry) => kind === "ACL";
  return {
    preData: ids((entry) => !isRight(entry) && ["none", "pre-data"].includes(sectionOf(entry))),
    rows: ids(({ kind }) => kind === "TABLE DATA"),
    sequenceValues: ids(({ kind }) => kind === "SEQUENCE SET"),
    postData: ids((entry) => !isRight(entry) && sectionOf(entry) === "post-data"),
    rights: ids(isRight),
  };
}

/** Whether a list has nothing but the entries that every script begins with. */
export const isEmpty = (list: readonly number[], entries: readonly TocEntry[]): boolean => {
  const beginning = new Set(entries.filter(({ kind }) => always.includes(kind)).map(({ id }) => id));
  return list.every((id) => beginning.has(id));
};

const OwnObject = z.object({
  /** As in an archive's table of contents. */
  id: z.string(),
  type: z.string(),
  schema: z.string().nullable(),
  identity: z.string(),
});

type OwnObject = z.infer<typeof OwnObject>;

const catalogs = [
  [
    "pg_type",
    "typtype IN ('e', 'd', 'r', 'b') AND typelem = 0 OR typtype = 'c' AND EXISTS (SELECT FROM pg_class r WHERE r.oid = typrelid AND r.relkind = 'c')",
  ],
  [
    "pg_proc",
    "NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = c.oid AND i.deptype = 'i')",
  ],
  ["pg_operator", "true"],
  ["pg_opclass", "true"],
  ["pg_opfamily", "true"],
  ["pg_collation", "true"],
  ["pg_ts_config", "true"],
  ["pg_ts_dict", "true"],
  ["pg_ts_parser", "true"],
  ["pg_ts_template", "true"],
  ["pg_conversion", "true"],
  ["pg_cast", "true"],
  ["pg_transform", "true"],
  ["pg_language", "true"],
  ["pg_am", "true"],
] as const;

/** All such objects of the database that no extension made. */
function ownObjects(session: Session): Promise<OwnObject[]> {
  const queries = catalogs.map(
    ([catalog, condition]) =>
      `SELECT format('%s %s', '${catalog}'::regclass::oid, c.oid) AS id, o.type, (parse_ident(o.schema))[1] AS schema, o.identity FROM ${catalog} c, pg_identify_object('${catalog}'::regclass, c.oid, 0) o
       WHERE c.oid >= ${firstUserOid} AND (${condition}) AND NOT EXISTS (
         SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = c.oid AND e.deptype = 'e')`,
  );
  return session.rows(queries.join(" UNION ALL "), OwnObject);
}

/** The objects of the scratch database that the target lacks. An object that exists under the same name is left as it is. */
export async function missingObjects(
  scratch: Session,
  session: Session,
  isNeeded: (id: ObjectId) => boolean,
): Promise<OwnObject[]> {
  const key = ({ type, identity }: OwnObject) => `${type} ${identity}`;
  const there = new Set((await ownObjects(session)).map(key));
  return (await ownObjects(scratch)).filter((object) => isNeeded(object.id) && !there.has(key(object)));
}

export async function requirementsOf(
  scratch: Session,
  { tables }: Selection,
): Promise<ReadonlySet<ObjectId>> {
  const { objects } = await withQualifiedNames(scratch, () => findRequirements(scratch, tables));
  return new Set(objects);
}

/** Oids of the sequences that go to the target, after they were moved. */
export async function sequenceOids(
  scratch: Session,
  sequences: readonly Member[],
  schemaOf: (schema: string) => string,
  isKept: (sequence: Name) => boolean,
): Promise<string[]> {
  const places = sequences
    .filter((sequence) => !isKept(sequence))
    .map(({ schema, name }) => ({ schema: schemaOf(schema), name }));
  return (await findExisting(scratch, places)).map(({ oid }) => oid);
}

/** Oids of views and the like: a column can have the type of a view. One that the target has is left as it is. */
export async function otherRelations(scratch: Session, session: Session): Promise<string[]> {
  const found = await scratch.rows(
    `SELECT c.oid::text, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm', 'f') AND c.oid >= ${firstUserOid} AND NOT EXISTS (
       SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`,
    z.object({ oid: z.string(), schema: z.string(), name: z.string() }),
  );
  const there = new Set((await findExisting(session, found)).map((place) => sqlName(place)));
  return found.filter((relation) => !there.has(sqlName(relation))).map(({ oid }) => oid);
}

export async function lackingExtensions(
  session: Session,
  extensions: Requirements["extensions"],
): Promise<Requirements["extensions"][number][]> {
  const there = await namesIn(session, "pg_extension", "extname");
  return extensions.filter(({ name }) => !there.has(name));
}

export async function lackingSchemas(session: Session, schemas: readonly string[]): Promise<string[]> {
  const there = await namesIn(session, "pg_namespace", "nspname");
  return [...new Set(schemas)].filter((schema) => !there.has(schema));
}

async function namesIn(session: Session, catalog: string, column: string): Promise<Set<string>> {
  const rows = await session.rows(`SELECT ${column} AS name FROM ${catalog}`, z.object({ name: z.string() }));
  return new Set(rows.map(({ name }) => name));
}
