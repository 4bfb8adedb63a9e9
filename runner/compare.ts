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

export function compareDefinitions(recorded: Definitions, restored: Definitions): string[] {
  return [
    ...unequalDefinitions("index", recorded.indexes, restored.indexes),
    ...unequalDefinitions("constraint", recorded.constraints.map(inWords), restored.constraints.map(inWords)),
  ];
}

function inWords({ name, definition }: Definitions["constraints"][number]): string {
  return `${name} ${definition}`;
}

function unequal(what: string, expected: unknown, found: unknown): string[] {
  return expected === found
    ? []
    : [`${what}: ${String(expected)} in the manifest, ${String(found)} restored`];
}

function unequalDefinitions(
  what: string,
  recorded: readonly string[],
  restored: readonly string[],
): string[] {
  const missing = without(recorded, restored);
  const added = without(restored, recorded);
  return [
    ...missing.map((definition) => `${what} ${definition}: in the manifest, not restored`),
    ...added.map((definition) => `${what} ${definition}: restored, not in the manifest`),
  ];
}

function without(these: readonly string[], those: readonly string[]): string[] {
  const bare = new Set(those.map(withoutCasts));
  return these.filter((definition) => !bare.has(withoutCasts(definition)));
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
