/** Table names as the user writes them, and the relations that they mean. */
import { distance } from "fastest-levenshtein";
import { Failure } from "../../lib/failure";
import type { Relation } from "./catalog";

type Part = { readonly exact: string } | { readonly pattern: RegExp };

export interface TablePattern {
  readonly text: string;
  readonly schema: Part | undefined;
  readonly table: Part;
}

/** No table has the name that somebody gave. */
export class TableNotFound extends Failure {
  constructor(
    message: string,
    readonly pattern: TablePattern,
  ) {
    super("table-not-found", message);
  }
}

interface NamedRelation {
  readonly schema: string;
  readonly name: string;
  /** Found without its schema, by the search path of the session. */
  readonly visible: boolean;
}

const grammar = /^(?:(?<schema>"(?:[^"]|"")+"|[^".]+)\.)?(?<table>"(?:[^"]|"")+"|[^".]+)$/s;

/**
 * Names are exact and case-sensitive; `*` and `?` are wildcards. In double quotes, as in SQL, no character but the quote
 * itself has a special meaning.
 */
export function parseTablePattern(text: string): TablePattern {
  const groups = grammar.exec(text)?.groups;
  const table = groups?.["table"];
  if (table === undefined) {
    throw new Failure(
      "table-name-invalid",
      `"${text}" is not a table name. Write table, schema.table or a pattern such as roi*_signatures; ` +
        `put double quotes around a name that contains a dot or a quote: "my.table".`,
    );
  }
  const schema = groups?.["schema"];
  return { text, schema: schema === undefined ? undefined : parsePart(schema), table: parsePart(table) };
}

function parsePart(text: string): Part {
  if (text.startsWith('"')) return { exact: text.slice(1, -1).replaceAll('""', '"') };
  if (!/[*?]/.test(text)) return { exact: text };
  const source = text
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return { pattern: new RegExp(`^${source}$`, "su") };
}

function matchesPart(part: Part, name: string): boolean {
  return "exact" in part ? part.exact === name : part.pattern.test(name);
}

export function isExact({ schema, table }: TablePattern): boolean {
  return "exact" in table && (schema === undefined || "exact" in schema);
}

/** Whether a table in any schema matches when case is ignored. */
export function matchesFolded({ table }: TablePattern, name: string): boolean {
  return "exact" in table
    ? table.exact.toLowerCase() === name.toLowerCase()
    : new RegExp(table.pattern.source, "isu").test(name);
}

/** A pattern without a schema means what the search path finds, as everywhere in PostgreSQL. */
export function matches(pattern: TablePattern, relation: NamedRelation): boolean {
  return (
    matchesPart(pattern.table, relation.name) &&
    (pattern.schema === undefined ? relation.visible : matchesPart(pattern.schema, relation.schema))
  );
}

/** Number of names in a message. */
const shown = 5;

const bare = (name: string) => name.toLowerCase().replaceAll('"', "");

/**
 * Tables whose names are close to one that was not found: only case or schema differ, or at most one letter in four.
 */
export function nearMisses(pattern: TablePattern, relations: readonly Relation[]): string[] {
  const wanted = bare(pattern.text);
  return relations
    .map(({ schema, name, sqlName }) => ({
      sqlName,
      letters: matchesFolded(pattern, name)
        ? 0
        : Math.min(distance(bare(name), wanted), distance(bare(`${schema}.${name}`), wanted)),
    }))
    .filter(({ letters }) => letters <= wanted.length / 4)
    .sort((a, b) => a.letters - b.letters)
    .slice(0, shown)
    .map(({ sqlName }) => sqlName);
}
