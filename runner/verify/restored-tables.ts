/** Compares the tables of a restored database with the manifest: definitions, rows, and orphans of logical foreign keys. */
import { groupBySize } from "../lib/concurrency";
import { Failures } from "../lib/failure";
import { totalBytes } from "../lib/format";
import type { Progress } from "../lib/progress";
import { readCatalog, type Relation, findPools } from "../postgres/catalog/catalog";
import { type Definitions, findDefinitions } from "../postgres/catalog/definitions";
import { type Measure, type MeasureOptions, measureTables } from "../postgres/catalog/fingerprint";
import { type Name, sqlName } from "../postgres/session/names";
import { type Session, withQualifiedNames } from "../postgres/session/session";
import { inTransaction, type RowReader } from "../postgres/session/snapshot-reader";
import type { Manifest } from "../repository/manifest";
import { compareTable, mismatch, type RecordedTable, settlePools, withFingerprints } from "./compare";
import { countOrphans } from "../postgres/catalog/logical-foreign-keys";

type FingerprintMethod = Manifest["fingerprintMethod"];

/** A restored table. */
interface Restored {
  /** What messages call it. */
  readonly shown: string;
  readonly oid: string;
  readonly expected: RecordedTable;
}

interface ComparedTable {
  /** As the manifest has it. */
  readonly recorded: RecordedTable;
  /** Where it is now. */
  readonly at: Name;
  /** Where it will be in the end, if that is elsewhere. */
  readonly place?: Name;
  /** What it must be, if that is not what the manifest has. */
  readonly expected?: RecordedTable;
}

interface Comparison {
  readonly tables: readonly ComparedTable[];
  /** Logical foreign keys whose orphans are counted. */
  readonly logicalForeignKeys: Manifest["logicalForeignKeys"];
  /** How fingerprints are computed; undefined where the server cannot compute those of the manifest, so that rows are only counted. */
  readonly method: FingerprintMethod | undefined;
  /** Whether invalid geometries are counted. */
  readonly validity: boolean;
  /** False if another version of PostgreSQL writes definitions than in the source. */
  readonly sameVersion?: boolean;
}

/** Compares committed tables, in one transaction. Fails with every difference, each with the table and both values. */
export async function compareRestored(
  session: Session,
  { tables, logicalForeignKeys, method, validity, sameVersion = true }: Comparison,
  progress: Progress,
): Promise<void> {
  await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  const read = inTransaction(session);
  const catalog = new Map((await readCatalog(session)).map((relation) => [sqlName(relation), relation]));
  const missing = tables.filter(({ at }) => !catalog.has(sqlName(at)));
  const found = tables.flatMap((table) => {
    const relation = catalog.get(sqlName(table.at));
    return relation === undefined ? [] : [{ ...table, relation }];
  });
  const oids = found.map(({ relation }) => relation.oid);
  const definitions = await withQualifiedNames(session, () => findDefinitions(session, oids));
  const restored = found.map(
    ({ recorded, expected = recorded, place, relation: { oid, sqlName: name } }) => ({
      ...{ oid, expected, shown: place === undefined ? name : sqlName(place) },
    }),
  );
  const measures = await measureRestored(session, restored, { method: method ?? "text", validity }, progress);
  const byRecordedName = new Map(found.map(({ recorded, relation }) => [sqlName(recorded), relation]));
  const options = { exact: method !== undefined, definitions, sameVersion };
  const differences = [
    ...missing.map(({ at, place = at }) => `${sqlName(place)} is missing`),
    ...(await compareMeasured(session, restored, measures, options)),
    ...(await compareOrphans(read, logicalForeignKeys, byRecordedName)),
  ];
  await session.run("ROLLBACK");
  Failures.throwIfAny(differences.map(mismatch));
}

/** Compares the rows of tables that the session's own transaction has filled. Fails with every difference. */
export async function compareFilled(
  session: Session,
  tables: readonly { readonly recorded: RecordedTable; readonly place: Name; readonly oid: string }[],
  method: FingerprintMethod | undefined,
  progress: Progress,
): Promise<void> {
  const filled = tables.map(({ recorded, place, oid }) => ({
    ...{ oid, shown: sqlName(place), expected: { ...recorded, ...noDefinitions } },
  }));
  const options = { method: method ?? "text", validity: false } as const;
  const measures = await measureRestored(session, filled, options, progress);
  const differences = await compareMeasured(session, filled, measures, { exact: method !== undefined });
  Failures.throwIfAny(differences.map(mismatch));
}

/** Measures tables in the session's transaction, and tells how much of them is measured: a table at a time, or several small ones. */
async function measureRestored(
  session: Session,
  tables: readonly Restored[],
  options: MeasureOptions,
  progress: Progress,
): Promise<Map<string, Measure>> {
  const measures = new Map<string, Measure>();
  const groups = groupBySize(tables, ({ expected }) => expected.bytes);
  let [done, current] = [0, groups[0] ?? []];
  const what = () => `comparing ${current.map(({ shown }) => shown).join(", ")}`;
  const expected = totalBytes(tables.map((table) => table.expected));
  const stop = progress.follow(what, () => Promise.resolve(done), expected);
  try {
    for (current of groups) {
      const oids = current.map(({ oid }) => oid);
      const measured = await measureTables(session, inTransaction(session), oids, options);
      for (const [oid, measure] of measured) measures.set(oid, measure);
      done += totalBytes(current.map((table) => table.expected));
    }
  } finally {
    stop();
  }
  return measures;
}

const noDefinitions: Definitions = { indexes: [], constraints: [] };

async function compareMeasured(
  session: Session,
  tables: readonly Restored[],
  measures: ReadonlyMap<string, Measure>,
  {
    exact,
    definitions,
    sameVersion = true,
  }: { exact: boolean; definitions?: ReadonlyMap<string, Definitions>; sameVersion?: boolean },
): Promise<string[]> {
  const known = exact ? measures : withFingerprints(measures, tables);
  const pools = await findPools(
    session,
    tables.map(({ oid }) => oid),
  );
  const settled = settlePools(tables, known, pools);
  return tables.flatMap(({ oid, shown, expected }) => {
    const found = { ...(definitions?.get(oid) ?? noDefinitions), measure: settled.get(oid) };
    return compareTable(expected, found, { sameVersion }).map((difference) => `${shown}: ${difference}`);
  });
}

/** Logical foreign keys, of those whose tables were both restored, that have more or fewer orphans than the manifest says. */
async function compareOrphans(
  read: RowReader,
  logicalForeignKeys: Manifest["logicalForeignKeys"],
  tables: ReadonlyMap<string, Relation>,
): Promise<string[]> {
  const keys = logicalForeignKeys.flatMap(({ key: text, child, parent, orphans: recorded }) => {
    const [childTable, parentTable] = [tables.get(sqlName(child)), tables.get(sqlName(parent))];
    if (childTable === undefined || parentTable === undefined) return [];
    const columns = { childColumn: child.column, parentColumn: parent.column };
    return [{ text, child: childTable, parent: parentTable, ...columns, recorded }];
  });
  const counted = await countOrphans(read, keys, undefined);
  return counted.flatMap(({ text, orphans }, index) => {
    const before = keys[index]?.recorded;
    return before === orphans
      ? []
      : [`${text}: orphans: ${String(before)} in the manifest, ${orphans} restored`];
  });
}
