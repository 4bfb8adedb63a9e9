/** The objects that a restore moves: tables, and sequences and statistics that do not follow their tables. */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { firstUserOid, type Relation } from "../postgres/catalog/catalog";
import { type Name, sqlName, oidList } from "../postgres/session/names";
import type { Session } from "../postgres/session/session";
import type { RestoreRequest } from "../request";
import type { Staging } from "./staging";

const Member = z.object({ schema: z.string(), name: z.string() });

/** An object with a schema and a name, and the word that ALTER wants for it. */
export interface Member extends z.infer<typeof Member> {
  readonly kind: "TABLE" | "SEQUENCE" | "STATISTICS";
}

/** The schema in which the objects of a schema of the backup end up. */
export const finalSchema = ({ schemas }: Pick<RestoreRequest, "schemas">, schema: string): string =>
  schemas[schema] ?? schema;

/** Where an object of the backup ends up. */
export const finalPlace = (request: Pick<RestoreRequest, "schemas">, { schema, name }: Name): Name => ({
  schema: finalSchema(request, schema),
  name,
});

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

const Existing = Member.extend({
  oid: z.string(),
  kind: z.string(),
  sqlName: z.string(),
  owned: z.boolean(),
});
/** A relation of any kind that has a name which a restored one is to have. */
export type Existing = z.infer<typeof Existing>;

export function findExisting(session: Session, places: readonly Name[]): Promise<Existing[]> {
  const names = places.map(({ schema, name }) => `(${escapeLiteral(schema)}, ${escapeLiteral(name)})`);
  if (names.length === 0) return Promise.resolve([]);
  // A join, because the server would compare a list with every relation, one by one.
  return session.rows(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::text, c.relkind::text AS kind,
            format('%I.%I', n.nspname, c.relname) AS "sqlName", pg_has_role(c.relowner, 'USAGE') AS owned
     FROM (SELECT DISTINCT schema::name, name::name FROM (VALUES ${names.join(", ")}) v (schema, name)) p
     JOIN pg_namespace n ON n.nspname = p.schema JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = p.name
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    Existing,
  );
}

/** The longest name that PostgreSQL keeps whole. */
const nameBytes = 63;

/** Where `swap` puts the tables that were there before. */
export function schemaBefore(schema: string, time: string): string {
  const suffix = `_before_${time.toLowerCase()}`;
  let kept = schema;
  while (Buffer.byteLength(kept) + suffix.length > nameBytes) kept = kept.replace(/.$/su, "");
  return kept + suffix;
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
export async function advanceSequences(session: Session, { kept }: Staging): Promise<void> {
  for (const { place, last, called, ascending } of kept) {
    const name = sqlName(place);
    await session.run(
      `SELECT setval(${escapeLiteral(name)}, ${last}, ${String(called)}) FROM ${name} WHERE last_value ${ascending ? "<" : ">"} ${last}`,
    );
  }
}
