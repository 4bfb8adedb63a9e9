/** Sorts what tables need: what a backup carries, when it is created, and what cannot be carried. Pure; queries nothing. */
import type { Need, Needs, ObjectId, Part } from "./needs";

/** A table that is not selected, and what needs it. */
export interface MissingTable {
  /** Oid of the selected table. */
  readonly table: string;
  /** What refers to it: "policy own on table public.plot". */
  readonly by: string;
  readonly to: string;
  readonly sqlName: string;
}

export interface SortedNeeds {
  /** Objects that are created before the tables. */
  readonly early: readonly ObjectId[];
  /** Objects that refer to a table or a sequence of the archive, and are created after its pre-data. */
  readonly late: readonly ObjectId[];
  /** Members of extensions. */
  readonly extension: readonly ObjectId[];
  /** Sequences that no selected table owns. */
  readonly sequences: readonly { readonly schema: string; readonly name: string; readonly oid: string }[];
  /** Oids of schemas and roles that rows name. */
  readonly schemas: readonly string[];
  readonly roles: readonly string[];
  readonly missing: readonly MissingTable[];
  /** Why tables cannot be restored from a backup of tables; one sentence each. */
  readonly refused: readonly string[];
}

const relationKinds: Readonly<Record<string, string>> = {
  v: "view",
  m: "materialized view",
  f: "foreign table",
};

export function sortNeeds({ parts, needs, edges, named }: Needs, selected: ReadonlySet<string>): SortedNeeds {
  const needOf = new Map(needs.map((need) => [need.id, need]));
  const next = new Map<ObjectId, ObjectId[]>();
  for (const [from, to] of edges) {
    const known = next.get(from);
    if (known === undefined) next.set(from, [to]);
    else known.push(to);
  }
  const reached = (id: ObjectId): Need[] => reach(id, next).flatMap((to) => needOf.get(to) ?? []);
  const isTable = (kind: string | undefined) => kind === "r" || kind === "p";
  const own = needs.filter(({ kind }) => kind === "own");
  /** Whether the object refers to something in the archive. */
  const isLate = ({ id }: Need) => reached(id).some(({ kind }) => kind === "inside" || kind === "relation");
  const late = new Set(own.filter(isLate).map(({ id }) => id));

  const uses = parts.flatMap((part) => reached(part.id).map((need) => ({ part, need })));
  const missing = uses.flatMap(({ part, need: { kind, relation } }) =>
    kind !== "relation" || relation === null || !isTable(relation.kind) || selected.has(relation.oid)
      ? []
      : [{ table: part.table, by: part.description, to: relation.oid, sqlName: relation.sqlName }],
  );
  const others = uses.flatMap(({ part, need: { kind, relation } }) => {
    const what = kind === "relation" ? relationKinds[relation?.kind ?? ""] : undefined;
    return what === undefined
      ? []
      : [
          `${part.description} needs the ${what} ${relation?.sqlName ?? ""}, and a backup of tables holds no ${what}s`,
        ];
  });
  const tooEarly = uses.flatMap(({ part, need }) =>
    late.has(need.id) && createdBefore(part, reached(need.id), selected)
      ? [
          `${part.description} needs ${need.description}, which itself needs a table of the backup, so it can be created neither before the tables nor after them`,
        ]
      : [],
  );
  const constraints = own.flatMap((object) =>
    reached(object.id)
      .filter(({ kind, catalog }) => kind === "inside" && catalog === "pg_constraint")
      .map(
        (inside) =>
          `${object.description} needs ${inside.description}, which is created after the rows of the tables`,
      ),
  );
  return {
    early: own.filter(({ id }) => !late.has(id)).map(({ id }) => id),
    late: [...late],
    extension: needs.filter(({ kind }) => kind === "extension").map(({ id }) => id),
    sequences: needs.flatMap(({ kind, relation }) =>
      kind === "relation" && relation?.kind === "S" ? [relation] : [],
    ),
    schemas: named?.schemas ?? [],
    roles: named?.roles ?? [],
    missing: distinct(missing, ({ table, to }) => `${table} ${to}`),
    refused: distinct([...(named?.refused ?? []), ...others, ...tooEarly, ...constraints], (text) => text),
  };
}

function reach(start: ObjectId, next: ReadonlyMap<ObjectId, readonly ObjectId[]>): ObjectId[] {
  const found = new Set<ObjectId>();
  const open = [start];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    for (const to of next.get(id) ?? []) {
      if (found.has(to)) continue;
      found.add(to);
      open.push(to);
    }
  }
  return [...found];
}

/**
 * pg_dump creates a CHECK after the rows if it calls a function that uses the row type of its own table, because neither the
 * table nor the function could come first.
 */
function createdBefore(
  { section, table }: Part,
  reached: readonly Need[],
  selected: ReadonlySet<string>,
): boolean {
  if (section !== "check") return section === "pre-data";
  return !reached.some(({ relation }) => relation?.oid === table && selected.has(table));
}

function distinct<T>(all: readonly T[], key: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [key(one), one])).values()];
}
