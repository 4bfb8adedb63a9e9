import { createInterface } from "node:readline";
import { type ExecTarget, type StreamedProcess, streamTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import type { ArchiveFormat } from "../../request";
import type { Sequence } from "../../request/contents";
import type { WholeDatabase } from "../catalog/select-tables";
import { escapeIdentifier } from "../session/escape";
import { sqlName } from "../session/names";
import { endedWith, errorLines } from "../session/server";
import type { Snapshot } from "../session/snapshot";
import { compressOption } from "./compression";
import { setting } from "../../lib/setting";

export interface DumpOptions {
  readonly format: ArchiveFormat | "tar";
  readonly jobs: number;
  readonly compression: string;
  /** Major version of the `pg_dump` in the container. */
  readonly version: number;
  /** Further sequences; those that the tables own are dumped anyway. */
  readonly sequences: readonly Sequence[];
  /** Seconds to wait for a table that somebody else has locked. */
  readonly lockTimeout: number;
}

/** Where the archive goes: to a path in the container, or from standard output to a receiver. */
export type DumpDestination =
  MountedDestination | { readonly receive: (archive: AsyncIterable<Uint8Array>) => Promise<unknown> };

export interface MountedDestination {
  readonly containerPath: string;
  /** The same on the host. */
  readonly hostPath: string;
  /** The user who writes it in the container. */
  readonly user: string;
}

export function dumpCommand(
  options: DumpOptions,
  snapshot: Pick<Snapshot, "id" | "tables" | "whole">,
  file: string | undefined,
): string[] {
  return [
    "pg_dump",
    "--no-password",
    `--format=${options.format}`,
    compressOption(options.compression, options.version),
    ...(options.format === "directory" ? [`--jobs=${options.jobs}`] : []),
    `--snapshot=${snapshot.id}`,
    `--lock-wait-timeout=${options.lockTimeout * 1000}`,
    "--strict-names",
    "--no-sync",
    "--verbose",
    ...(file === undefined ? [] : [`--file=${file}`]),
    ...(snapshot.whole === undefined
      ? [...snapshot.tables, ...options.sequences].map((name) => `--table=${sqlName(name)}`)
      : allBut(snapshot.whole)),
  ];
}

/** The same snapshot, but its dump has no rows of these tables. */
export function withoutTables(snapshot: Snapshot, oids: ReadonlySet<string>): Snapshot {
  const { whole } = snapshot;
  const tables = snapshot.tables.filter(({ oid }) => !oids.has(oid));
  if (whole === undefined) return { ...snapshot, tables };
  const withoutRows = [...whole.withoutRows, ...snapshot.tables.filter(({ oid }) => oids.has(oid))];
  return { ...snapshot, tables, whole: { ...whole, withoutRows } };
}

/** Whether a dump has more than definitions. A whole database has rows of extensions and large objects, too. */
export const holdsContent = ({ tables, whole }: Snapshot): boolean =>
  whole !== undefined || tables.some(({ kind }) => kind === "r");

const allBut = ({ excludeSchemas, withoutRows }: WholeDatabase): string[] => [
  ...excludeSchemas.map((schema) => `--exclude-schema=${escapeIdentifier(schema)}`),
  ...withoutRows.map((table) => `--exclude-table-data=${sqlName(table)}`),
];

/** Runs one `pg_dump` for all tables of the snapshot. It runs in the container, so that its version fits the server. */
export async function dump(
  target: ExecTarget,
  options: DumpOptions,
  snapshot: Snapshot,
  destination: DumpDestination,
  onTables: (tables: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const mounted = "containerPath" in destination;
  const command = dumpCommand(options, snapshot, mounted ? destination.containerPath : undefined);
  const notReceived = new AbortController();
  const until = AbortSignal.any([signal, notReceived.signal]);
  const process = streamTied(target, command, until, mounted ? { user: destination.user } : {});
  const ended = followDump(process, onTables);
  if (mounted) {
    process.chunks.resume();
    return ended;
  }
  try {
    await destination.receive(wholeArchive(process.chunks, ended));
  } catch (error) {
    notReceived.abort();
    await ended.catch(() => undefined);
    throw error;
  }
}

/** If the dump fails, the archive ends with that error, so that nobody takes it for a whole one. */
async function* wholeArchive(chunks: AsyncIterable<Uint8Array>, ended: Promise<void>) {
  ended.catch(() => undefined);
  yield* chunks;
  await ended;
}

/** Fails if `pg_dump` does. */
async function followDump(
  { errors, ended }: StreamedProcess,
  onTables: (tables: string) => void,
): Promise<void> {
  const said: string[] = [];
  const current = new Set<string>();
  for await (const line of createInterface({ input: errors })) {
    if (!followTable(current, line)) said.push(line);
    else onTables([...current].join(", "));
  }
  const { failed, exitCode } = await ended;
  if (!failed) return;
  const words = errorLines(said.join("\n"));
  throw (
    writeError(words) ??
    rowTooLarge(words) ??
    new Failure("dump-failed", `pg_dump failed: ${words || endedWith(exitCode)}`)
  );
}

/** Messages of the C library about a destination; pg_dump, run with LC_ALL=C, repeats them. */
const writeErrors = [
  ["No space left on device", "ENOSPC"],
  ["Disk quota exceeded", "EDQUOT"],
  ["Read-only file system", "EROFS"],
  ["Input/output error", "EIO"],
] as const;

/** The error of the file system that the archive is written to; undefined for an error of the server. */
export function writeError(words: string): Error | undefined {
  if (/\b(ERROR|FATAL|PANIC): /.test(words)) return undefined;
  const code = writeErrors.find(([text]) => words.includes(text))?.[1];
  return code && Object.assign(new Error(words), { code, syscall: "write" });
}

/** Keeps track of the tables that pg_dump's workers are busy with, by its verbose messages; false for other lines. */
export function followTable(current: Set<string>, line: string): boolean {
  const begun = /^pg_dump: dumping contents of table "(.*)"$/s.exec(line)?.[1];
  const ended = /^pg_dump: finished item \d+ TABLE DATA (.*)$/s.exec(line)?.[1];
  if (begun !== undefined) current.add(begun);
  // The line has no schema. For a progress message, any table of that name will do.
  const table = ended === undefined ? undefined : [...current].find((name) => name.endsWith(`.${ended}`));
  if (table !== undefined) current.delete(table);
  return begun !== undefined || ended !== undefined;
}

/** A damaged row usually asks for a larger size than any row can have. */
const largestPlausible = 1n << 33n;

const identifier = String.raw`(?:"(?:[^"]|"")+"|[^\s".,()]+)`;

const qualifiedName = `${identifier}\\.${identifier}`;

/** Recognises the failure by a message of `pg_dump` or of the server, followed by the statement that failed if it is known. */
export function rowTooLarge(words: string): Failure | undefined {
  const size = /invalid memory alloc request size (\d+)/.exec(words)?.[1];
  const isSize = size !== undefined && BigInt(size) < largestPlausible;
  if (!isSize && !/Cannot enlarge string buffer|string buffer exceeds maximum/.test(words)) return undefined;
  const [, table] =
    new RegExp(`(?:COPY|FROM ONLY) (${qualifiedName})`).exec(words) ??
    /contents of table "(.+)" failed/.exec(words) ??
    [];
  const row = table === undefined ? "A row of one of the tables" : `A row of ${table}`;
  const said = /^.*(?:invalid memory alloc|string buffer).*$/m.exec(words)?.[0].trim();
  return new Failure(
    "row-too-large",
    `${row} has more than 1 GB as text, and the server cannot write so long a text, so no dump can have it. Split the row, or leave the table ` +
      `out with ${setting("--exclude-table", "excludeTables")}. If no row there is that large, the table is damaged. (${said})`,
  );
}
