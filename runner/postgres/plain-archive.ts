/** A plain archive has no table of contents; it is read to its end instead. */
import { Failure, Failures } from "../failure";
import { readDecompressed } from "./decompress";

const lineFeed = 10;

/** `schema.table`, quoted where SQL needs it. */
const name = /(?<schema>"(?:[^"]|"")+"|[^\s."(]+)\.(?<table>"(?:[^"]|"")+"|[^\s."(]+)/.source;
const createTable = new RegExp(`^CREATE (?:UNLOGGED )?TABLE ${name}`);
const copy = new RegExp(`^COPY ${name} .*FROM stdin;$`, "s");

/** Bytes of a row by which it is told from the line that ends the rows: `\.` */
const rowPrefix = 3;

interface PlainContents {
  /** Keys of the tables whose definition is there. */
  readonly created: ReadonlySet<string>;
  /** Number of rows of each table that has a COPY, by the table's key. */
  readonly rows: ReadonlyMap<string, number>;
  /** It ends as pg_dump ends one. */
  readonly complete: boolean;
}

function tableKey(schema: string, table: string): string {
  return JSON.stringify([schema, table]);
}

export interface PlainTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: "table" | "partitioned";
  readonly rows: number;
}

/** Fails unless the archive is whole and has each table's definition and all of its rows. */
export async function checkPlainArchive(file: string, tables: readonly PlainTable[]): Promise<void> {
  const { created, rows, complete } = await readPlainArchive(readDecompressed(file)).catch(
    (error: unknown) => {
      throw new Failure(
        "archive-incomplete",
        `${file} cannot be read to its end: ${(error as Error).message}.`,
      );
    },
  );
  if (!complete) throw new Failure("archive-incomplete", `${file} does not end as pg_dump ends an archive.`);
  const problems = tables.flatMap(({ schema, name, kind, rows: expected }) => {
    const key = tableKey(schema, name);
    const found = rows.get(key);
    if (!created.has(key)) return [`lacks the definition of ${schema}.${name}`];
    if (kind === "partitioned" || found === expected) return [];
    return [`has ${found ?? "no"} rows of ${schema}.${name} instead of ${expected}`];
  });
  Failures.throwIfAny(problems.map((problem) => new Failure("archive-incomplete", `${file} ${problem}.`)));
}

export async function readPlainArchive(chunks: AsyncIterable<Uint8Array>): Promise<PlainContents> {
  const created = new Set<string>();
  const rows = new Map<string, number>();
  let complete = false;
  /** The table whose rows are being read. */
  let copying: string | undefined;
  let count = 0;
  let begun = "";

  function readStatement(line: string): void {
    const statement = begun === "" ? line : `${begun}\n${line}`;
    // A name can contain a line break; it ends with its quotes.
    const open = /^(CREATE|COPY) /.test(statement) && statement.split('"').length % 2 === 0;
    begun = open ? statement : "";
    if (open) return;
    if (line === "-- PostgreSQL database dump complete") complete = true;
    else if (!/^(--|\\unrestrict .*)?$/.test(line)) complete = false;
    const definition = keyOf(createTable.exec(statement));
    if (definition !== undefined) created.add(definition);
    copying = keyOf(copy.exec(statement));
    count = 0;
  }

  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const data = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = data.indexOf(lineFeed); end >= 0; end = data.indexOf(lineFeed, start)) {
      if (copying === undefined) readStatement(data.toString("utf8", start, end));
      else if (end - start === 2 && data.toString("latin1", start, end) === "\\.") {
        rows.set(copying, (rows.get(copying) ?? 0) + count);
        copying = undefined;
      } else count++;
      start = end + 1;
    }
    rest = Uint8Array.from(
      data.subarray(start, copying === undefined ? undefined : Math.min(start + rowPrefix, data.length)),
    );
  }
  return { created, rows, complete: complete && copying === undefined && rest.length === 0 };
}

function keyOf(match: RegExpExecArray | null): string | undefined {
  const { schema, table } = match?.groups ?? {};
  return schema === undefined || table === undefined ? undefined : tableKey(unquote(schema), unquote(table));
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
