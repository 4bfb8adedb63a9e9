/** Whether restored tables are what the manifest says. */
import { Failure } from "./failure";
import type { Manifest } from "./manifest";
import type { Definitions } from "./postgres/definitions";
import type { Measure } from "./postgres/fingerprint";

export type RecordedTable = Manifest["tables"][number];

/** What was found of one restored table. */
export interface RestoredTable extends Definitions {
  /** Absent for a partitioned table, which has no rows of its own. */
  readonly measure: Measure | undefined;
}

export function mismatch(text: string): Failure {
  return new Failure("restore-mismatch", `The restored tables are not those that were backed up: ${text}.`);
}

/** Every disagreement, with both values; none where the table is as it was. */
export function compareTable(recorded: RecordedTable, restored: RestoredTable): string[] {
  const { rows, fingerprint, invalidGeometries } = restored.measure ?? { rows: 0, fingerprint: "0" };
  const counted = recorded.invalidGeometries !== undefined && invalidGeometries !== undefined;
  return [
    ...unequal("rows", recorded.rows, rows),
    ...(recorded.rows === rows ? unequal("fingerprint", recorded.fingerprint, fingerprint) : []),
    ...(counted ? unequal("invalid geometries", recorded.invalidGeometries, invalidGeometries) : []),
    ...compareDefinitions(recorded, restored),
  ];
}

export interface DefinitionOptions {
  /** False where another version than the recording one writes the definitions: then the names tell. */
  readonly sameVersion: boolean;
}

/**
 * Of what the server makes by itself, for partitions and children and for keys to them, it chooses the names anew. So one
 * definition less stands against one more that differs in its name only.
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

/** Those that have no counterpart among the others, one for one. */
function without(these: readonly Named[], those: readonly Named[], key: (one: Named) => string): Named[] {
  const counts = new Map<string, number>();
  for (const one of those) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  return these.filter((one) => {
    const left = counts.get(key(one)) ?? 0;
    counts.set(key(one), left - 1);
    return left <= 0;
  });
}

/**
 * PostgreSQL writes the definition that it made of its own text with other casts: `(ARRAY['a'::varchar])::text[]` comes
 * back as `ARRAY[('a'::varchar)::text]`. So casts and brackets do not count.
 */
export function withoutCasts(definition: string): string {
  return definition
    .replaceAll(
      /::("[^"]+"|character varying|double precision|bit varying|time(stamp)? with(out)? time zone|\w+)(\.("[^"]+"|\w+))?(\(\d+(,-?\d+)?\))?(\[\])*/g,
      "",
    )
    .replaceAll(/[()[\]]/g, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}
