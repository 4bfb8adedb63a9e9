/** Which tables are restored, and where they are before and after. */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { compareDefinitions, mismatch, type RecordedTable } from "../verify";
import { Attempts, Failure } from "../lib/failure";
import { type Relation, readCatalog } from "../postgres/catalog/catalog";
import { type Definitions, findDefinitions } from "../postgres/catalog/definitions";
import { majorVersion } from "../postgres/session/server-info";
import { type Name, sqlName } from "../postgres/session/names";
import { haveNames } from "../postgres/catalog/named-values";
import { findPools } from "../postgres/session/pools";
import { withQualifiedNames } from "../postgres/session/qualified-names";
import { findRequirements, type ObjectId } from "../postgres/catalog/requirements";
import { type Selection, selectTables } from "../postgres/catalog/select-tables";
import type { Session } from "../postgres/session/session";
import {
  asTable,
  finalPlace,
  finalSchema,
  findExisting,
  looseSequences,
  type Member,
  moveMembers,
  oidList,
  statisticsOf,
} from "./members";
import { missingObjects } from "./own-objects";
import type { RestoreRun } from "./run";
import type { Scratch } from "./scratch";
import { functionNames, noSearchPath, setSearchPath } from "../postgres/catalog/unqualified";
import type { WantedObjects } from "./wanted";

export interface StagedTable {
  readonly recorded: RecordedTable;
  readonly stage: Name;
  /** Where it is in the end. */
  readonly place: Name;
  readonly owner: string;
  /** Its columns can be in another order than in the source: those of its parents come first. */
  readonly inherits: boolean;
  /** Its rows are given to the partitioned table, and can come to other partitions of that. */
  readonly pooled: boolean;
  /** With the names that it has in its staging schema. */
  readonly definitions: Definitions;
}

/** A sequence that no table owns and that the target has already: it stays, and is moved on if it is behind. */
export interface KeptSequence {
  readonly place: Name;
  readonly last: string;
  readonly called: boolean;
  readonly ascending: boolean;
}

export interface Staging {
  /** Whether the tables are made under their final names, because none of them exists. */
  readonly direct: boolean;
  readonly tables: readonly StagedTable[];
  /** All that is moved in the end, as it is named in the staging schemas. */
  readonly members: readonly Member[];
  /** Final schemas by their staging schemas. */
  readonly finalOf: ReadonlyMap<string, string>;
  readonly kept: readonly KeptSequence[];
  readonly wanted: WantedObjects;
  /** Functions that can be called because they were given a search path, which they lose again. */
  readonly unqualified: readonly string[];
  /** The statement that sets the search path of sessions that fill the target. */
  readonly searchPath: string;
  readonly selection: Selection;
  /** Names, in the schemas in the end, of all that is made there and shares its names with tables. */
  readonly names: readonly (Name & { readonly kind: string })[];
}

/**
 * Moves the selected tables of the scratch database to where they are made in the target: the schemas in which they are in
 * the end, or, where one of them exists, staging schemas that stand for those.
 */
export async function stageTables(
  run: RestoreRun,
  { session: scratch, unqualified }: Scratch,
): Promise<Staging> {
  const { request, session, manifest } = run;
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const catalog = (await readCatalog(scratch)).filter((table) => recorded.has(sqlName(table)));
  const selection = selectTables(catalog, {
    tables: request.tables ?? ["*.*"],
    excludeTables: request.excludeTables,
    missingReferences: "ignore",
  });
  refuseLonePartitions(selection);
  const oids = selection.tables.map(({ oid }) => oid);
  const find = () => withQualifiedNames(scratch, () => findDefinitions(scratch, oids));
  compareWithManifest(run, selection, recorded, await find());

  const inPlace = (object: Name) => finalPlace(request, object);
  const existing = await findExisting(session, selection.tables.map(inPlace));
  const direct = existing.length === 0;
  // What rows name is not known before they are there; so all of the backup comes.
  const all = selection.tables.length === manifest.tables.length || (await haveNames(scratch, oids));
  const needed = all ? undefined : await requirementsOf(scratch, selection);
  const isNeeded = (id: ObjectId) => needed === undefined || needed.has(id);
  const views = all ? await otherRelations(scratch, session) : [];
  const sequences = await looseSequences(scratch, all ? undefined : oids);
  const keptPlaces = new Set(
    (await findExisting(session, sequences.map(inPlace)))
      .filter(({ kind }) => kind === "S")
      .map((place) => sqlName(place)),
  );
  const isKept = (sequence: Name) => keptPlaces.has(sqlName(inPlace(sequence)));
  const moved = [
    ...selection.tables.map(asTable),
    ...sequences.filter((sequence) => !isKept(sequence)),
    ...(await statisticsOf(scratch, oids)),
  ];
  const schemaInEnd = (schema: string) => finalSchema(request, schema);
  const finals = [...new Set(moved.map(({ schema }) => schemaInEnd(schema)))];
  const first = direct ? 0 : await freeNumber(session, run.names.stagePrefix);
  const stageOf = new Map(
    finals.map((schema, index) => [schema, direct ? schema : `${run.names.stagePrefix}${first + index}`]),
  );
  const stagedSchema = (schema: string) => stageOf.get(schemaInEnd(schema)) ?? schema;
  const keptHere = sequences.filter(isKept);
  const schemas = new Set([...stageOf.values(), ...keptHere.map(({ schema }) => schemaInEnd(schema))]);
  for (const schema of schemas) await scratch.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
  await moveMembers(scratch, moved, stagedSchema);
  await moveMembers(scratch, keptHere, schemaInEnd);
  // Now, because a function over a table's rows is another one where the table has another name.
  const objects = await missingObjects(scratch, session, isNeeded);
  const ids = new Set(objects.map(({ id }) => id));

  const definitions = await find();
  const pools = await findPools(scratch, oids);
  const finalOf = new Map([...stageOf].map(([final, stage]) => [stage, final]));
  const extensions = await lackingExtensions(run);
  const wantedSchemas = [
    ...stageOf.values(),
    ...[...objects, ...extensions].flatMap(({ schema }) => schema ?? []),
    ...(all ? manifest.requires.schemas.filter((schema) => schemaInEnd(schema) === schema) : []),
  ];
  return {
    direct,
    selection,
    members: direct ? [] : moved.map((member) => ({ ...member, schema: stagedSchema(member.schema) })),
    finalOf,
    names: (await namesInUse(scratch, oids)).map((one) => ({
      ...one,
      schema: finalOf.get(one.schema) ?? one.schema,
    })),
    kept: await readSequences(scratch, keptHere.map(inPlace)),
    unqualified: await functionNames(
      scratch,
      unqualified.filter((id) => ids.has(id)),
    ),
    searchPath: unqualified.every((id) => ids.has(id) || !isNeeded(id))
      ? noSearchPath
      : await setSearchPath([session, scratch]),
    wanted: {
      relations: [...oids, ...(await sequenceOids(scratch, sequences, stagedSchema, isKept)), ...views],
      objects: [...ids],
      schemas: await lackingSchemas(session, wantedSchemas),
      extensions: extensions.map(({ name }) => name),
    },
    tables: selection.tables.flatMap((table) => {
      const found = recorded.get(sqlName(table));
      if (found === undefined) return [];
      const { name, owner, schema, references } = table;
      return [
        {
          recorded: found,
          owner,
          pooled: pools.has(table.oid),
          inherits: references.some(({ constraint }) => constraint === null),
          stage: { schema: stagedSchema(schema), name },
          place: inPlace(table),
          definitions: definitions.get(table.oid) ?? { indexes: [], constraints: [] },
        },
      ];
    }),
  };
}

/** The tables, their indexes and the sequences that they own. */
async function namesInUse(
  scratch: Session,
  oids: readonly string[],
): Promise<(Name & { readonly kind: string })[]> {
  const found = await scratch.rows(
    `WITH own AS (
       SELECT oid FROM pg_class WHERE oid IN (${oidList(oids)})
       UNION SELECT indexrelid FROM pg_index WHERE indrelid IN (${oidList(oids)})
       UNION SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass
         AND refobjid IN (${oidList(oids)}) AND deptype IN ('a', 'i'))
     SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind FROM own JOIN pg_class c USING (oid)
     JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'i', 'I', 'S')`,
    z.object({ schema: z.string(), name: z.string(), kind: z.string() }),
  );
  const kinds: Record<string, string> = { i: "index", I: "index", S: "sequence" };
  return found.map(({ schema, name, kind }) => ({ schema, name, kind: kinds[kind] ?? "table" }));
}

/** From which on no schema has the prefix and the number. */
async function freeNumber(session: Session, prefix: string): Promise<number> {
  const { number } = await session.row(
    `SELECT coalesce(max(substr(nspname, ${prefix.length + 1})::int) + 1, 0) AS number FROM pg_namespace WHERE nspname ~ ${escapeLiteral(`^${prefix}[0-9]{1,6}$`)}`,
    z.object({ number: z.int() }),
  );
  return number;
}

async function requirementsOf(scratch: Session, { tables }: Selection): Promise<ReadonlySet<ObjectId>> {
  const { objects } = await withQualifiedNames(scratch, () => findRequirements(scratch, tables));
  return new Set(objects);
}

/** Oids of sequences that go to the target, where they are now. */
async function sequenceOids(
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

/** Oids of views, such as a column can be of the type of; one that the target has is left alone there. */
async function otherRelations(scratch: Session, session: Session): Promise<string[]> {
  const found = await scratch.rows(
    `SELECT c.oid::text, n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('v', 'm', 'f') AND c.oid >= 16384 AND NOT EXISTS (
       SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')`,
    z.object({ oid: z.string(), schema: z.string(), name: z.string() }),
  );
  const there = new Set((await findExisting(session, found)).map((place) => sqlName(place)));
  return found.filter((relation) => !there.has(sqlName(relation))).map(({ oid }) => oid);
}

async function lackingExtensions({
  session,
  manifest,
}: RestoreRun): Promise<{ name: string; schema: string }[]> {
  const there = await namesIn(session, "pg_extension", "extname");
  return manifest.requires.extensions.filter(({ name }) => !there.has(name));
}

async function lackingSchemas(session: Session, schemas: readonly string[]): Promise<string[]> {
  const there = await namesIn(session, "pg_namespace", "nspname");
  return [...new Set(schemas)].filter((schema) => !there.has(schema));
}

async function namesIn(session: Session, catalog: string, column: string): Promise<Set<string>> {
  const rows = await session.rows(`SELECT ${column} AS name FROM ${catalog}`, z.object({ name: z.string() }));
  return new Set(rows.map(({ name }) => name));
}

function refuseLonePartitions({ tables }: Selection): void {
  const oids = new Set(tables.map(({ oid }) => oid));
  const attempts = new Attempts();
  for (const { sqlName, partOf } of tables.filter(
    (table: Relation) => !table.partOf.every((oid) => oids.has(oid)),
  )) {
    attempts.add(
      new Failure(
        "reference-outside-selection",
        `${sqlName} is a partition or a child of ${partOf.length === 1 ? "a table" : "tables"} of the backup that ` +
          "would not be restored with it. Select the parent, whose partitions come along.",
      ),
    );
  }
  attempts.end();
}

/** The definitions must come back as they were recorded, but for foreign keys that the backup could not have. */
function compareWithManifest(
  { manifest, facts }: RestoreRun,
  { tables }: Selection,
  recorded: ReadonlyMap<string, RecordedTable>,
  found: ReadonlyMap<string, Definitions>,
): void {
  const attempts = new Attempts();
  const sameVersion = majorVersion(manifest.source.serverVersion) === majorVersion(facts.version);
  for (const { oid, sqlName: shown, ...table } of tables) {
    const expected = recorded.get(sqlName(table)) ?? { indexes: [], constraints: [] };
    const accepted = manifest.ignoredReferences.filter((key) => key.table === shown);
    const constraints = expected.constraints.filter(
      ({ name }) => !accepted.some(({ constraint }) => constraint === name),
    );
    const restored = found.get(oid) ?? { indexes: [], constraints: [] };
    for (const difference of compareDefinitions({ ...expected, constraints }, restored, { sameVersion }))
      attempts.add(mismatch(`${shown}: ${difference}`));
  }
  attempts.end();
}

async function readSequences(scratch: Session, places: readonly Name[]): Promise<KeptSequence[]> {
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
