/** What `pg_restore`, in a container that holds nothing but the archive, finds in it. */
import { execTied, type ExecTarget } from "../docker/exec";
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

export async function listArchive(
  target: ExecTarget,
  { path, user }: ContainerFile,
  signal: AbortSignal,
): Promise<string> {
  const list = execTied(target, ["pg_restore", "--list", path], signal, { user, reject: false });
  const { failed, stdout, stderr, exitCode } = await list;
  if (failed) throw unreadable(stderr, endedWith(exitCode));
  return stdout;
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

/**
 * Decompresses all rows, and puts the number of a table's rows in their place. Counting is no luxury: pg_restore takes
 * a zstd file that was cut off for one that has ended. A program that is part of a pipe can be ended by a signal, which
 * a container whose first process is a postmaster must be spared; so this is for throwaway containers only.
 */
const countRows = `{ pg_restore --data-only --file=- "$1" || echo failed; } | awk '
copying && $0 == "\\\\." { printf "\\\\. %.0f\\n", rows; copying = 0; next }
copying { rows++; next }
/ FROM stdin;$/ { copying = 1; rows = 0 }
{ print }'`;

/** Reads the archive to its end. */
export async function readArchive(
  target: ExecTarget,
  { path, user }: ContainerFile,
  signal: AbortSignal,
): Promise<ScriptContents> {
  const process = execTied(target, ["sh", "-c", countRows, "sh", path], signal, {
    user,
    stdout: "pipe",
    buffer: { stdout: false },
    reject: false,
  });
  const contents = await readScript(process.stdout);
  const { failed, stderr, exitCode } = await process;
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
