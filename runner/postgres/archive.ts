import { Failure } from "../failure";
import { execInteractive, execTied, type ExecTarget } from "../docker/exec";
import type { Relation } from "./catalog";
import type { DumpDestination } from "./dump";
import { errorLines } from "./server";

/** Oids in the system catalogs never change: this is pg_class, which a table's entry in an archive refers to. */
const pgClass = 1259;

/** The archive's table of contents, as the container's own `pg_restore` reads it. */
export async function listArchive(
  target: ExecTarget,
  archive: DumpDestination,
  signal: AbortSignal,
): Promise<string> {
  const options = { reject: false } as const;
  const { failed, stdout, stderr, shortMessage } = await ("containerPath" in archive
    ? execTied(target, ["pg_restore", "--list", archive.containerPath], signal, {
        ...options,
        user: archive.user,
      })
    : execInteractive(target, ["pg_restore", "--list"], { ...options, inputFile: archive.hostFile }));
  if (failed) {
    throw new Failure(
      "archive-incomplete",
      `pg_restore cannot read the archive that was just written: ${errorLines(stderr) || (shortMessage ?? "")}`,
    );
  }
  return stdout;
}

/** Tables whose definition or rows the table of contents lacks. By oid, because names in it are not quoted. */
export function missingFromArchive(tableOfContents: string, tables: readonly Relation[]): Relation[] {
  const entries = new Set(
    tableOfContents.split("\n").flatMap((line) => {
      const entry = /^\d+; (\d+) (\d+) (TABLE DATA|TABLE) /.exec(line);
      return entry === null ? [] : [`${entry[3] ?? ""} ${entry[1] ?? ""} ${entry[2] ?? ""}`];
    }),
  );
  return tables.filter(
    ({ oid, kind }) =>
      !entries.has(`TABLE ${pgClass} ${oid}`) || (kind === "r" && !entries.has(`TABLE DATA 0 ${oid}`)),
  );
}
