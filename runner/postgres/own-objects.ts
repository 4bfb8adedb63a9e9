/** The definitions of types, functions and the like that `pg_dump --table` leaves out. */
import { ExecaError } from "execa";
import { execInteractive, execTied, type ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import type { ObjectId } from "./requirements";
import { errorLines } from "./server";
import type { Snapshot } from "./snapshot";

/**
 * The archive comes on standard input and the entries as arguments, because nothing is to be written in the container:
 * pg_restore reads the list of entries from a pipe.
 */
const restoreEntries = `exec 3<&0
printf '%s\\n' "$@" | { exec 4<&0; pg_restore --use-list=/dev/fd/4 --file=- <&3; }`;

/** SQL that creates the objects, as pg_dump itself writes it, in an order in which they can be created. */
export async function objectDefinitions(
  target: ExecTarget,
  snapshot: Pick<Snapshot, "id">,
  objects: readonly ObjectId[],
  signal: AbortSignal,
): Promise<string> {
  const { scripts } = await definitionScripts(target, snapshot, [{ create: objects }], signal);
  return scripts[0] ?? "";
}

/** Objects that a script creates, and those that something else creates; of both it has the grants, comments and labels. */
export interface Wanted {
  readonly create: readonly ObjectId[];
  readonly annotate?: readonly ObjectId[];
}

export interface DefinitionScripts {
  readonly scripts: readonly string[];
  /** Objects that pg_dump has no definition of. */
  readonly unknown: readonly ObjectId[];
}

export async function definitionScripts(
  target: ExecTarget,
  snapshot: Pick<Snapshot, "id">,
  wanted: readonly Wanted[],
  signal: AbortSignal,
): Promise<DefinitionScripts> {
  if (wanted.every(({ create, annotate = [] }) => create.length + annotate.length === 0))
    return { scripts: wanted.map(() => ""), unknown: [] };
  // Without any table it takes no lock, and the archive is small: definitions only.
  const command = ["pg_dump", "--format=custom", "--schema-only", "--exclude-table=*.*"];
  const archive = await output(
    execTied(target, [...command, `--snapshot=${snapshot.id}`], signal, { encoding: "buffer" }),
  );
  const read = (...words: string[]) =>
    output(execInteractive(target, words, { input: archive, encoding: "buffer", cancelSignal: signal }));
  const contents = readEntries((await read("pg_restore", "--list", "--verbose")).toString());
  const known = new Set(contents.map(({ object }) => object));
  const scripts: string[] = [];
  for (const one of wanted) {
    const entries = entriesOf(contents, one);
    scripts.push(
      entries.length === 0
        ? ""
        : withoutRestriction((await read("sh", "-c", restoreEntries, "sh", ...entries)).toString()),
    );
  }
  return { scripts, unknown: wanted.flatMap(({ create }) => create).filter((id) => !known.has(id)) };
}

export interface Entry {
  readonly number: string;
  readonly object: ObjectId;
  readonly text: string;
  /** Numbers of the entries that must be restored before it. */
  readonly needs: readonly string[];
}

/** A table of contents as `pg_restore --list --verbose` writes it. */
export function readEntries(tableOfContents: string): Entry[] {
  const entries: { number: string; object: string; text: string; needs: string[] }[] = [];
  for (const line of tableOfContents.split("\n")) {
    const [, number = "", object = "", text] = /^(\d+); (\d+ \d+) (.*)$/s.exec(line) ?? [];
    if (text !== undefined) entries.push({ number, object, text, needs: [] });
    const needs = /^;\tdepends on:([\d ]+)$/.exec(line)?.[1];
    if (needs !== undefined) entries.at(-1)?.needs.push(...needs.trim().split(" "));
  }
  return entries;
}

/** Numbers of those entries that create the objects, or say something about them, in the order of the table of contents. */
export function entriesOf(contents: readonly Entry[], { create, annotate = [] }: Wanted): string[] {
  const created = new Set(create);
  const all = new Set([...create, ...annotate]);
  const numbers = new Set(contents.filter(({ object }) => all.has(object)).map(({ number }) => number));
  return contents
    .filter(
      ({ object, text, needs }) =>
        created.has(object) ||
        (/^(ACL|COMMENT|SECURITY LABEL) /.test(text) && needs.some((number) => numbers.has(number))),
    )
    .map(({ number }) => number);
}

/** Without the random key by which psql is kept from running commands of its own, so that the same objects give the same text. */
export function withoutRestriction(sql: string): string {
  return sql.replaceAll(/^\\(un)?restrict [A-Za-z0-9]+\n/gm, "");
}

async function output(process: Promise<{ stdout: Uint8Array }>): Promise<Buffer> {
  try {
    return Buffer.from((await process).stdout);
  } catch (error) {
    const stderr: unknown = error instanceof ExecaError ? error.stderr : undefined;
    const said = stderr instanceof Uint8Array ? errorLines(Buffer.from(stderr).toString()) : "";
    throw new Failure(
      "dump-failed",
      `Reading the definitions of types and functions that the tables need failed: ${said || String(error)}`,
    );
  }
}
