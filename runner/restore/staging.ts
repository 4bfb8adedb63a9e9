/** Which tables are restored, and where they are loaded. */
import * as z from "zod";
import { Attempts, Failure } from "../lib/failure";
import { readCatalog, findPools, type Relation } from "../postgres/catalog/catalog";
import { type Definitions, findDefinitions } from "../postgres/catalog/definitions";
import { haveNames } from "../postgres/catalog/named";
import type { ObjectId } from "../postgres/catalog/requirements";
import type { Selection } from "../postgres/catalog/select-tables";
import { functionNames, noSearchPath, setSearchPath } from "../postgres/catalog/unqualified";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { type Name, sqlName, oidList } from "../postgres/session/names";
import { majorVersion, type ServerInfo } from "../postgres/session/server";
import { withQualifiedNames, type Session } from "../postgres/session/session";
import { type RecordedTable, compareDefinitions, mismatch } from "../verify";
import type { Manifest } from "../repository/manifest";
import type { RequestedBackup, Target } from "./begin";
import {
  type Member,
  KeptSequence,
  type WantedObjects,
  requirementsOf,
  otherRelations,
  looseSequences,
  asTable,
  statisticsOf,
  moveMembers,
  missingObjects,
  lackingExtensions,
  readSequences,
  sequenceOids,
  lackingSchemas,
  selectRequested,
} from "./objects";
import { finalPlace, findExisting, finalSchema } from "./places";
import type { Scratch } from "./scratch";

export interface StagedTable {
  readonly recorded: RecordedTable;
  readonly stage: Name;
  /** Where it ends up. */
  readonly place: Name;
  readonly owner: string;
  /** Its columns can be in another order than in the source, because those of its parents come first. */
  readonly inherits: boolean;
  /** Its rows are loaded into the partitioned table, and may end up in other partitions. */
  readonly pooled: boolean;
  /** With the names that they have in the staging schema. */
  readonly definitions: Definitions;
}

export interface Staging {
  /** The tables are made under their final names, because none of them exists. */
  readonly direct: boolean;
  readonly tables: readonly StagedTable[];
  /** Everything that is moved at the end, by its name in the staging schemas. */
  readonly members: readonly Member[];
  /** Final schemas by their staging schemas. */
  readonly finalOf: ReadonlyMap<string, string>;
  readonly kept: readonly KeptSequence[];
  readonly wanted: WantedObjects;
  /** Functions that got a search path so that they can be called, and lose it again. */
  readonly unqualified: readonly string[];
  /** The statement that sets the search path of sessions that fill the target. */
  readonly searchPath: string;
  readonly selection: Selection;
  /** Final names of everything that is made and shares its space of names with tables. */
  readonly names: readonly (Name & { readonly kind: string })[];
}

/**
 * Moves the selected tables of the scratch database into the schemas in which they are made in the target: their final schemas,
 * or staging schemas if one of the tables exists.
 */
export async function stageTables(
  { request, manifest }: RequestedBackup,
  { session, serverInfo, names }: Target,
  { session: scratch, unqualified }: Scratch,
): Promise<Staging> {
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const catalog = (await readCatalog(scratch)).filter((table) => recorded.has(sqlName(table)));
  const selection = selectRequested({ request, manifest }, catalog);
  refuseLonePartitions(selection);
  const oids = selection.tables.map(({ oid }) => oid);
  const find = () => withQualifiedNames(scratch, () => findDefinitions(scratch, oids));
  compareWithManifest(manifest, serverInfo, selection, recorded, await find());

  const inPlace = (object: Name) => finalPlace(request, object);
  const existing = await findExisting(session, selection.tables.map(inPlace));
  const direct = existing.length === 0;
  // If rows can name objects, nobody knows yet which ones, so everything in the backup is restored.
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
  const first = direct ? 0 : await freeNumber(session, names.stagePrefix);
  const stageOf = new Map(
    finals.map((schema, index) => [schema, direct ? schema : `${names.stagePrefix}${first + index}`]),
  );
  const stagedSchema = (schema: string) => stageOf.get(schemaInEnd(schema)) ?? schema;
  const keptHere = sequences.filter(isKept);
  const schemas = new Set([...stageOf.values(), ...keptHere.map(({ schema }) => schemaInEnd(schema))]);
  for (const schema of schemas) await scratch.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
  await moveMembers(scratch, moved, stagedSchema);
  await moveMembers(scratch, keptHere, schemaInEnd);
  // After the move, because the identity of a function over rows has the name of the table in it.
  const objects = await missingObjects(scratch, session, isNeeded);
  const ids = new Set(objects.map(({ id }) => id));

  const definitions = await find();
  const pools = await findPools(scratch, oids);
  const finalOf = new Map([...stageOf].map(([final, stage]) => [stage, final]));
  const extensions = await lackingExtensions(session, manifest.requires.extensions);
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

/** The first number from which on no schema has this prefix and a number. */
async function freeNumber(session: Session, prefix: string): Promise<number> {
  const { number } = await session.row(
    `SELECT coalesce(max(substr(nspname, ${prefix.length + 1})::int) + 1, 0) AS number FROM pg_namespace WHERE nspname ~ ${escapeLiteral(`^${prefix}[0-9]{1,6}$`)}`,
    z.object({ number: z.int() }),
  );
  return number;
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

/** The definitions must be those of the manifest, except for foreign keys to tables that are not in the backup. */
function compareWithManifest(
  manifest: Manifest,
  serverInfo: ServerInfo,
  { tables }: Selection,
  recorded: ReadonlyMap<string, RecordedTable>,
  found: ReadonlyMap<string, Definitions>,
): void {
  const attempts = new Attempts();
  const sameVersion = majorVersion(manifest.source.serverVersion) === majorVersion(serverInfo.version);
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
