/** What `pg_restore`, in a container that holds nothing but the archive, finds in it. */
import { text } from "node:stream/consumers";
import { execTied, type ExecTarget } from "../docker/exec";
import { execStreamed } from "../docker/exec-streamed";
import { Failure } from "../failure";
import { readScript, type ScriptContents } from "./script";
import { endedWith, errorLines } from "./server";

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

/** An archive that a container cannot see: in the custom format, pg_restore reads it on its standard input. */
interface ArchiveContent {
  /** What it holds, from its beginning; each call reads it anew. */
  content(): AsyncIterable<Uint8Array>;
}

export type Archive = ContainerFile | ArchiveContent;

/**
 * Starts a program that reads an archive: by the path that is its last argument, or, without, as its standard input. Of
 * the latter it may need the beginning only; what has to be checked is read to its end all the same.
 */
export function startReading(
  target: ExecTarget,
  command: readonly string[],
  archive: Archive,
  signal: AbortSignal,
  { toEnd = false } = {},
) {
  if ("content" in archive) return execStreamed(target, command, archive.content(), signal, { toEnd });
  const process = execTied(target, [...command, archive.path], signal, {
    user: archive.user,
    stdout: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  return { chunks: process.stdout, ended: process };
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

/** Tables whose definition or rows the table of contents lacks. It writes names without quotes, each in one line. */
export function missingFromArchive<T extends ArchivedTable>(
  tableOfContents: string,
  tables: readonly T[],
): T[] {
  const entries = new Set(
    tableOfContents.split("\n").map((line) => line.replace(/^\d+; \d+ \d+ (?=TABLE )/, "")),
  );
  return tables.filter(({ schema, name, owner, kind }) => {
    const table = [schema, name, owner].join(" ").replaceAll(/[\r\n]/g, " ");
    return !entries.has(`TABLE ${table}`) || (kind === "table" && !entries.has(`TABLE DATA ${table}`));
  });
}

/** Numbers of the entries that hold the rows of a table, which name their files too, by its oid. */
export function dataEntries(tableOfContents: string): Map<string, string> {
  const entries = tableOfContents.matchAll(/^(\d+); \d+ (\d+) TABLE DATA /gm);
  return new Map([...entries].map(([, number = "", oid = ""]) => [oid, number]));
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
