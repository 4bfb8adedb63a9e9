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
  if (objects.length === 0) return "";
  // Without any table it takes no lock, and the archive is small: definitions only.
  const command = ["pg_dump", "--format=custom", "--schema-only", "--exclude-table=*.*"];
  const archive = await output(
    execTied(target, [...command, `--snapshot=${snapshot.id}`], signal, { encoding: "buffer" }),
  );
  const read = (...words: string[]) =>
    output(execInteractive(target, words, { input: archive, encoding: "buffer", cancelSignal: signal }));
  const entries = entriesOf((await read("pg_restore", "--list")).toString(), objects);
  if (entries.length === 0) return "";
  return withoutRestriction((await read("sh", "-c", restoreEntries, "sh", ...entries)).toString());
}

/** Ids of those entries of a table of contents that create the objects, in its order. */
export function entriesOf(tableOfContents: string, objects: readonly ObjectId[]): string[] {
  const wanted = new Set(objects);
  return tableOfContents.split("\n").flatMap((line) => {
    const entry = /^(\d+); (\d+ \d+) /.exec(line);
    return entry?.[1] !== undefined && wanted.has(entry[2] ?? "") ? [entry[1]] : [];
  });
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
