/**
 * Finds what would keep a backup from being restored, without running anything of it: from the manifest, and from the
 * archive's table of contents if it has one.
 */
import type { RecordedTable } from "../verify";
import { Attempts, Failures } from "../lib/failure";
import type { Relation } from "../postgres/catalog/catalog";
import { sqlName } from "../postgres/session/names";
import { type Selection, selectTables } from "../postgres/catalog/select-tables";
import type { TocEntry } from "../postgres/archive/toc";
import { readEntries } from "./reader";
import { finalPlace, finalSchema, findExisting } from "./members";
import { checkNames, checkPlaces } from "./places";
import type { RestoreRun } from "./begin";
import { checkFreeSpace } from "./target-check";
import { serverNames, accessMethodMissing, noteTablespaces } from "./statements";

/** The tables that would be restored. */
export async function dryRun(run: RestoreRun) {
  const { request, manifest, session } = run;
  const contents = await readEntries(run.files, manifest);
  const selection = selectRecorded(run, contents);
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const tables = selection.tables.flatMap((table) => {
    const found = recorded.get(sqlName(table));
    return found === undefined ? [] : [{ recorded: found, place: finalPlace(request, table) }];
  });
  const places = tables.map(({ place }) => place);
  const finals = [...new Set(places.map(({ schema }) => schema))];
  const attempts = new Attempts();
  const needed = await checkPlaces(
    run,
    { places, finals, references: selection.ignoredReferences },
    attempts,
  );
  if (needed) {
    if (request.content !== "schema") await attempts.run(() => checkFreeSpace(session, run.target, tables));
    const existing = await findExisting(session, places);
    await attempts.run(() => checkNames(session, request.database, namesOf(run, tables, contents), existing));
    await attempts.run(() => checkServerNames(run, tables, contents));
  }
  attempts.end();
  return tables.map(({ recorded: { rows }, place }) => ({ place, rows }));
}

/** The tables that the request selects, as far as the manifest and the table of contents tell. */
function selectRecorded(
  { manifest, request }: Pick<RestoreRun, "request" | "manifest">,
  contents: readonly TocEntry[] = [],
): Selection {
  const byId = new Map(contents.map((entry) => [entry.id, entry]));
  const parents = new Map<string, string[]>();
  const references = new Map<string, Relation["references"]>();
  for (const entry of contents) {
    const tables = entry.needs.flatMap((id) => tableOf(byId, byId.get(id)) ?? []);
    if (entry.kind === "TABLE ATTACH") {
      const child = sqlName(entry);
      const others = tables.map((table) => sqlName(table)).filter((name) => name !== child);
      parents.set(child, [...(parents.get(child) ?? []), ...others]);
    }
    if (entry.kind !== "FK CONSTRAINT") continue;
    const own = tables.find(
      ({ schema, name }) => schema === entry.schema && entry.name.startsWith(`${name} `),
    );
    if (own === undefined) continue;
    const others = tables.filter((table) => table !== own);
    const constraint = entry.name.slice(own.name.length + 1);
    references.set(sqlName(own), [
      ...(references.get(sqlName(own)) ?? []),
      ...others.map((table) => ({ to: sqlName(table), sqlName: sqlName(table), constraint })),
    ]);
  }
  const partOf = (name: string): string[] =>
    (parents.get(name) ?? []).flatMap((parent) => [parent, ...partOf(parent)]);
  const relations = manifest.tables.map((table): Relation => {
    const key = sqlName(table);
    const { schema, name, owner, bytes } = table;
    return {
      ...{
        schema,
        name,
        owner,
        bytes,
        oid: key,
        sqlName: key,
        visible: schema === "public",
        extension: null,
      },
      kind: table.kind === "table" ? "r" : "p",
      partOf: partOf(key),
      references: references.get(key) ?? [],
    };
  });
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

/** The table that an entry is or belongs to. */
function tableOf(byId: ReadonlyMap<number, TocEntry>, entry: TocEntry | undefined): TocEntry | undefined {
  if (entry === undefined || entry.kind === "TABLE") return entry;
  return entry.kind === "CONSTRAINT" || entry.kind === "INDEX"
    ? entry.needs.flatMap((id) => byId.get(id) ?? []).find(({ kind }) => kind === "TABLE")
    : undefined;
}

const indexName = /^CREATE (?:UNIQUE )?INDEX (?<name>"(?:[^"]|"")+"|\S+) ON /;

/** Names, besides those of the tables, that relations of the backup will have, in their schemas. */
function namesOf(
  { request, manifest }: Pick<RestoreRun, "request" | "manifest">,
  tables: readonly { readonly recorded: RecordedTable }[],
  contents: readonly TocEntry[] = [],
) {
  const indexes = tables.flatMap(({ recorded: { schema, indexes } }) =>
    indexes.flatMap((definition) => {
      const name = indexName.exec(definition)?.groups?.["name"];
      const bare = name?.startsWith('"') === true ? name.slice(1, -1).replaceAll('""', '"') : name;
      return bare === undefined ? [] : [{ schema, name: bare, kind: "index" }];
    }),
  );
  const all = tables.length === manifest.tables.length;
  const loose = new Set(manifest.requires.sequences.map((sequence) => sqlName(sequence)));
  const sequences = contents
    .filter((entry) => all && entry.kind === "SEQUENCE" && !loose.has(sqlName(entry)))
    .map(({ schema, name }) => ({ schema, name, kind: "sequence" }));
  return [...indexes, ...sequences].map((one) => ({ ...one, schema: finalSchema(request, one.schema) }));
}

const indexMethod = /^CREATE (?:UNIQUE )?INDEX .* ON .*? USING (?<method>\w+) \(/s;

/** Checks the access methods and tablespaces that the manifest and the table of contents name. */
async function checkServerNames(
  run: Pick<RestoreRun, "manifest" | "session" | "notes">,
  tables: readonly { readonly recorded: RecordedTable }[],
  contents: readonly TocEntry[] = [],
): Promise<void> {
  const { tablespaces, accessMethods } = await serverNames(run.session);
  const methods = new Set([
    ...contents.map(({ accessMethod }) => accessMethod).filter((name) => name !== ""),
    ...tables.flatMap(({ recorded }) =>
      recorded.indexes.flatMap((definition) => indexMethod.exec(definition)?.groups?.["method"] ?? []),
    ),
  ]);
  noteTablespaces(
    run.notes,
    new Set(
      contents.map(({ tablespace }) => tablespace).filter((name) => name !== "" && !tablespaces.has(name)),
    ),
  );
  const { extensions, others } = run.manifest.requires;
  // An extension that is not created yet may bring an access method, and so may the backup itself.
  if (extensions.length > 0) return;
  const brought = new Set(others);
  Failures.throwIfAny(
    [...methods]
      .filter((name) => !accessMethods.has(name) && !brought.has(`access method ${name}`))
      .map(accessMethodMissing),
  );
}
