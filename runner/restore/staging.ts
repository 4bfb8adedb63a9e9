/** Which tables are restored, and where they are before and after. */
import { escapeIdentifier } from "../postgres/escape";
import { z } from "zod";
import { compareDefinitions, mismatch, type RecordedTable } from "../compare";
import { Attempts, Failure } from "../failure";
import { type Relation, readCatalog } from "../postgres/catalog";
import { type Definitions, findDefinitions } from "../postgres/definitions";
import { type Name, sqlName } from "../postgres/names";
import { objectDefinitions } from "../postgres/own-objects";
import { withQualifiedNames } from "../postgres/qualified-names";
import { findRequirements } from "../postgres/requirements";
import { type Selection, selectTables } from "../postgres/select-tables";
import type { Session } from "../postgres/session";
import {
  asTable,
  finalPlace,
  finalSchema,
  findExisting,
  looseSequences,
  type Member,
  moveMembers,
  statisticsOf,
} from "./members";
import { missingObjects, type OwnObject } from "./own-objects";
import { inDatabase, type RestoreRun } from "./run";

export interface StagedTable {
  readonly recorded: RecordedTable;
  readonly stage: Name;
  /** Where it is in the end. */
  readonly place: Name;
  readonly owner: string;
  /** Its columns can be in another order than in the source: those of its parents come first. */
  readonly inherits: boolean;
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
  readonly tables: readonly StagedTable[];
  /** All that is moved in the end, as it is named in the staging schemas. */
  readonly members: readonly Member[];
  /** Final schemas by their staging schemas. */
  readonly finalOf: ReadonlyMap<string, string>;
  readonly kept: readonly KeptSequence[];
  /** Types, functions and the like that the target lacks, and the SQL that creates them. */
  readonly objects: readonly OwnObject[];
  readonly objectSql: string;
  readonly selection: Selection;
}

/** Moves the selected tables of the scratch database to staging schemas, which stand for the final ones. */
export async function stageTables(run: RestoreRun, scratch: Session): Promise<Staging> {
  const { request, session, manifest } = run;
  const schemaInEnd = (schema: string) => finalSchema(request, schema);
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const catalog = (await readCatalog(scratch)).filter((table) => recorded.has(sqlName(table)));
  const selection = selectTables(catalog, {
    tables: request.tables ?? ["*.*"],
    excludeTables: request.excludeTables,
    references: "accept",
  });
  refuseLonePartitions(selection);
  const oids = selection.tables.map(({ oid }) => oid);
  const find = () => withQualifiedNames(scratch, () => findDefinitions(scratch, oids));
  compareWithManifest(run, selection, recorded, await find());

  const objects = await missingObjects(
    scratch,
    session,
    (await withQualifiedNames(scratch, () => findRequirements(scratch, selection.tables))).objects,
  );
  const objectSql = await definitionsOf(run, scratch, objects);
  const sequences = await looseSequences(scratch, oids);
  const inPlace = (object: Name) => finalPlace(request, object);
  const existing = await findExisting(session, sequences.map(inPlace));
  const exists = (place: Name) =>
    existing.some(({ schema, name, kind }) => schema === place.schema && name === place.name && kind === "S");
  const moved = [
    ...selection.tables.map(asTable),
    ...sequences.filter((sequence) => !exists(inPlace(sequence))),
    ...(await statisticsOf(scratch, oids)),
  ];
  const finals = [...new Set(moved.map(({ schema }) => schemaInEnd(schema)))];
  const stageOf = new Map(finals.map((schema, index) => [schema, `${run.names.stagePrefix}${index}`]));
  const stagedSchema = (schema: string) => stageOf.get(schemaInEnd(schema)) ?? schema;
  for (const schema of stageOf.values()) await scratch.run(`CREATE SCHEMA ${escapeIdentifier(schema)}`);
  await moveMembers(scratch, moved, stagedSchema);
  const keptHere = sequences.filter((sequence) => exists(inPlace(sequence)));
  for (const { schema } of keptHere)
    await scratch.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schemaInEnd(schema))}`);
  await moveMembers(scratch, keptHere, schemaInEnd);

  const definitions = await find();
  return {
    selection,
    members: moved.map((member) => ({ ...member, schema: stagedSchema(member.schema) })),
    finalOf: new Map([...stageOf].map(([final, stage]) => [stage, final])),
    kept: await Promise.all(keptHere.map((sequence) => readSequence(scratch, inPlace(sequence)))),
    objects,
    objectSql,
    tables: selection.tables.flatMap((table) => {
      const found = recorded.get(sqlName(table));
      if (found === undefined) return [];
      const { name, owner, schema, references } = table;
      return [
        {
          recorded: found,
          owner,
          inherits: references.some(({ constraint }) => constraint === null),
          stage: { schema: stagedSchema(schema), name },
          place: inPlace(table),
          definitions: definitions.get(table.oid) ?? { indexes: [], constraints: [] },
        },
      ];
    }),
  };
}

async function definitionsOf(
  run: RestoreRun,
  scratch: Session,
  objects: readonly OwnObject[],
): Promise<string> {
  await scratch.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const snapshot = await scratch.row("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
  const ids = objects.map(({ id }) => id);
  const target = inDatabase(run.target, run.names.scratch);
  const found = await objectDefinitions(target, snapshot, ids, run.signal);
  await scratch.run("COMMIT");
  return found;
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
  { manifest }: RestoreRun,
  { tables }: Selection,
  recorded: ReadonlyMap<string, RecordedTable>,
  found: ReadonlyMap<string, Definitions>,
): void {
  const attempts = new Attempts();
  for (const { oid, sqlName: shown, ...table } of tables) {
    const expected = recorded.get(sqlName(table)) ?? { indexes: [], constraints: [] };
    const accepted = manifest.acceptedReferences.filter((key) => key.table === shown);
    const constraints = expected.constraints.filter(
      ({ name }) => !accepted.some(({ constraint }) => constraint === name),
    );
    const restored = found.get(oid) ?? { indexes: [], constraints: [] };
    for (const difference of compareDefinitions({ ...expected, constraints }, restored))
      attempts.add(mismatch(`${shown}: ${difference}`));
  }
  attempts.end();
}

async function readSequence(scratch: Session, place: Name): Promise<KeptSequence> {
  const state = await scratch.row(
    `SELECT last_value::text AS last, is_called AS called,
            (SELECT seqincrement > 0 FROM pg_sequence WHERE seqrelid = s.tableoid) AS ascending FROM ${sqlName(place)} s`,
    z.object({ last: z.string(), called: z.boolean(), ascending: z.boolean() }),
  );
  return { place, ...state };
}
