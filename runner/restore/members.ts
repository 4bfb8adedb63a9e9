/** The objects that a restore moves: tables, and what does not follow them by itself. */
import { escapeIdentifier, escapeLiteral } from "../postgres/escape";
import { z } from "zod";
import type { Relation } from "../postgres/catalog";
import { type Name, sqlName } from "../postgres/names";
import type { Session } from "../postgres/session";
import type { RestoreRequest } from "../request";

const Member = z.object({ schema: z.string(), name: z.string() });

/** An object with a schema and a name, and the word that ALTER wants for it. */
export interface Member extends z.infer<typeof Member> {
  readonly kind: "TABLE" | "SEQUENCE" | "STATISTICS";
}

/** The schema in which the objects of a schema of the backup are in the end. */
export const finalSchema = ({ schemas }: Pick<RestoreRequest, "schemas">, schema: string): string =>
  schemas[schema] ?? schema;

/** Where an object of the backup is in the end. */
export const finalPlace = (request: Pick<RestoreRequest, "schemas">, { schema, name }: Name): Name => ({
  schema: finalSchema(request, schema),
  name,
});

export const oidList = (oids: readonly string[]): string => (oids.length === 0 ? "0" : oids.join(", "));

/** Sequences that defaults of the tables use, and that no table owns. */
export async function looseSequences(session: Session, oids: readonly string[]): Promise<Member[]> {
  const found = await session.rows(
    `SELECT DISTINCT n.nspname AS schema, s.relname AS name FROM pg_attrdef a
     JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_class'::regclass
     JOIN pg_class s ON s.oid = d.refobjid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
     WHERE a.adrelid IN (${oidList(oids)}) AND NOT EXISTS (
       SELECT FROM pg_depend o WHERE o.classid = 'pg_class'::regclass AND o.objid = s.oid AND o.deptype IN ('a', 'i', 'e')
       AND o.refclassid IN ('pg_class'::regclass, 'pg_extension'::regclass))`,
    Member,
  );
  return found.map((sequence) => ({ ...sequence, kind: "SEQUENCE" }));
}

/** Extended statistics, which stay in their schema when the table leaves its own. */
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

/** Indexes, constraints, owned sequences and triggers follow their table. */
export async function moveMembers(
  session: Session,
  members: readonly Member[],
  schemaOf: (schema: string) => string,
): Promise<void> {
  for (const member of members) {
    const schema = schemaOf(member.schema);
    if (schema === member.schema) continue;
    await session.run(`ALTER ${member.kind} ${sqlName(member)} SET SCHEMA ${escapeIdentifier(schema)}`);
  }
}

const Existing = Member.extend({
  oid: z.string(),
  kind: z.string(),
  sqlName: z.string(),
  owned: z.boolean(),
});
/** A relation of any kind in a place where one is to be put. */
export type Existing = z.infer<typeof Existing>;

export function findExisting(session: Session, places: readonly Name[]): Promise<Existing[]> {
  const names = places.map(({ schema, name }) => `(${escapeLiteral(schema)}, ${escapeLiteral(name)})`);
  if (names.length === 0) return Promise.resolve([]);
  return session.rows(
    `SELECT n.nspname AS schema, c.relname AS name, c.oid::text, c.relkind::text AS kind,
            format('%I.%I', n.nspname, c.relname) AS "sqlName", pg_has_role(c.relowner, 'USAGE') AS owned
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE (n.nspname, c.relname) IN (${names.join(", ")})
     ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`,
    Existing,
  );
}
