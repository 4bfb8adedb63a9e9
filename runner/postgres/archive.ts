import type { Options } from "execa";
import { execInteractive, execTied, type ExecTarget } from "../docker/exec";
import { Failure } from "../failure";
import type { DumpDestination } from "./dump";
import { errorLines } from "./server";

/** A table as the table of contents of an archive names it. */
export interface ArchivedTable {
  readonly schema: string;
  readonly name: string;
  readonly owner: string;
  readonly kind: "table" | "partitioned";
}

/** The archive's table of contents, as the container's own `pg_restore` reads it. */
export async function listArchive(
  target: ExecTarget,
  archive: DumpDestination,
  signal: AbortSignal,
): Promise<string> {
  return pgRestore(target, ["--list"], archive, signal);
}

/** Has `pg_restore` read and decompress all of the archive, to nowhere. */
export async function readArchive(
  target: ExecTarget,
  archive: DumpDestination,
  signal: AbortSignal,
): Promise<void> {
  await pgRestore(target, ["--file=/dev/null"], archive, signal);
}

async function pgRestore(
  target: ExecTarget,
  options: readonly string[],
  archive: DumpDestination,
  signal: AbortSignal,
): Promise<string> {
  const command = ["pg_restore", ...options];
  const quiet = { reject: false } as const satisfies Options;
  const { failed, stdout, stderr, shortMessage } = await ("containerPath" in archive
    ? execTied(target, [...command, archive.containerPath], signal, { ...quiet, user: archive.user })
    : execInteractive(target, command, { ...quiet, inputFile: archive.hostFile, cancelSignal: signal }));
  signal.throwIfAborted();
  if (!failed) return stdout;
  throw new Failure(
    "archive-incomplete",
    `pg_restore cannot read the archive: ${errorLines(stderr) || (shortMessage ?? "")}`,
  );
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
