/** What `pg_restore`, in a container that holds nothing but the archive, finds in it. */
import { text } from "node:stream/consumers";
import { type ExecTarget, type StreamedProcess, streamTied } from "../../docker/exec";
import { execFilter, type SizedContent } from "../../docker/exec-streamed";
import { Failure } from "../../lib/failure";
import { readScript, type ScriptContents, type ScriptTable, tableKey } from "./script";
import { endedWith, errorLines } from "../session/server";

/** A table as the table of contents of an archive names it. */
export interface ArchivedTable {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly kind: "table" | "partitioned";
}

/** A file or folder that the container sees, and a user who can read it. */
export interface ContainerFile {
  readonly path: string;
  readonly user: string;
}

/** Content is of an archive that a container cannot see: in the custom format, pg_restore reads it on its standard input. */
export type Archive = ContainerFile | SizedContent;

/**
 * Starts a program that reads an archive: by the path that is its last argument, or, without, as its standard input. Of
 * the latter it may need the beginning only; what has to be checked is read to its end all the same.
 */
export function startReading(
  target: ExecTarget,
  command: readonly string[],
  archive: Archive,
  signal: AbortSignal,
  options?: { readonly toEnd?: boolean },
): StreamedProcess {
  if ("content" in archive) return execFilter(target, command, archive, signal, options);
  return streamTied(target, [...command, archive.path], signal, archive.user);
}

export async function listArchive(
  target: ExecTarget,
  archive: Archive,
  signal: AbortSignal,
): Promise<string> {
  const { chunks, ended } = startReading(target, ["pg_restore", "--list"], archive, signal);
  const contents = await text(chunks);
  const { failed, stderr, exitCode } = await ended;
  if (failed) throw unreadable(stderr, endedWith(exitCode));
  return contents;
}

/** Tables whose definition or rows the table of contents lacks. */
export function missingFromArchive<T extends ArchivedTable>(
  tableOfContents: string,
  tables: readonly T[],
): T[] {
  const entries = entriesByName(tableOfContents);
  return tables.filter(
    (table) =>
      !entries.has(entryName("TABLE", table)) ||
      (table.kind === "table" && !entries.has(entryName("TABLE DATA", table))),
  );
}

/**
 * Numbers of rows by the keys of tables, from those by the numbers of entries. Where names of several tables are alike in a
 * table of contents, a table's number of rows is among theirs, or it is wrong.
 */
export function rowsByTable(
  tableOfContents: string,
  tables: readonly (ArchivedTable & ScriptTable)[],
  rows: ReadonlyMap<string, number>,
): Map<string, number> {
  const entries = entriesByName(tableOfContents);
  const found = tables.flatMap((table): [string, number][] => {
    const numbers = entries.get(entryName("TABLE DATA", table)) ?? [];
    const counts = numbers.map((number) => rows.get(number)).filter((count) => count !== undefined);
    const count = counts.find((candidate) => candidate === table.rows) ?? counts[0];
    return count === undefined ? [] : [[tableKey(table.schema, table.name), count]];
  });
  return new Map(found);
}

/** The numbers of entries, by what they are called. Names are without quotes, each in one line. */
function entriesByName(tableOfContents: string): Map<string, string[]> {
  const entries = new Map<string, string[]>();
  for (const { number, name } of entriesOf(tableOfContents))
    entries.set(name, [...(entries.get(name) ?? []), number]);
  return entries;
}

/** A line may hold characters that are ends of lines to a regular expression. */
function entriesOf(tableOfContents: string): { number: string; oid: string; name: string }[] {
  return tableOfContents.split("\n").flatMap((line) => {
    const [, number = "", oid = "", name] = /^(\d+); \d+ (\d+) (.*)$/s.exec(line) ?? [];
    return name === undefined ? [] : [{ number, oid, name }];
  });
}

function entryName(kind: string, { schema, name, owner }: ArchivedTable): string {
  return [kind, schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ");
}

/** Numbers of the entries that hold the rows of a table, which name their files too, by its oid. */
export function dataEntries(tableOfContents: string): Map<string, string> {
  const entries = entriesOf(tableOfContents).filter(({ name }) => name.startsWith("TABLE DATA "));
  return new Map(entries.map(({ oid, number }) => [oid, number]));
}

/**
 * Decompresses all rows, and puts the number of a table's rows in their place. Counting is no luxury: pg_restore takes
 * a zstd file that was cut off for one that has ended. A program that is part of a pipe can be ended by a signal, which
 * a container whose first process is a postmaster must be spared; so this is for throwaway containers only. One look at
 * each row, for a pattern, takes half the time of a comparison and a count.
 */
const countRows = `{ pg_restore --data-only --file=- "$@" || echo failed; } | awk '
begun && !/^\\\\\\.$/ { next }
begun { printf "\\\\. %.0f\\n", NR - begun - 1; begun = 0; next }
/ FROM stdin;$/ { begun = NR }
{ print }'`;

/** Reads the archive to its end. */
export async function readArchive(
  target: ExecTarget,
  archive: Archive,
  signal: AbortSignal,
): Promise<ScriptContents> {
  const command = ["sh", "-c", countRows, "sh"];
  const { chunks, ended } = startReading(target, command, archive, signal, { toEnd: true });
  const contents = await readScript(chunks);
  const { failed, stderr, exitCode } = await ended;
  signal.throwIfAborted();
  if (failed || !contents.complete)
    throw unreadable(stderr, failed ? endedWith(exitCode) : "it ended early.");
  return contents;
}

function unreadable(stderr: string, otherwise: string): Failure {
  return new Failure(
    "archive-incomplete",
    `pg_restore cannot read the archive to its end: ${errorLines(stderr) || otherwise}`,
  );
}
