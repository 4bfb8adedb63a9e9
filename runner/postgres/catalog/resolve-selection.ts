/** The tables that a request selects, with all that they need. */
import { Attempts, Failure } from "../../lib/failure";
import { type Relation, readCatalog } from "./catalog";
import { isOfRestore, refuseHalfRestored } from "./half-restored";
import { findNeeds, type Needs } from "./needs";
import { inheritedDefaults, notCarried } from "./not-carried";
import { withQualifiedNames } from "../session/qualified-names";
import { type Selection, type SelectionRequest, selectTables } from "./select-tables";
import type { Session } from "../session/session";
import { type MissingTable, sortNeeds } from "./sort-needs";

export interface ResolvedSelection extends Selection {
  readonly needs: Needs;
}

/** Fails where the tables need something that a backup of them would not bring back, or are not restored to their end. */
export async function resolveSelection(
  session: Session,
  request: SelectionRequest,
  /** Whether the rows of the table may be read for what they name: it is locked, or the session does not wait long. */
  mayRead: (oid: string) => boolean = () => false,
): Promise<ResolvedSelection> {
  const relations = (await readCatalog(session)).filter((relation) => !isOfRestore(relation));
  const added = new Set<string>();
  for (;;) {
    const selection = selectTables(relations, request, added);
    const oids = selection.tables.map(({ oid }) => oid);
    const needs = await withQualifiedNames(session, () => findNeeds(session, oids, oids.filter(mayRead)));
    const { missing: needed, refused } = sortNeeds(needs, new Set(oids));
    const missing = [...needed, ...partitionsAlone(selection.tables, relations)];
    const unable = [...refused, ...(await inheritedDefaults(session, oids))];
    const more = request.missingReferences === "include" ? missing.filter(({ to }) => !added.has(to)) : [];
    if (more.length === 0) {
      const attempts = new Attempts();
      for (const table of missing) attempts.add(refuseMissing(table));
      if (unable.length > 0) attempts.add(notCarried(unable));
      attempts.end();
      await refuseHalfRestored(session, selection.tables);
      return { ...selection, needs };
    }
    for (const { to } of more) added.add(to);
  }
}

/** pg_dump attaches a partition to its table, whether that is dumped or not. */
function partitionsAlone(tables: readonly Relation[], relations: readonly Relation[]): MissingTable[] {
  const selected = new Set(tables.map(({ oid }) => oid));
  const nameOf = new Map(relations.map(({ oid, sqlName }) => [oid, sqlName]));
  return tables.flatMap(({ oid, sqlName, partOf }) =>
    partOf
      .filter((to) => !selected.has(to))
      .map((to) => ({ table: oid, by: `partition ${sqlName}`, to, sqlName: nameOf.get(to) ?? "" })),
  );
}

function refuseMissing({ by, sqlName }: MissingTable): Failure {
  return new Failure(
    "reference-outside-selection",
    `The ${by} needs ${sqlName}, which is not selected, and cannot be restored without it. ` +
      `Select ${sqlName} too, or let "missingReferences: include" do so.`,
  );
}
