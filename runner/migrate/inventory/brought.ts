/** What a migration brings: the selected tables, and what they need. */
import { escapeIdentifier } from "../../postgres/session/escape";
import type { DatabaseObject } from "./objects";
import type { Requirements } from "../../request/contents";

/** What is known of an object, without the rest. */
type Identified = Pick<DatabaseObject, "catalog" | "id" | "identity">;

export interface Brought {
  has(object: Identified): boolean;
  /** A relation that the user excluded by name. */
  excludes(object: Identified): boolean;
  readonly requires: Requirements;
  /** As SQL writes them. */
  readonly schemas: ReadonlySet<string>;
  /** Roles that are created where they are missing. */
  readonly roles: readonly string[];
}

export function broughtBy({
  tables,
  excluded,
  objects,
  requires,
  createsRoles,
}: {
  /** Oids. */
  readonly tables: readonly string[];
  readonly excluded: readonly string[];
  readonly objects: readonly string[];
  readonly requires: Requirements;
  readonly createsRoles: boolean;
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
    requires,
    schemas: new Set(requires.schemas.map(identifier)),
    roles: createsRoles ? requires.roles : [],
  };
}

/** As the server writes it, but for keywords. */
function identifier(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : escapeIdentifier(name);
}

/** The parts of a name as the server quotes it. */
export function parseIdentity(identity: string): string[] {
  return [...identity.matchAll(/"((?:[^"]|"")*)"|([^".]+)/g)].map(
    ([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare ?? "",
  );
}
