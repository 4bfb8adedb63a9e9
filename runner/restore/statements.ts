/** What is made of an archive's script before it goes to another server. */
import { escapeIdentifier } from "../postgres/escape";
import { Failure } from "../failure";
import { tableKey } from "../postgres/script";
import { restriction } from "../postgres/script-scanner";
import { readPieces, safePieces } from "./script-pieces";

interface DefinitionOptions {
  /** What the script is called in messages. */
  readonly name: string;
  /** Names of the settings that the target knows. */
  readonly settings: ReadonlySet<string>;
  /** Foreign keys whose other table is not in the backup. */
  readonly withoutKeys: readonly { readonly table: string; readonly constraint: string }[];
  /** prepare.sql has statements before its settings. */
  readonly settingsAnywhere?: boolean;
}

const setting = /^SET (?<name>\w+) = .*;$/;
const beforeStatements = /^(--.*|SELECT pg_catalog\.set_config\('search_path', '', false\);)?$/;
const alterTable = /^ALTER TABLE (ONLY )?(?<table>.*[^;])$/s;

/** All but the rows, without what an older server or client does not know, and without tablespaces. */
export async function* definitionsOf(
  script: AsyncIterable<Uint8Array>,
  { name: what, settings, withoutKeys, settingsAnywhere = false }: DefinitionOptions,
): AsyncGenerator<string, void> {
  let preamble = true;
  let held: { line: string; table: string } | undefined;
  for await (const piece of safePieces(readPieces(script), what)) {
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
    const name = setting.exec(text)?.groups?.["name"];
    if (name === undefined && !beforeStatements.test(text) && !restriction.test(text)) preamble = false;
    if (restriction.test(text) || name === "default_tablespace") continue;
    if ((preamble || settingsAnywhere) && name !== undefined && !settings.has(name)) continue;
    const table = alterTable.exec(text)?.groups?.["table"];
    if (table === undefined) yield `${text}\n`;
    else held = { line: text, table };
  }
  if (held !== undefined) yield `${held.line}\n`;
}

function startsForeignKey(line: string, constraint: string): boolean {
  return [constraint, escapeIdentifier(constraint)].some((name) =>
    line.startsWith(`    ADD CONSTRAINT ${name} FOREIGN KEY `),
  );
}

/** What a session that loads rows begins with, as pg_restore does. */
export const loadSettings = [
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET row_security = off",
  "SET synchronous_commit = off",
  "SET standard_conforming_strings = on",
  "SET xmloption = content",
  "SET client_min_messages = warning",
  "SELECT pg_catalog.set_config('search_path', '', false)",
];

/** COPY and rows of the tables that have a place, each into its place; fails where the rows of one are not all there. */
export async function* rowsInto(
  script: AsyncIterable<Uint8Array>,
  places: ReadonlyMap<string, string>,
): AsyncGenerator<string | Buffer, void> {
  const missing = new Set(places.keys());
  let current: string | undefined;
  yield loadSettings.map((setting) => `${setting};\n`).join("");
  for await (const piece of safePieces(readPieces(script), "The archive")) {
    if (piece.kind === "copy") {
      current = tableKey(piece.schema, piece.name);
      const place = places.get(current);
      if (place !== undefined) yield `COPY ${place}${piece.rest}\n`;
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
