/** Reads an archive with the `pg_restore` of a container. */
import { text } from "node:stream/consumers";
import {
  type ExecTarget,
  shell,
  type StreamedProcess,
  streamTied,
  execFilter,
  type SizedContent,
} from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { readScript, type ScriptContents, type ScriptTable, tableKey } from "./script";
import { endedWith, errorLines } from "../session/server";
import { type ListedEntry, listedFinder, readList } from "./toc";
import readArchiveScript from "./read-archive.sh";
import restoreEntries from "./restore-entries.sh";

export interface ArchivedTable {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly kind: "table" | "partitioned";
}

/** A file or folder in the container, and a user who can read it. */
export interface ContainerFile {
  readonly path: string;
  readonly user: string;
}

/** If the container cannot see a custom archive, pg_restore reads its content on standard input. */
export type Archive = ContainerFile | SizedContent;

/**
 * Starts a program that reads an archive: from the path that is its last argument, or else from its standard input. It may
 * need only the beginning of the input; with `toEnd`, the input is read to its end anyway, because its checksum is compared.
 */
export function startReading(
  target: ExecTarget,
  command: readonly string[],
  archive: Archive,
  signal: AbortSignal,
  options?: { readonly toEnd?: boolean },
): StreamedProcess {
  if ("content" in archive) return execFilter(target, command, archive, signal, options);
  return streamTied(target, [...command, archive.path], signal, { user: archive.user });
}

/** Starts a `pg_restore` that prints the script of some entries, in the order of their ids here. */
export function startScript(
  target: ExecTarget,
  archive: Archive,
  ids: readonly number[],
  signal: AbortSignal,
  options?: { readonly toEnd?: boolean; readonly user?: string },
): StreamedProcess {
  if ("content" in archive)
    return execFilter(target, shell(restoreEntries), behindList(ids, archive), signal, options);
  const command = ["pg_restore", "--use-list=/dev/stdin", "--file=-", archive.path];
  const list = ids.map((id) => `${id};\n`).join("");
  return streamTied(target, command, signal, { user: archive.user, input: list });
}

function behindList(ids: readonly number[], { bytes, content }: SizedContent): SizedContent {
  const list = Buffer.from(`${ids.join(" ")}\n`);
  return {
    bytes: list.length + bytes,
    content: async function* () {
      yield list;
      yield* content();
    },
  };
}

export async function listArchive(
  target: ExecTarget,
  archive: Archive,
  signal: AbortSignal,
): Promise<ListedEntry[]> {
  const { chunks, ended } = startReading(target, ["pg_restore", "--list"], archive, signal);
  const contents = await text(chunks);
  const { failed, stderr, exitCode } = await ended;
  if (failed) throw unreadable(stderr, endedWith(exitCode));
  return readList(contents);
}

/** Tables whose definition or rows are not listed. */
export function missingFromArchive<T extends ArchivedTable>(
  listed: readonly ListedEntry[],
  tables: readonly T[],
): T[] {
  const find = listedFinder(listed);
  return tables.filter(
    (table) =>
      find("TABLE", table).length === 0 || (table.kind === "table" && find("TABLE DATA", table).length === 0),
  );
}

/**
 * Numbers of rows by table, from those by entry. If several tables are listed under one name, any entry with the right
 * number will do.
 */
export function rowsByTable(
  listed: readonly ListedEntry[],
  tables: readonly (ArchivedTable & ScriptTable)[],
  rows: ReadonlyMap<string, number>,
): Map<string, number> {
  const find = listedFinder(listed);
  const found = tables.flatMap((table): [string, number][] => {
    const counts = find("TABLE DATA", table)
      .map(({ id }) => rows.get(id))
      .filter((count) => count !== undefined);
    const count = counts.find((candidate) => candidate === table.rows) ?? counts[0];
    return count === undefined ? [] : [[tableKey(table.schema, table.name), count]];
  });
  return new Map(found);
}

/** Reads the archive to its end. */
export async function readArchive(
  target: ExecTarget,
  archive: Archive,
  signal: AbortSignal,
): Promise<ScriptContents> {
  const command = shell(readArchiveScript);
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
