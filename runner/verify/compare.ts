/** Compares restored tables with what the manifest says of them. */
import { Failure } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import { type Definitions, withoutCasts } from "../postgres/catalog/definitions";
import type { Measure } from "../postgres/catalog/fingerprint";

export type RecordedTable = Manifest["tables"][number];

/** What was found of one restored table. */
interface RestoredTable extends Definitions {
  /** Absent for a partitioned table, which has no rows of its own. */
  readonly measure: Measure | undefined;
}

export function mismatch(text: string): Failure {
  return new Failure("restore-mismatch", `The restored tables are not those that were backed up: ${text}.`);
}

/** Every difference, with both values. */
export function compareTable(
  recorded: RecordedTable,
  restored: RestoredTable,
  options?: DefinitionOptions,
): string[] {
  const { rows, fingerprint, invalidGeometries } = restored.measure ?? { rows: 0, fingerprint: "0" };
  const counted = recorded.invalidGeometries !== undefined && invalidGeometries !== undefined;
  return [
    ...unequal("rows", recorded.rows, rows),
    ...(recorded.rows === rows ? unequal("fingerprint", recorded.fingerprint, fingerprint) : []),
    ...(counted ? unequal("invalid geometries", recorded.invalidGeometries, invalidGeometries) : []),
    ...compareDefinitions(recorded, restored, options),
  ];
}

type Expected = Pick<RecordedTable, "rows" | "fingerprint" | "invalidGeometries">;

/** A table, which may share its rows with other tables of its pool. */
interface Pooled {
  readonly oid: string;
  readonly expected: Expected;
}

/**
 * Some tables share their rows, such as partitions by the hash of an enum: a row may be in another partition after a restore. If
 * the tables of a pool together have the recorded rows, each is reported to have its own.
 */
export function settlePools(
  tables: readonly Pooled[],
  measures: ReadonlyMap<string, Measure>,
  pools: ReadonlyMap<string, { readonly pool: string }>,
): ReadonlyMap<string, Measure> {
  const members = new Map<string, Pooled[]>();
  for (const table of tables) {
    const pool = pools.get(table.oid)?.pool;
    if (pool !== undefined && measures.has(table.oid))
      members.set(pool, [...(members.get(pool) ?? []), table]);
  }
  const settled = new Map(measures);
  for (const together of members.values()) {
    const found = together.flatMap(({ oid }) => measures.get(oid) ?? []);
    const counted = found.every(({ invalidGeometries }) => invalidGeometries !== undefined);
    const expected = together.map((table) => table.expected);
    if (totals(found, counted) !== totals(expected, counted)) continue;
    for (const { oid, expected: own } of together) settled.set(oid, { oid, ...own });
  }
  return settled;
}

/** The counted rows with the recorded fingerprints, for servers that cannot compute comparable ones. */
export function withFingerprints(
  measures: ReadonlyMap<string, Measure>,
  tables: readonly Pooled[],
): ReadonlyMap<string, Measure> {
  const recorded = new Map(tables.map(({ oid, expected }) => [oid, expected.fingerprint]));
  return new Map(
    [...measures].map(([oid, measure]) => [
      oid,
      { ...measure, fingerprint: recorded.get(oid) ?? measure.fingerprint },
    ]),
  );
}

/** Fingerprints are sums over rows, so those of several tables can be added. */
function totals(all: readonly Expected[], counted: boolean): string {
  const rows = all.reduce((sum, one) => sum + one.rows, 0);
  const fingerprint = all.reduce((sum, one) => sum + BigInt(one.fingerprint), 0n);
  const invalid = counted ? all.reduce((sum, { invalidGeometries = 0 }) => sum + invalidGeometries, 0) : 0;
  return `${rows} ${fingerprint} ${invalid}`;
}

export interface DefinitionOptions {
  /** False if another version of PostgreSQL writes the definitions: then names are compared instead. */
  readonly sameVersion: boolean;
}

/**
 * The server chooses new names for what it makes by itself for partitions and children. So a missing definition matches an added
 * one that differs from it in its name only.
 */
export function compareDefinitions(
  recorded: Definitions,
  restored: Definitions,
  { sameVersion }: DefinitionOptions = { sameVersion: true },
): string[] {
  const indexes = (all: readonly string[]) =>
    all.map((definition): Named => {
      const [, before = definition, name = "", after = ""] = indexParts.exec(definition) ?? [];
      return { name, definition: `${before}${after}`, text: definition };
    });
  const constraints = ({ constraints }: Definitions) =>
    constraints.map((one): Named => ({ ...one, text: `${one.name} ${one.definition}` }));
  return [
    ...unequalDefinitions("index", indexes(recorded.indexes), indexes(restored.indexes), sameVersion),
    ...unequalDefinitions("constraint", constraints(recorded), constraints(restored), sameVersion),
  ];
}

interface Named {
  readonly name: string;
  /** Without the name. */
  readonly definition: string;
  readonly text: string;
}

const indexParts = /^(CREATE (?:UNIQUE )?INDEX )("(?:[^"]|"")+"|\S+)( ON .*)$/s;

function unequal(what: string, expected: unknown, found: unknown): string[] {
  return expected === found
    ? []
    : [`${what}: ${String(expected)} in the manifest, ${String(found)} restored`];
}

function unequalDefinitions(
  what: string,
  recorded: readonly Named[],
  restored: readonly Named[],
  sameVersion: boolean,
): string[] {
  const keys = [
    ({ text }: Named) => withoutCasts(text),
    ...(sameVersion ? [] : [({ name }: Named) => name]),
    ({ definition }: Named) => withoutCasts(definition),
  ];
  const start = { missing: recorded, added: restored };
  const { missing, added } = keys.reduce(
    (left, key) => ({
      missing: without(left.missing, left.added, key),
      added: without(left.added, left.missing, key),
    }),
    start,
  );
  return [
    ...missing.map(({ text }) => `${what} ${text}: in the manifest, not restored`),
    ...added.map(({ text }) => `${what} ${text}: restored, not in the manifest`),
  ];
}

/** Those without a counterpart among the others, one for one. */
function without(these: readonly Named[], those: readonly Named[], key: (one: Named) => string): Named[] {
  const counts = new Map<string, number>();
  for (const one of those) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return these.filter((one) => {
    const left = counts.get(key(one)) ?? 0;
    counts.set(key(one), left - 1);
    return left <= 0;
  });
}
