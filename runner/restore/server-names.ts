/** Settings, tablespaces and access methods that definitions name, and a server has or lacks. */
import { z } from "zod";
import type { RecordedTable } from "../verify";
import { Failure, Failures } from "../lib/failure";
import type { Session } from "../postgres/session/session";
import type { TocEntry } from "../postgres/archive/toc";
import type { RestoreRun } from "./run";

/** What a server has that definitions name. */
export interface ServerNames {
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

export function noteTablespaces(run: RestoreRun, lacking: Iterable<string>): void {
  for (const name of lacking) {
    run.notes.push(
      `The server has no tablespace ${name} that the role may use: what was in it is in the tablespace of the database.`,
    );
  }
}

const indexMethod = /^CREATE (?:UNIQUE )?INDEX .* ON .*? USING (?<method>\w+) \(/s;

/** Access methods and tablespaces of the tables, as far as manifest and table of contents name them. */
export async function checkServerNames(
  run: RestoreRun,
  tables: readonly { readonly recorded: RecordedTable }[],
  contents: readonly TocEntry[] = [],
): Promise<void> {
  const { tablespaces, accessMethods } = await serverNames(run.session);
  const methods = new Set([
    ...contents.map(({ accessMethod }) => accessMethod).filter((name) => name !== ""),
    ...tables.flatMap(({ recorded }) =>
      recorded.indexes.flatMap((definition) => indexMethod.exec(definition)?.groups?.["method"] ?? []),
    ),
  ]);
  noteTablespaces(
    run,
    new Set(
      contents.map(({ tablespace }) => tablespace).filter((name) => name !== "" && !tablespaces.has(name)),
    ),
  );
  const { extensions, others } = run.manifest.requires;
  // The backup itself can bring one, and so can an extension that is yet to be created.
  if (extensions.length > 0) return;
  const brought = new Set(others);
  Failures.throwIfAny(
    [...methods]
      .filter((name) => !accessMethods.has(name) && !brought.has(`access method ${name}`))
      .map(accessMethodMissing),
  );
}
