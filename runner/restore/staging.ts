/** Which tables are restored, where they are loaded, and how they get to their final places. */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { compareDefinitions, mismatch, type RecordedTable } from "../verify";
import { Attempts, Failure } from "../lib/failure";
import { type Relation, readCatalog, findPools, firstUserOid } from "../postgres/catalog/catalog";
import { type Definitions, findDefinitions } from "../postgres/catalog/definitions";
import { majorVersion } from "../postgres/session/server";
import { type Name, sqlName, oidList } from "../postgres/session/names";
import type { ObjectId } from "../postgres/catalog/requirements";
import { withQualifiedNames, type Session, openSession, SqlError } from "../postgres/session/session";
import { type Selection, selectTables } from "../postgres/catalog/select-tables";
import {
  asTable,
  finalPlace,
  finalSchema,
  findExisting,
  looseSequences,
  type Member,
  moveMembers,
  statisticsOf,
  KeptSequence,
  readSequences,
  type Existing,
  schemaBefore,
  advanceSequences,
} from "./members";
import type { Scratch } from "./scratch";
import { functionNames, noSearchPath, setSearchPath } from "../postgres/catalog/unqualified";
import {
  type WantedObjects,
  missingObjects,
  requirementsOf,
  sequenceOids,
  otherRelations,
  lackingExtensions,
  lackingSchemas,
} from "./wanted";
import type { RestoreRun } from "./begin";
import { haveNames } from "../postgres/catalog/named";
import { forgetRecord } from "./record";
import { backupId } from "../repository/backup-id";
import { refuseDependents, exchange, findLost, findMemberships } from "./places";
import { beginAndWait } from "../postgres/session/snapshot";

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
  run: Pick<RestoreRun, "request" | "manifest" | "session" | "serverInfo" | "names">,
  { session: scratch, unqualified }: Scratch,
): Promise<Staging> {
  const { request, session, manifest } = run;
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const catalog = (await readCatalog(scratch)).filter((table) => recorded.has(sqlName(table)));
  const selection = selectTables(
    catalog,
    {
      tables: request.tables ?? ["*.*"],
      excludeTables: request.excludeTables,
      missingReferences: "ignore",
    },
    `backup ${manifest.id}`,
  );
  refuseLonePartitions(selection);
  const oids = selection.tables.map(({ oid }) => oid);
  const find = () => withQualifiedNames(scratch, () => findDefinitions(scratch, oids));
  compareWithManifest(run, selection, recorded, await find());

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
  { manifest, serverInfo }: Pick<RestoreRun, "manifest" | "serverInfo">,
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

/**
 * Moves the finished tables to their final places and drops the record of the restore, in one transaction. Returns the schemas
 * into which swap has moved the old tables.
 */
export async function publish(run: RestoreRun, staging: Staging): Promise<string[]> {
  const { session } = run;
  try {
    return await move(run, staging);
  } catch (error) {
    if (!run.signal.aborted) await session.run("ROLLBACK").catch(() => undefined);
    throw inWords(error);
  }
}

async function move(run: RestoreRun, staging: Staging): Promise<string[]> {
  const { request, session, target, signal, progress } = run;
  const places = staging.direct ? [] : staging.tables.map(({ place }) => place);
  const old =
    request.ifExists === "replace" || request.ifExists === "swap" ? await findExisting(session, places) : [];
  const locks = old.map(({ sqlName }) => sqlName).join(", ");
  await beginAndWait(
    session,
    "BEGIN",
    locks === "" ? "SELECT 1" : `LOCK TABLE ${locks} IN ACCESS EXCLUSIVE MODE`,
    {
      lockTimeout: request.lockTimeout,
      openObserver: () => openSession(target, signal),
      note: (message) => {
        progress.note(message);
      },
    },
  );
  const oids = old.map(({ oid }) => oid);
  // Somebody may have made a view of them since the restore began.
  await refuseDependents(session, oids);
  const version = run.serverInfo.number;
  const memberships =
    old.length === 0 || version < 100000 ? [] : await findMemberships(session, old, version);
  const lost = version < 100000 ? [] : await findLost(session, pairsOf(staging, old));
  const time = backupId(new Date());
  const swapped = request.ifExists === "swap" ? await setAside(session, old, time) : [];
  if (request.ifExists === "replace" && locks !== "") await session.run(`DROP TABLE ${locks}`);
  for (const schema of staging.finalOf.values())
    await session.run(`CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}`);
  await moveMembers(session, staging.members, (schema) => staging.finalOf.get(schema) ?? schema);
  if (!staging.direct) await rebuildLookups(run, staging);
  const aside = new Map(
    old.map((table) => [table.sqlName, sqlName({ ...table, schema: schemaBefore(table.schema, time) })]),
  );
  await exchange(session, memberships, (table) =>
    request.ifExists === "swap" ? aside.get(table) : undefined,
  );
  if (request.content === "all") await advanceSequences(session, staging);
  // Not CASCADE, because nothing may be left in them.
  if (!staging.direct)
    for (const schema of staging.finalOf.keys()) await session.run(`DROP SCHEMA ${escapeIdentifier(schema)}`);
  await forgetRecord(session, run.names);
  signal.throwIfAborted();
  await session.run("COMMIT");
  run.notes.push(...lost);
  return swapped;
}

function pairsOf({ tables }: Staging, old: readonly Existing[]) {
  const stages = new Map(tables.map(({ place, stage }) => [sqlName(place), sqlName(stage)]));
  return old.flatMap((table) => {
    const replacement = stages.get(sqlName(table));
    return replacement === undefined ? [] : [{ old: table, replacement }];
  });
}

async function setAside(session: Session, old: readonly Existing[], time: string): Promise<string[]> {
  const schemas = [...new Set(old.map(({ schema }) => schema))];
  for (const schema of schemas)
    await session.run(`CREATE SCHEMA ${escapeIdentifier(schemaBefore(schema, time))}`);
  const oids = old.map(({ oid }) => oid);
  const members = [...old.map(asTable), ...(await statisticsOf(session, oids))];
  await moveMembers(session, members, (schema) => schemaBefore(schema, time));
  return schemas.map((schema) => schemaBefore(schema, time));
}

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const codes = {
  "42P07": "table-exists",
  "42710": "table-exists",
  "2BP01": "dependent-object",
  "55P03": "lock-timeout",
} as const;

function inWords(error: unknown): unknown {
  if (!(error instanceof SqlError)) return error;
  const code = Object.entries(codes).find(([state]) => state === error.sqlState)?.[1];
  if (code === undefined) return error;
  return new Failure(
    code,
    `The tables could not be put in their place, and nothing changed. ${error.message}`,
  );
}

/**
 * Rebuilds indexes over functions of users, once all tables are in their place. Such a function can look up a row of another
 * table, and while the index was built in a staging schema, that was still the old table.
 */
async function rebuildLookups(
  { session, notes }: Pick<RestoreRun, "session" | "notes">,
  { tables }: Staging,
): Promise<void> {
  for (const index of await overOwnFunctions(session, new Set(tables.map(({ place }) => sqlName(place))))) {
    await session.run("SAVEPOINT before_reindex");
    try {
      await session.run(`REINDEX INDEX ${index}`);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      await session.run("ROLLBACK TO SAVEPOINT before_reindex");
      notes.push(
        `Index ${index} was built while the tables that were replaced were still there. If its function reads one of them, run ` +
          `"REINDEX INDEX ${index}". It failed here: ${error.message}`,
      );
    }
  }
}

/** Indexes over functions of users. Functions in C, and those of extensions, read no tables of users. */
async function overOwnFunctions(session: Session, places: ReadonlySet<string>): Promise<string[]> {
  const found = await session.rows(
    `SELECT DISTINCT tn.nspname AS schema, t.relname AS name, format('%I.%I', n.nspname, i.relname) AS index
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
       JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
       JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = i.oid
       LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
       JOIN pg_proc p ON p.oid = CASE WHEN d.refclassid = 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode END
       JOIN pg_language l ON l.oid = p.prolang
     WHERE i.relkind = 'i' AND p.oid >= ${firstUserOid} AND l.lanname NOT IN ('c', 'internal')
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
     ORDER BY 3`,
    z.object({ schema: z.string(), name: z.string(), index: z.string() }),
  );
  return [...new Set(found.filter((table) => places.has(sqlName(table))).map(({ index }) => index))];
}
