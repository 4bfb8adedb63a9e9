/** Reads a script that pg_dump or pg_restore writes: a plain archive, or what pg_restore makes of another one. */
import { openQuote } from "./quotes";

const lineFeed = 10;
const backslash = 92;
const dot = 46;

/** `schema.table`, quoted where SQL needs it. */
const name = /(?<schema>"(?:[^"]|"")+"|[^\s."(]+)\.(?<table>"(?:[^"]|"")+"|[^\s."(]+)/.source;
const createTable = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${name}`);
/** COPY exactly as pg_dump writes it, because what follows it in a script is read as rows. */
const columns = /\((?:"(?:[^"]|"")+"|[^\s",();]+)(?:, (?:"(?:[^"]|"")+"|[^\s",();]+))*\)/.source;
const copy = new RegExp(`^COPY ${name}(?<rest> (?:${columns})? (?:WITH OIDS )?FROM stdin;)$`);

const rowsHeading = /^-- Data for Name: (?<name>.*); Type: TABLE DATA; Schema: (?<schema>.*); Owner: /s;
const throughRoot = /^-- load via partition root /;

/** In headings, names have no line breaks. */
const headingKey = (schema: string, table: string) =>
  tableKey(schema.replaceAll(/[\r\n]/g, " "), table.replaceAll(/[\r\n]/g, " "));

/**
 * Finds the table whose rows a COPY has. The COPY names the table itself, except for partitions whose rows can belong to other
 * partitions when they are restored, as with the hash of an enum: then it names the partitioned table, and the heading names
 * the partition.
 */
export class RowsOwner {
  private heading: string | undefined;
  private through = false;

  readLine(line: string): void {
    const { schema, name } = rowsHeading.exec(line)?.groups ?? {};
    if (schema !== undefined && name !== undefined) {
      this.heading = headingKey(schema, name);
      this.through = false;
    } else if (throughRoot.test(line)) this.through = true;
  }

  /** The key of the partition, as the heading has it; undefined if the COPY names the table itself. */
  partition(): string | undefined {
    return this.through ? this.heading : undefined;
  }
}

/** Maps the keys that headings have to the keys of tables. */
export function byHeading(keys: Iterable<string>): ReadonlyMap<string, string> {
  const named = [...keys].map((key) => ({ key, parts: JSON.parse(key) as [string, string] }));
  return new Map(named.map(({ key, parts }) => [headingKey(...parts), key]));
}

/** Number of bytes of a row that are kept: enough to distinguish it from the line that ends the rows. */
const rowPrefix = 32;
const endOfRows = /^\\\.( (?<count>\d+))?$/;

export interface ScriptContents {
  /** The keys of the tables that it creates. */
  readonly created: ReadonlySet<string>;
  /** The number of rows of each table that has a COPY, by the table's key. */
  readonly rows: ReadonlyMap<string, number>;
  /** It ends as pg_dump ends a script. */
  readonly complete: boolean;
}

/** The table that a COPY statement fills, and what follows its name; undefined for other statements. */
export function parseCopy(statement: string): { schema: string; name: string; rest: string } | undefined {
  const { schema, table, rest } = copy.exec(statement)?.groups ?? {};
  if (schema === undefined || table === undefined || rest === undefined) return undefined;
  return { schema: unquote(schema), name: unquote(table), rest };
}

export function tableKey(schema: string, table: string): string {
  return JSON.stringify([schema, table]);
}

export interface ScriptTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "partitioned";
  readonly rows: number;
}

export function withoutDefinition<T extends ScriptTable>(
  { created }: ScriptContents,
  tables: readonly T[],
): T[] {
  return tables.filter(({ schema, name }) => !created.has(tableKey(schema, name)));
}

/** Says in words how numbers of rows differ from the expected ones. */
export function wrongRows(rows: ScriptContents["rows"], tables: readonly ScriptTable[]): string[] {
  return tables.flatMap(({ schema, name, kind, rows: expected }) => {
    const found = rows.get(tableKey(schema, name)) ?? rows.get(headingKey(schema, name));
    if (kind === "partitioned" || found === expected) return [];
    return [`has ${found ?? "no"} rows of ${schema}.${name} instead of ${expected}`];
  });
}

/** If rows were counted before (read-archive.sh), `\.` and their number stand in their place. */
export async function readScript(chunks: AsyncIterable<Uint8Array>): Promise<ScriptContents> {
  const reader = new ScriptReader();
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const data = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(lineFeed); end >= 0; end = data.indexOf(lineFeed, start)) {
      reader.readLine(data, start, end);
      start = end + 1;
    }
    rest = Uint8Array.from(data.subarray(start, reader.inRows ? start + rowPrefix : undefined));
  }
  const { created, rows, complete, inRows } = reader;
  return { created, rows, complete: complete && !inRows && rest.length === 0 };
}

class ScriptReader {
  readonly created = new Set<string>();
  readonly rows = new Map<string, number>();
  complete = false;
  private readonly owner = new RowsOwner();
  /** The table whose rows are being read. */
  private copying: string | undefined;
  private count = 0;
  private begun = "";
  private quote: string | undefined;

  get inRows(): boolean {
    return this.copying !== undefined;
  }

  readLine(data: Buffer, start: number, end: number): void {
    if (this.copying === undefined) this.readStatement(data.toString("utf8", start, end));
    else if (data[start] === backslash && data[start + 1] === dot) {
      const counted = endOfRows.exec(data.toString("latin1", start, end))?.groups?.["count"];
      this.rows.set(this.copying, (this.rows.get(this.copying) ?? 0) + Number(counted ?? this.count));
      this.copying = undefined;
    } else this.count++;
  }

  private readStatement(line: string): void {
    const statement = this.begun + line;
    this.quote = openQuote(line, this.quote);
    this.begun = this.quote === undefined ? "" : `${statement}\n`;
    if (statement === "-- PostgreSQL database dump complete") this.complete = true;
    else if (!/^(--|\\unrestrict .*)?$/.test(statement)) this.complete = false;
    if (this.quote !== undefined) return;
    const definition = keyOf(createTable.exec(statement));
    if (definition !== undefined) this.created.add(definition);
    this.owner.readLine(statement);
    const copied = keyOf(copy.exec(statement));
    this.copying = copied === undefined ? undefined : (this.owner.partition() ?? copied);
    this.count = 0;
  }
}

function keyOf(match: RegExpExecArray | null): string | undefined {
  const { schema, table } = match?.groups ?? {};
  return schema === undefined || table === undefined ? undefined : tableKey(unquote(schema), unquote(table));
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
