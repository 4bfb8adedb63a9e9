/** The scripts of a backup on their way to another server: how they are changed, and how psql gets them. */
import { escapeIdentifier } from "../postgres/session/escape";
import { Failure } from "../lib/failure";
import { byHeading, tableKey } from "../postgres/archive/script";
import { restriction } from "../postgres/archive/script-scanner";
import { readPieces, safePieces } from "../postgres/archive/script-pieces";
import { noSearchPath } from "../postgres/catalog/unqualified";
import type { Session } from "../postgres/session/session";
import * as z from "zod";
import type { ExecTarget } from "../docker/exec";
import { runRestricted } from "../postgres/session/restricted";
import { errorLines, endedWith } from "../postgres/session/server";

interface DefinitionOptions {
  /** Name of the script in messages. */
  readonly name: string;
  readonly known: ServerNames;
  /** Called with each tablespace that the target lacks, or that the role may not use. */
  readonly onTablespace: (name: string) => void;
  /** Called with each access method that the target lacks. The backup itself or an extension may bring it. */
  readonly onAccessMethod: (name: string) => void;
  /** Foreign keys whose other table is not in the backup. */
  readonly withoutKeys: readonly { readonly table: string; readonly constraint: string }[];
  /** prepare.sql has statements before its settings. */
  readonly settingsAnywhere?: boolean;
  /** Statements that come before indexes, foreign keys, triggers and the like. */
  readonly afterTables?: (() => AsyncIterable<string>) | undefined;
}

const setting = /^SET (?<name>\w+) = (?<value>.*);$/;
/** The first entry of a script that comes after all tables and before their indexes. */
const tablesEnd =
  /^-- (Data for )?Name: .*; Type: (TABLE DATA|SEQUENCE SET|(FK )?CONSTRAINT|INDEX|TRIGGER|RULE|POLICY|ROW SECURITY|STATISTICS|TABLE ATTACH|INDEX ATTACH|PUBLICATION.*|EVENT TRIGGER|MATERIALIZED VIEW DATA);/;
const beforeStatements = /^(--.*|SELECT pg_catalog\.set_config\('search_path', '', false\);)?$/;
const alterTable = /^ALTER TABLE (ONLY )?(?<table>.*[^;])$/s;

/** The script without its rows, without settings that an older server does not know, and without tablespaces that the target lacks. */
export async function* definitionsOf(
  script: AsyncIterable<Uint8Array>,
  {
    name: what,
    known,
    onTablespace,
    onAccessMethod,
    withoutKeys,
    settingsAnywhere = false,
    afterTables,
  }: DefinitionOptions,
): AsyncGenerator<string, void> {
  let preamble = true;
  let after = afterTables;
  let held: { line: string; table: string } | undefined;
  for await (const piece of safePieces(readPieces(script), what)) {
    if (
      after !== undefined &&
      (piece.kind === "copy" || (piece.kind === "line" && tablesEnd.test(piece.text)))
    ) {
      yield* after();
      after = undefined;
    }
    if (piece.kind !== "line") continue;
    const { text } = piece;
    if (held !== undefined) {
      const { line, table } = held;
      held = undefined;
      const dropped = withoutKeys.some(
        (key) => key.table === table && startsForeignKey(text, key.constraint),
      );
      if (dropped) continue;
      yield `${line}\n`;
    }
    const { name, value } = setting.exec(text)?.groups ?? {};
    if (name === undefined && !beforeStatements.test(text) && !restriction.test(text)) preamble = false;
    if (restriction.test(text)) continue;
    if (name === "default_tablespace" && lacks(known.tablespaces, value)) {
      onTablespace(value ?? "");
      yield "SET default_tablespace = '';\n";
      continue;
    }
    if (name === "default_table_access_method" && lacks(known.accessMethods, value)) {
      onAccessMethod(unquoted(value ?? ""));
    }
    if ((preamble || settingsAnywhere) && name !== undefined && !known.settings.has(name)) continue;
    const table = alterTable.exec(text)?.groups?.["table"];
    if (table === undefined) yield `${text}\n`;
    else held = { line: text, table };
  }
  if (held !== undefined) yield `${held.line}\n`;
  if (after !== undefined) yield* after();
}

/** The value is a name, or empty for the default of the database. */
function lacks(names: ReadonlySet<string>, value = "''"): boolean {
  return value !== "''" && ![...names].some((name) => value === name || value === escapeIdentifier(name));
}

const unquoted = (value: string) =>
  value.startsWith('"') ? value.slice(1, -1).replaceAll('""', '"') : value;

function startsForeignKey(line: string, constraint: string): boolean {
  return [constraint, escapeIdentifier(constraint)].some((name) =>
    line.startsWith(`    ADD CONSTRAINT ${name} FOREIGN KEY `),
  );
}

/** Settings of a session that loads rows, as pg_restore has them. */
export const loadSettings = (searchPath: string): string[] => [
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET row_security = off",
  "SET synchronous_commit = off",
  "SET standard_conforming_strings = on",
  "SET xmloption = content",
  "SET client_min_messages = warning",
  searchPath,
];

/**
 * COPY statements and rows of the tables that have a place, directed into that place. Rows that the script gives to the
 * partitioned table of a partition go into the place of that. Fails if the rows of a table do not come to their end.
 */
export async function* rowsInto(
  script: AsyncIterable<Uint8Array>,
  places: ReadonlyMap<string, string>,
  searchPath = noSearchPath,
  partitioned: ReadonlyMap<string, string> = new Map(),
): AsyncGenerator<string | Buffer, void> {
  const missing = new Set(places.keys());
  const partitions = byHeading(places.keys());
  let current: string | undefined;
  yield loadSettings(searchPath)
    .map((setting) => `${setting};\n`)
    .join("");
  for await (const piece of safePieces(readPieces(script), "The archive")) {
    if (piece.kind === "copy") {
      const named = tableKey(piece.schema, piece.name);
      const owner = piece.partition === undefined ? named : partitions.get(piece.partition);
      const place = piece.partition === undefined ? places.get(named) : partitioned.get(named);
      current = owner === undefined || place === undefined ? undefined : owner;
      if (current !== undefined) yield `COPY ${place}${piece.rest}\n`;
    } else if (current !== undefined && places.has(current)) {
      if (piece.kind === "rows") yield piece.data;
      if (piece.kind === "end of rows") missing.delete(current);
    }
  }
  if (missing.size === 0) return;
  const names = [...missing].map((key) => (JSON.parse(key) as string[]).join("."));
  throw new Failure(
    "archive-incomplete",
    `The archive lacks rows of ${names.join(", ")}. Use another backup.`,
  );
}

/** What definitions can name and a server may lack. */
interface ServerNames {
  readonly settings: ReadonlySet<string>;
  /** Those that the role may use. */
  readonly tablespaces: ReadonlySet<string>;
  readonly accessMethods: ReadonlySet<string>;
}

export async function serverNames(session: Session): Promise<ServerNames> {
  const found = await session.row(
    `SELECT ARRAY(SELECT lower(name) FROM pg_settings) AS settings,
            ARRAY(SELECT spcname FROM pg_tablespace WHERE has_tablespace_privilege(oid, 'CREATE')) AS tablespaces,
            ARRAY(SELECT amname FROM pg_am) AS "accessMethods"`,
    z.object({
      settings: z.array(z.string()),
      tablespaces: z.array(z.string()),
      accessMethods: z.array(z.string()),
    }),
  );
  return {
    settings: new Set(found.settings),
    tablespaces: new Set(found.tablespaces),
    accessMethods: new Set(found.accessMethods),
  };
}

export function accessMethodMissing(name: string): Failure {
  return new Failure(
    "requirement-missing",
    `Tables or indexes of the backup need the access method ${name}, which the server does not have. Create the extension that brings it in the target, or use an image that has it.`,
  );
}

export function noteTablespaces(notes: string[], lacking: Iterable<string>): void {
  for (const name of lacking) {
    notes.push(
      `The server has no tablespace ${name} that the role may use: what was in it is in the tablespace of the database.`,
    );
  }
}

/** Feeds a script to psql in the container, which stops at the first error. An error of the script's source is thrown first. */
export async function feedPsql(
  target: ExecTarget,
  what: string,
  script: AsyncIterable<string | Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { failed, stderr, exitCode } = await runRestricted(target, script, [], signal);
  if (failed) throw restoreFailure(`${what}: psql`, errorLines(stderr) || endedWith(exitCode));
}

export function restoreFailure(what: string, said: string): Failure {
  if (/No space left on device|disk full/i.test(said)) {
    return new Failure(
      "space-insufficient",
      `The disk of the database is full: ${what}: ${said}\nFree some space; nothing was restored.`,
    );
  }
  return new Failure("restore-failed", `The tables cannot be restored: ${what}: ${said}`);
}
