/** Which entries of the archive that pg_dump makes of the scratch database go to the target, and when. */
import { escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import type { Session } from "../postgres/session/session";
import type { TocEntry } from "../postgres/archive/toc";
import { oidList } from "./members";

/** What is restored, as it is in the scratch database. */
export interface WantedObjects {
  /** Oids of tables, views and sequences; what belongs to them comes along. */
  readonly relations: readonly string[];
  /** Types, functions and the like, as a table of contents names them. */
  readonly objects: readonly string[];
  readonly schemas: readonly string[];
  readonly extensions: readonly string[];
}

/** Ids of the entries, in the order of the archive. */
export interface WantedEntries {
  readonly preData: readonly number[];
  readonly rows: readonly number[];
  readonly sequenceValues: readonly number[];
  readonly postData: readonly number[];
  /** Who may do what; given when all else is there. */
  readonly rights: readonly number[];
}

const names = (all: readonly string[]) => all.map((name) => escapeLiteral(name)).join(", ") || "NULL";

const wantedQuery = ({ relations, objects, schemas, extensions }: WantedObjects) => `
WITH RECURSIVE wanted (class, object) AS (
  SELECT * FROM (
    SELECT 'pg_class'::regclass::oid, oid FROM pg_class WHERE oid IN (${oidList(relations)})
    UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace WHERE nspname IN (${names(schemas)})
    UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension WHERE extname IN (${names(extensions)})
    UNION ALL SELECT split_part(id, ' ', 1)::oid, split_part(id, ' ', 2)::oid FROM unnest(ARRAY[${names(objects)}]::text[]) id WHERE id IS NOT NULL
  ) root
  UNION SELECT d.classid, d.objid FROM wanted JOIN pg_depend d ON d.refclassid = wanted.class AND d.refobjid = wanted.object
  WHERE d.deptype IN ('a', 'i', 'P', 'S')
)
SELECT format('%s %s', class, object) AS id FROM wanted
UNION ALL SELECT format('0 %s', object) FROM wanted WHERE class = 'pg_class'::regclass`;

const always = ["ENCODING", "STDSTRINGS", "SEARCHPATH"];

export async function wantedEntries(
  scratch: Session,
  entries: readonly TocEntry[],
  objects: WantedObjects,
): Promise<WantedEntries> {
  const found = await scratch.rows(wantedQuery(objects), z.object({ id: z.string() }));
  return sortEntries(entries, new Set(found.map(({ id }) => id)));
}

/** An entry that is no object of its own, such as a comment, goes with what it needs, and comes in the same section. */
export function sortEntries(entries: readonly TocEntry[], objects: ReadonlySet<string>): WantedEntries {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const needsOf = ({ needs }: TocEntry) => needs.flatMap((id) => byId.get(id) ?? []);
  const known = new Map<number, boolean>();
  const isWanted = (entry: TocEntry): boolean => {
    const before = known.get(entry.id);
    if (before !== undefined) return before;
    const needs = needsOf(entry);
    const wanted =
      entry.object === "0 0" ? needs.length > 0 && needs.every(isWanted) : objects.has(entry.object);
    known.set(entry.id, wanted);
    return wanted;
  };
  const sectionOf = (entry: TocEntry): TocEntry["section"] => {
    const [first] = needsOf(entry);
    return entry.section === "none" && first !== undefined ? sectionOf(first) : entry.section;
  };
  const wanted = entries.filter((entry) => always.includes(entry.kind) || isWanted(entry));
  const ids = (condition: (entry: TocEntry) => boolean) =>
    wanted.filter((entry) => always.includes(entry.kind) || condition(entry)).map(({ id }) => id);
  const isRight = ({ kind }: TocEntry) => kind === "ACL";
  return {
    preData: ids((entry) => !isRight(entry) && ["none", "pre-data"].includes(sectionOf(entry))),
    rows: ids(({ kind }) => kind === "TABLE DATA"),
    sequenceValues: ids(({ kind }) => kind === "SEQUENCE SET"),
    postData: ids((entry) => !isRight(entry) && sectionOf(entry) === "post-data"),
    rights: ids(isRight),
  };
}

/** Whether a list has more than what every script begins with. */
export const isEmpty = (list: readonly number[], entries: readonly TocEntry[]): boolean => {
  const beginning = new Set(entries.filter(({ kind }) => always.includes(kind)).map(({ id }) => id));
  return list.every((id) => beginning.has(id));
};
