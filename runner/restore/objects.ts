/**
 * The objects that go to the target: tables, the sequences and statistics that do not follow their tables when these move, and what
 * the target lacks of types, functions, views, schemas and extensions. They have the privileges of the source.
 */
import * as z from "zod";
import { firstUserOid, type Relation } from "../postgres/catalog/catalog";
import { type ObjectId, findRequirements } from "../postgres/catalog/requirements";
import { type Selection, selectTables } from "../postgres/catalog/select-tables";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { oidList, sqlName, type Name } from "../postgres/session/names";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import type { Requirements } from "../request/contents";
import type { RequestedBackup } from "./begin";
import { findExisting } from "./places";

/** The tables of the backup that the request selects. They may refer to others. */
export function selectRequested(
  { request, manifest }: Pick<RequestedBackup, "request" | "manifest">,
  relations: readonly Relation[],
): Selection {
  return selectTables(
    relations,
    {
      tables: request.tables ?? ["*.*"],
      excludeTables: request.excludeTables,
      missingReferences: "ignore",
    },
    `backup ${manifest.id}`,
  );
}

const Member = z.object({ schema: z.string(), name: z.string() });

/** An object with a schema and a name, and the word that ALTER wants for it. */
export interface Member extends z.infer<typeof Member> {
  readonly kind: "TABLE" | "SEQUENCE" | "STATISTICS";
}

/** Sequences that no table owns: those that defaults or rules of these tables use; all of them if no tables are given. */
export async function looseSequences(
  session: Session,
  oids: readonly string[] | undefined,
): Promise<Member[]> {
  const used =
    oids === undefined
      ? ""
      : `AND s.oid IN (
       SELECT d.refobjid FROM pg_depend d LEFT JOIN pg_attrdef a ON d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
       LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
       LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
       LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
       WHERE d.refclassid = 'pg_class'::regclass AND coalesce(a.adrelid, r.ev_class, k.conrelid, p.polrelid) IN (${oidList(oids)}))`;
  const found = await session.rows(
    `SELECT n.nspname AS schema, s.relname AS name FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
     WHERE s.relkind = 'S' AND s.oid >= ${firstUserOid} AND NOT EXISTS (
       SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid AND o.deptype IN ('a', 'i', 'e')
       AND o.refclassid IN ('pg_class'::regclass, 'pg_extension'::regclass)) ${used}`,
    Member,
  );
  return found.map((sequence) => ({ ...sequence, kind: "SEQUENCE" }));
}

/** Extended statistics. They stay in their schema when their table moves. */
export async function statisticsOf(session: Session, oids: readonly string[]): Promise<Member[]> {
  const found = await session.rows(
    `SELECT n.nspname AS schema, s.stxname AS name FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace
     WHERE s.stxrelid IN (${oidList(oids)})`,
    Member,
  );
  return found.map((statistics) => ({ ...statistics, kind: "STATISTICS" }));
}

export const asTable = ({ schema, name }: Pick<Relation, "schema" | "name">): Member => ({
  schema,
  name,
  kind: "TABLE",
});

/** Moves the members. Indexes, constraints, owned sequences and triggers follow their table. */
export async function moveMembers(
  session: Session,
  members: readonly Member[],
  schemaOf: (schema: string) => string,
): Promise<void> {
  await session.runAll(
    members
      .map((member) => ({ ...member, to: schemaOf(member.schema) }))
      .filter(({ schema, to }) => to !== schema)
      .map((member) => `ALTER ${member.kind} ${sqlName(member)} SET SCHEMA ${escapeIdentifier(member.to)}`),
  );
}

/** A sequence that no table owns and that the target has already. It stays, and is advanced if it is behind. */
export interface KeptSequence {
  readonly place: Name;
  readonly last: string;
  readonly called: boolean;
  readonly ascending: boolean;
}

export async function readSequences(scratch: Session, places: readonly Name[]): Promise<KeptSequence[]> {
  const kept: KeptSequence[] = [];
  for (const place of places) {
    const state = await scratch.row(
      `SELECT last_value::text AS last, is_called AS called,
              (SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = s.tableoid) AS ascending FROM ${sqlName(place)} s`,
      z.object({ last: z.string(), called: z.boolean(), ascending: z.boolean() }),
    );
    kept.push({ place, ...state });
  }
  return kept;
}

/** A sequence that exists goes on from its own value or from that of the backup, whichever is further. */
export async function advanceSequences(session: Session, kept: readonly KeptSequence[]): Promise<void> {
  for (const { place, last, called, ascending } of kept) {
    const name = sqlName(place);
    await session.run(
      `SELECT setval(${escapeLiteral(name)}, ${last}, ${String(called)}) FROM ${name} WHERE last_value ${ascending ? "<" : ">"} ${last}`,
    );
  }
}

/** What is restored, by its ids and names in the scratch database. */
export interface WantedObjects {
  /** Oids of tables, views and sequences; what belongs to them comes too. */
  readonly relations: readonly string[];
  /** Types, functions and the like, as a table of contents names them. */
  readonly objects: readonly string[];
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
}

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

/** Objects that have privileges, except columns: each with the word that GRANT has for it, and the privileges of a new one. */
const objects = `
SELECT 'pg_class'::regclass::oid AS class, c.oid, n.nspname, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
  format('%I.%I', n.nspname, relname) AS name, relacl AS acl, relowner AS owner, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner) AS usual
FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relacl IS NOT NULL
UNION ALL SELECT 'pg_proc'::regclass, p.oid, n.nspname, CASE WHEN current_setting('server_version_num')::int < 110000 THEN 'FUNCTION' ELSE 'ROUTINE' END,
  format('%I.%I(%s)', n.nspname, proname, pg_get_function_identity_arguments(p.oid)), proacl, proowner, acldefault('f', proowner)
FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE proacl IS NOT NULL
UNION ALL SELECT 'pg_type'::regclass, t.oid, n.nspname, 'TYPE', format('%I.%I', n.nspname, typname), typacl, typowner, acldefault('T', typowner)
FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE typacl IS NOT NULL
UNION ALL SELECT 'pg_namespace'::regclass, oid, nspname, 'SCHEMA', format('%I', nspname), nspacl, nspowner, acldefault('n', nspowner)
FROM pg_namespace WHERE nspacl IS NOT NULL`;

const statementsQuery = (condition: string) => `
WITH o AS (SELECT * FROM (${objects}) o WHERE ${condition})
SELECT format('REVOKE ALL ON %s %s FROM %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(acl))) AS statement
FROM o WHERE cardinality(acl) > 0
UNION ALL SELECT format('GRANT ALL ON %s %s TO %s', kind, name, (
  SELECT string_agg(DISTINCT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END, ', ') FROM aclexplode(usual)))
FROM o ORDER BY 1 DESC`;

/**
 * Takes away what default privileges of the target have added to the objects that meet the condition: restored objects have the
 * privileges of the source.
 */
export async function asByDefault(session: Session, condition: string): Promise<void> {
  const found = await withQualifiedNames(session, () =>
    session.rows(statementsQuery(condition), z.object({ statement: z.string() })),
  );
  await session.runAll(found.map(({ statement }) => statement));
}
