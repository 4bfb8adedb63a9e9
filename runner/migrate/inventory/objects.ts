/** Every object of one database, from all catalogs, and which of them a migration brings. */
import { firstUserOid } from "../../postgres/catalog/catalog";
import * as z from "zod";
import type { Session } from "../../postgres/session/session";
import { type Item, item } from "./items";
import type { MissingRoles } from "../../request";
import type { Requirements } from "../../request/contents";
import { escapeIdentifier } from "../../postgres/session/escape";

const Catalog = z.object({ name: z.string() });

/** Catalogs whose rows have an oid: all kinds of objects, of this version and of those to come. */
const catalogsQuery = `
SELECT c.relname::text AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'oid'
WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' ORDER BY 1`;

/** Catalogs that all databases share, or that hold no objects: large objects are counted elsewhere, labels of an enum belong to their type. */
const elsewhere = new Set([
  ...["pg_authid", "pg_auth_members", "pg_database", "pg_tablespace", "pg_parameter_acl"],
  ...["pg_enum", "pg_largeobject_metadata"],
]);

/** Catalogs that `pg_identify_object` knows. */
const identified = new Set(
  (
    "am amop amproc attrdef cast class collation constraint conversion default_acl event_trigger extension foreign_data_wrapper " +
    "foreign_server language namespace opclass operator opfamily policy proc publication publication_namespace publication_rel " +
    "rewrite statistic_ext subscription transform trigger ts_config ts_dict ts_parser ts_template type user_mapping"
  )
    .split(" ")
    .map((name) => `pg_${name}`),
);

/**
 * Which rows count: NOT NULL is a constraint from version 18 on only, the expression of a generated column is a part of the column
 * in newer versions only, and `pg_dump` leaves out an invalid index.
 */
const conditions: Readonly<Record<string, string>> = {
  // to_jsonb finds a column that older versions lack.
  pg_attrdef: `AND NOT EXISTS (SELECT FROM pg_catalog.pg_attribute g WHERE g.attrelid = o.adrelid AND g.attnum = o.adnum
    AND to_jsonb(g) ->> 'attgenerated' <> '')`,
  pg_constraint: "AND o.contype <> 'n'",
  pg_trigger: "AND NOT o.tgisinternal",
  pg_subscription:
    "AND o.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database())",
  pg_class:
    "AND NOT EXISTS (SELECT FROM pg_catalog.pg_index x WHERE x.indexrelid = o.oid AND NOT x.indisvalid AND o.relkind = 'i')",
};

const details: Readonly<Record<string, string>> = {
  pg_proc: "md5(o.prosrc)",
  pg_default_acl: "array_to_string(ARRAY(SELECT a::text FROM unnest(o.defaclacl) a ORDER BY 1), ',')",
};

const DatabaseObject = z.object({
  catalog: z.string(),
  /** `catalog oid`, both as oids. */
  id: z.string(),
  type: z.string(),
  schema: z.string().nullable(),
  identity: z.string(),
  relkind: z.string().nullable(),
  detail: z.string().nullable(),
});
export type DatabaseObject = z.infer<typeof DatabaseObject>;

const Dependency = z.object({ id: z.string(), on: z.string(), type: z.string() });
export type Dependency = z.infer<typeof Dependency>;

function objectsOf(catalog: string): string {
  const known = identified.has(catalog);
  const type = known ? "i.type" : `'${catalog.replace(/^pg_/, "")}'`;
  const identity = known ? "i.identity" : "o.oid::text";
  const from = known ? `, pg_catalog.pg_identify_object('pg_catalog.${catalog}'::regclass, o.oid, 0) i` : "";
  return `SELECT '${catalog}' AS catalog, format('%s %s', 'pg_catalog.${catalog}'::regclass::oid, o.oid) AS id,
    ${type} AS type, ${known ? "i.schema" : "NULL"} AS schema, ${identity} AS identity,
    ${catalog === "pg_class" ? "o.relkind::text" : "NULL"} AS relkind, ${details[catalog] ?? "NULL"} AS detail
  FROM pg_catalog.${catalog} o${from} WHERE o.oid >= ${firstUserOid} AND ${identity} IS NOT NULL ${conditions[catalog] ?? ""}`;
}

const dependenciesQuery = `
SELECT format('%s %s', classid, objid) AS id, format('%s %s', refclassid, refobjid) AS on, deptype::text AS type
FROM pg_catalog.pg_depend WHERE objid >= ${firstUserOid} AND deptype IN ('a', 'i', 'P', 'S', 'I', 'e')`;

/** Everything that users made in the database. Objects of an extension come with the extension. */
export async function databaseObjects(session: Session, brought: Brought | undefined): Promise<Item[]> {
  const catalogs = (await session.rows(catalogsQuery, Catalog)).filter(({ name }) => !elsewhere.has(name));
  const objects = await session.rows(
    catalogs.map(({ name }) => objectsOf(name)).join("\nUNION ALL\n"),
    DatabaseObject,
  );
  return itemsOf(objects, await session.rows(dependenciesQuery, Dependency), brought);
}

/** Objects in these catalogs come with the object that they belong to. Objects in others are listed, whatever they depend on. */
const parts = new Set([
  ...["pg_class", "pg_type", "pg_attrdef", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_policy"],
  "pg_statistic_ext",
  ...["pg_amop", "pg_amproc", "pg_proc", "pg_opfamily"],
]);

/** Tables, views and the like are never parts: a foreign table can be a partition. */
const isPart = ({ catalog, relkind }: DatabaseObject) =>
  parts.has(catalog) && (relkind === null || !["r", "p", "v", "m", "f"].includes(relkind));

export function itemsOf(
  objects: readonly DatabaseObject[],
  dependencies: readonly Dependency[],
  brought: Brought | undefined,
): Item[] {
  const byId = new Map(objects.map((object) => [object.id, object]));
  const dependenciesOf = new Map<string, Dependency[]>();
  for (const dependency of dependencies) {
    const others = dependenciesOf.get(dependency.id);
    if (others === undefined) dependenciesOf.set(dependency.id, [dependency]);
    else others.push(dependency);
  }
  const owners = ({ id }: DatabaseObject) =>
    (dependenciesOf.get(id) ?? []).flatMap(({ on, type }) => (type === "e" ? [] : (byId.get(on) ?? [])));
  const memo = (decide: (object: DatabaseObject) => boolean) => {
    const known = new Map<string, boolean>();
    return (object: DatabaseObject): boolean => {
      const before = known.get(object.id);
      if (before !== undefined) return before;
      // Dependencies can be circular: a table and its row type.
      known.set(object.id, false);
      const decided = decide(object);
      known.set(object.id, decided);
      return decided;
    };
  };
  const ownersOfPart = (object: DatabaseObject) =>
    isPart(object) ? owners(object).filter(({ catalog }) => catalog !== "pg_namespace") : [];
  const ofNobody: (object: DatabaseObject) => boolean = memo(
    (object) =>
      /^pg_(temp|toast)/.test(object.schema ?? object.identity) ||
      (dependenciesOf.get(object.id) ?? []).some(({ type }) => type === "e") ||
      ownersOfPart(object).some(ofNobody),
  );
  const comes: (object: DatabaseObject) => boolean = memo(
    (object) =>
      brought !== undefined && (brought.has(object) || ownersOfPart(object).some((owner) => comes(owner))),
  );
  const implied = ({ id }: DatabaseObject) =>
    (dependenciesOf.get(id) ?? []).some(({ type }) => type !== "a" && type !== "e");
  const keyOf = ({ type, identity }: DatabaseObject) => `${type} ${identity}`;
  return objects
    .filter((object) => !ofNobody(object) && !implied(object))
    .map((object) => {
      const { type, identity, schema, detail } = object;
      const all = owners(object).filter(({ catalog }) => catalog !== "pg_namespace");
      const owner = all.find((one) => !comes(one)) ?? all[0];
      return item(type, identity, {
        detail: detail ?? undefined,
        of: owner && keyOf(owner),
        within: schema === null ? undefined : `schema ${schema}`,
        brought: comes(object),
        excluded: brought?.excludes(object) ?? false,
      });
    });
}

type Identified = Pick<DatabaseObject, "catalog" | "id" | "identity">;

export interface Brought {
  has(object: Identified): boolean;
  /** A relation that the user excluded by name. */
  excludes(object: Identified): boolean;
  /** Everything in the database, and what belongs to it. */
  readonly whole: boolean;
  readonly requires: Requirements;
  /** As SQL writes them. */
  readonly schemas: ReadonlySet<string>;
  /** Roles that are created where they are missing. */
  readonly roles: readonly string[];
  /** All roles that are missing are made as they were. */
  readonly restoresRoles: boolean;
}

export function broughtBy({
  tables,
  excluded,
  objects,
  whole,
  requires,
  missingRoles,
}: {
  /** Oids. */
  readonly tables: readonly string[];
  readonly excluded: readonly string[];
  readonly objects: readonly string[];
  readonly whole: boolean;
  readonly requires: Requirements;
  readonly missingRoles: MissingRoles;
}): Brought {
  const oids = new Set(tables);
  const excludedOids = new Set(excluded);
  const ids = new Set(objects);
  const schemas = new Set(requires.schemas);
  const extensions = new Set(requires.extensions.map(({ name }) => name));
  const sequences = new Set(requires.sequences.map(({ schema, name }) => JSON.stringify([schema, name])));
  const oidOf = ({ id }: Identified) => id.split(" ")[1] ?? "";
  return {
    has: (object) => {
      if (ids.has(object.id)) return true;
      const name = parseIdentity(object.identity);
      if (object.catalog === "pg_class")
        return oids.has(oidOf(object)) || sequences.has(JSON.stringify(name));
      if (object.catalog === "pg_namespace") return schemas.has(name[0] ?? "");
      return object.catalog === "pg_extension" && extensions.has(name[0] ?? "");
    },
    excludes: (object) => object.catalog === "pg_class" && excludedOids.has(oidOf(object)),
    ...{ whole, requires },
    schemas: new Set(requires.schemas.map(identifier)),
    roles: missingRoles === "create" ? requires.roles : [],
    restoresRoles: missingRoles === "restore",
  };
}

/** As the server writes it, except keywords. */
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : escapeIdentifier(name);
}

/** The parts of a name as the server quotes it. */
export function parseIdentity(identity: string): string[] {
  return [...identity.matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "",
  );
}
