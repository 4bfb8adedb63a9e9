/** The definitions of types, functions and the like that `pg_dump --table` leaves out. */
import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import { type Ended, type ExecTarget, readProcess, runTied, shell } from "../../docker/exec";
import { execFilter } from "../../docker/exec-streamed";
import { Failure } from "../../lib/failure";
import { notCarried } from "./not-carried";
import type { ObjectId } from "./requirements";
import { endedWith, errorLines } from "../session/server";
import type { Snapshot } from "../session/snapshot";
import { readToc, type TocEntry } from "../archive/toc";
import restoreEntries from "./restore-entries.sh";

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
  const archive = await output(runTied(target, [...command, `--snapshot=${snapshot.id}`], signal));
  const input = { bytes: archive.length, content: () => Readable.from([archive]) };
  const restored = (entries: readonly string[]) =>
    output(readProcess(execFilter(target, shell(restoreEntries, ...entries), input, signal)));
  const contents = readToc(archive).entries;
  const known = new Set(contents.map(({ object }) => object));
  const scripts: string[] = [];
  for (const one of wanted) {
    const entries = entriesOf(contents, one);
    scripts.push(entries.length === 0 ? "" : withoutRestriction(readableScript(await restored(entries))));
  }
  return { scripts, unknown: wanted.flatMap(({ create }) => create).filter((id) => !known.has(id)) };
}

/** Ids of the entries that create the objects, or say something about them, in the order of the table of contents. */
function entriesOf(contents: readonly TocEntry[], { create, annotate = [] }: Wanted): string[] {
  const created = new Set(create);
  const all = new Set([...create, ...annotate]);
  const ids = new Set(contents.filter(({ object }) => all.has(object)).map(({ id }) => id));
  return contents
    .filter(
      ({ object, kind, needs }) =>
        created.has(object) ||
        (/^(ACL|COMMENT|SECURITY LABEL)$/.test(kind) && needs.some((id) => ids.has(id))),
    )
    .map(({ id }) => String(id));
}

/** In a database without an encoding a definition can hold bytes that are no text; a script of text would change them. */
export function readableScript(script: Uint8Array): string {
  if (isUtf8(script)) return Buffer.from(script).toString();
  const unreadable = new Set<string>();
  let current = "definitions";
  // Latin-1 keeps every byte.
  for (const line of Buffer.from(script).toString("latin1").split("\n")) {
    const bytes = Buffer.from(line, "latin1");
    const [, name, type] = /^-- Name: (.*); Type: ([A-Z ]+); Schema: /.exec(bytes.toString()) ?? [];
    if (name !== undefined && type !== undefined) current = `${type.toLowerCase()} ${name}`;
    if (!isUtf8(bytes)) unreadable.add(current);
  }
  throw notCarried([...unreadable].map((object) => `${object}, whose definition is not valid UTF-8`));
}

/** Without the random key by which psql is kept from running commands of its own, so that the same objects give the same text. */
export function withoutRestriction(sql: string): string {
  return sql.replaceAll(/^\\(un)?restrict [A-Za-z0-9]+\n/gm, "");
}

async function output(process: Promise<Ended & { readonly stdout: Buffer }>): Promise<Buffer> {
  const { failed, stdout, stderr, exitCode } = await process;
  if (!failed) return stdout;
  const said = errorLines(stderr) || endedWith(exitCode);
  throw new Failure(
    "dump-failed",
    `Reading the definitions of types and functions that the tables need failed: ${said}`,
  );
}
