/** Which tables a request selects. */
import * as z from "zod";
import { Attempts, Failure } from "../../lib/failure";
import { type Session, withQualifiedNames } from "../session/session";
import { readCatalog, type Reference, type Relation } from "./catalog";
import { isOfRestore, refuseHalfRestored } from "./half-restored";
import { findNeeds, type Needs } from "./needs";
import { inheritedDefaults, notCarried } from "./not-carried";
import {
  isExact,
  matches,
  nearMisses,
  parseTablePattern,
  TableNotFound,
  type TablePattern,
} from "./selection";
import { listed } from "../../lib/format";
import { type MissingTable, sortNeeds } from "./sort-needs";
import type { MissingReferences } from "../../request";
import { setting } from "../../lib/setting";

export interface SelectionRequest {
  readonly tables: readonly string[];
  readonly excludeTables: readonly string[];
  readonly missingReferences: MissingReferences;
  /** The whole database. */
  readonly all?: boolean;
  /** Of the whole database, tables without their rows. */
  readonly excludeTableData?: readonly string[];
  readonly excludeSchemas?: readonly string[];
}

/** What a backup of the whole database leaves out. */
export interface WholeDatabase {
  readonly excludeSchemas: readonly string[];
  /** Tables that it has without their rows. */
  readonly withoutRows: readonly Relation[];
}

export interface Selection {
  /** Set if all of the database is backed up, with these tables and their rows. */
  readonly whole?: WholeDatabase;
  readonly tables: readonly Relation[];
  /** Views and foreign tables that a pattern matched, or that are a partition of a selected table; they are not dumped. */
  readonly skipped: readonly Relation[];
  /** Tables that a pattern matched, but that belong to an extension, which creates them anew; they are not dumped. */
  readonly ofExtensions: readonly Relation[];
  /** Foreign keys to tables that are not selected, where the request ignores those. */
  readonly ignoredReferences: readonly DanglingReference[];
}

export interface DanglingReference extends Reference {
  /** `schema.table` of the table that has it, quoted. */
  readonly from: string;
}

const kindNames = { v: "view", m: "materialized view", f: "foreign table" } as const;

export function kindName({ kind }: Relation): string {
  return kind === "r" || kind === "p" ? "table" : kindNames[kind];
}

/**
 * The tables that the patterns select; partitions come with their parents, and so do tables that inherit. Names are
 * resolved here, because `pg_dump --table` folds letters to lower case and accepts a pattern that matches nothing.
 */
export function selectTables(
  relations: readonly Relation[],
  request: SelectionRequest,
  /** What has the tables, for messages: a database or a backup. */
  where: string,
  /** Oids of tables that are also selected, because others need them. */
  added: ReadonlySet<string> = new Set(),
): Selection {
  const attempts = new Attempts();
  const parse = (texts: readonly string[]) =>
    texts
      .map((text) => attempts.runSync(() => parseTablePattern(text)))
      .filter((pattern) => pattern !== undefined);
  const patterns = { tables: parse(request.tables), excludeTables: parse(request.excludeTables) };
  const matching = patterns.tables.map((pattern) => ({
    pattern,
    found: relations.filter((relation) => matches(pattern, relation)),
  }));
  for (const { pattern, found } of matching) {
    if (!found.some(holdsUserRows)) attempts.add(noTable(pattern, found[0], relations, where));
  }
  attempts.end();

  const chosen = new Set([...matching.flatMap(({ found }) => found.map(({ oid }) => oid)), ...added]);
  const excluded = new Set(
    relations
      .filter((relation) => patterns.excludeTables.some((pattern) => matches(pattern, relation)))
      .map(({ oid }) => oid),
  );
  if (request.missingReferences === "include") addReferences(relations, chosen, excluded);
  const selected = relations.filter((table) => isAmong(chosen, table) && !isAmong(excluded, table));
  const tables = selected.filter(holdsUserRows);
  if (tables.length === 0) {
    throw new Failure(
      "nothing-selected",
      "Every table that was asked for is also excluded; nothing is left to back up.",
    );
  }
  const dangling = danglingReferences(tables);
  dangling
    .filter(({ constraint }) => constraint === null || request.missingReferences !== "ignore")
    .forEach((reference) => {
      attempts.add(refuseReference(reference));
    });
  attempts.end();
  return {
    tables,
    skipped: selected.filter(({ kind }) => kind !== "r" && kind !== "p"),
    ofExtensions: selected.filter(
      ({ kind, extension }) => (kind === "r" || kind === "p") && extension !== null,
    ),
    ignoredReferences: dangling,
  };
}

function holdsUserRows({ kind, extension }: Relation): boolean {
  return (kind === "r" || kind === "p") && extension === null;
}

/** The table itself, or one that it is a partition or a child of. */
function isAmong(oids: ReadonlySet<string>, { oid, partOf }: Relation): boolean {
  return oids.has(oid) || partOf.some((parent) => oids.has(parent));
}

/** Adds to the chosen tables those that they refer to, these in turn, and so on. */
function addReferences(
  relations: readonly Relation[],
  chosen: Set<string>,
  excluded: ReadonlySet<string>,
): void {
  let before: number;
  do {
    before = chosen.size;
    relations
      .filter((table) => holdsUserRows(table) && isAmong(chosen, table) && !isAmong(excluded, table))
      .forEach(({ references }) => {
        references.forEach(({ to }) => chosen.add(to));
      });
  } while (chosen.size > before);
}

function danglingReferences(tables: readonly Relation[]): DanglingReference[] {
  const oids = new Set(tables.map(({ oid }) => oid));
  return tables.flatMap(({ sqlName, references }) =>
    references.filter(({ to }) => !oids.has(to)).map((reference) => ({ ...reference, from: sqlName })),
  );
}

function refuseReference({ from, sqlName, constraint }: DanglingReference): Failure {
  return new Failure(
    "reference-outside-selection",
    constraint === null
      ? `${from} inherits from ${sqlName}, which is not selected, and cannot be restored without it. ` +
          `Select ${sqlName} too, or let ${references("include")} do so.`
      : `${from} refers to ${sqlName} by the foreign key "${constraint}", but ${sqlName} is not selected, so the foreign key would be lost. ` +
          `Select ${sqlName} too, let ${references("include")} do so, or leave the foreign key out by ${references("ignore")}.`,
  );
}

function noTable(
  pattern: TablePattern,
  found: Relation | undefined,
  relations: readonly Relation[],
  where: string,
): Failure {
  const { text } = pattern;
  if (found?.extension != null && (found.kind === "r" || found.kind === "p" || isExact(pattern))) {
    return new Failure(
      "not-a-table",
      `"${text}" belongs to the extension ${found.extension}, which creates it anew; pg_dump leaves it out.`,
    );
  }
  if (found !== undefined) {
    return new Failure(
      "not-a-table",
      `"${text}" is a ${kindName(found)}, not a table; only tables hold rows of their own to back up.`,
    );
  }
  const tables = relations.filter(holdsUserRows);
  const near = nearMisses(pattern, tables);
  const hint =
    near.length > 0
      ? `Did you mean ${near.join(" or ")}?`
      : tables.length === 0
        ? "It has no tables."
        : `It has ${listed(tables.map(({ sqlName }) => sqlName))}. Names are case-sensitive; a table outside the search path needs its schema ` +
          "in front: schema.table.";
  return new TableNotFound(`No table matches "${text}" in ${where}. ${hint}`, pattern);
}

export interface ResolvedSelection extends Selection {
  readonly needs: Needs;
}

/** Fails where the tables need something that a backup of them would not bring back, or where a restore of them has not ended. */
export async function resolveSelection(
  session: Session,
  request: SelectionRequest & { readonly database: string },
  /** Whether the names in the rows of the table may be read: it is locked, or the session does not wait long. */
  mayRead: (oid: string) => boolean = () => false,
): Promise<ResolvedSelection> {
  const relations = (await readCatalog(session)).filter((relation) => !isOfRestore(relation));
  if (request.all === true) {
    const selection = await selectAll(session, relations, request);
    await refuseHalfRestored(session, selection.tables);
    return selection;
  }
  const added = new Set<string>();
  for (;;) {
    const selection = selectTables(relations, request, `database "${request.database}"`, added);
    const oids = selection.tables.map(({ oid }) => oid);
    const needs = await withQualifiedNames(session, () => findNeeds(session, oids, oids.filter(mayRead)));
    const { missing: needed, refused } = sortNeeds(needs, new Set(oids));
    const missing = [...needed, ...partitionsAlone(selection.tables, relations)];
    const unable = [...refused, ...(await inheritedDefaults(session, oids))];
    const more = request.missingReferences === "include" ? missing.filter(({ to }) => !added.has(to)) : [];
    if (more.length === 0) {
      const attempts = new Attempts();
      for (const table of missing) attempts.add(refuseMissing(table));
      if (unable.length > 0) attempts.add(notCarried(unable));
      attempts.end();
      await refuseHalfRestored(session, selection.tables);
      return { ...selection, needs };
    }
    for (const { to } of more) added.add(to);
  }
}

const nothing: Needs = { parts: [], needs: [], edges: [] };

/** All tables of the user's, except what is left out. A whole database has all that its tables need. */
async function selectAll(
  session: Session,
  relations: readonly Relation[],
  { database, excludeTableData = [], excludeSchemas = [] }: SelectionRequest & { readonly database: string },
): Promise<ResolvedSelection> {
  const attempts = new Attempts();
  const schemas = await session.rows(
    "SELECT nspname AS name FROM pg_namespace",
    z.object({ name: z.string() }),
  );
  for (const schema of excludeSchemas.filter((name) => !schemas.some((one) => one.name === name)))
    attempts.add(new Failure("table-not-found", `No schema "${schema}" is in database "${database}".`));
  const left = relations.filter(({ schema }) => !excludeSchemas.includes(schema));
  const chosen = new Set<string>();
  for (const text of excludeTableData) {
    const pattern = attempts.runSync(() => parseTablePattern(text));
    if (pattern === undefined) continue;
    const found = left.filter((relation) => matches(pattern, relation));
    if (!found.some(holdsUserRows)) attempts.add(noTable(pattern, found[0], left, `database "${database}"`));
    for (const { oid } of found) chosen.add(oid);
  }
  attempts.end();
  const tables = left.filter(holdsUserRows);
  const withoutRows = tables.filter((table) => isAmong(chosen, table));
  return {
    ...{ skipped: [], ofExtensions: [], ignoredReferences: [], needs: nothing },
    tables: tables.filter((table) => !withoutRows.includes(table)),
    whole: { excludeSchemas, withoutRows },
  };
}

/** pg_dump attaches a partition to its table, whether that is dumped or not. */
function partitionsAlone(tables: readonly Relation[], relations: readonly Relation[]): MissingTable[] {
  const selected = new Set(tables.map(({ oid }) => oid));
  const nameOf = new Map(relations.map(({ oid, sqlName }) => [oid, sqlName]));
  return tables.flatMap(({ oid, sqlName, partOf }) =>
    partOf
      .filter((to) => !selected.has(to))
      .map((to) => ({ table: oid, by: `partition ${sqlName}`, to, sqlName: nameOf.get(to) ?? "" })),
  );
}

const references = (value: MissingReferences) =>
  setting(`--missing-references ${value}`, `missingReferences: "${value}"`);

function refuseMissing({ by, sqlName }: MissingTable): Failure {
  return new Failure(
    "reference-outside-selection",
    `The ${by} needs ${sqlName}, which is not selected, and cannot be restored without it. ` +
      `Select ${sqlName} too, or let ${references("include")} do so.`,
  );
}
