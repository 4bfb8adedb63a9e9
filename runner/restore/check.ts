/**
 * What would keep a backup from being restored. Every restore checks what the target must have and allow: privileges, extensions,
 * roles, reference systems, and room on the disk. A dry run finds the rest without running anything of the backup: from the
 * manifest, and from the archive's table of contents if it has one.
 */
import * as z from "zod";
import { spawnDocker } from "../docker/docker";
import { execArguments } from "../docker/exec";
import { Attempts, Failure, Failures } from "../lib/failure";
import { formatBytes } from "../lib/format";
import { setting } from "../lib/setting";
import type { TocEntry } from "../postgres/archive/toc";
import type { Relation } from "../postgres/catalog/catalog";
import type { Selection } from "../postgres/catalog/select-tables";
import { currentRole } from "../postgres/session/current-role";
import { checkExtensions } from "../postgres/catalog/extensions";
import { escapeIdentifier } from "../postgres/session/escape";
import { literalList, sqlName } from "../postgres/session/names";
import type { Session } from "../postgres/session/session";
import type { CustomSrid } from "../request/contents";
import type { RecordedTable } from "../verify";
import type { Manifest } from "../repository/manifest";
import type { RequestedBackup, Target } from "./begin";
import { finalPlace, checkPlaces, findExisting, checkNames, finalSchema } from "./places";
import { selectRequested } from "./objects";
import { readEntries } from "./reader";
import { serverNames, noteTablespaces, accessMethodMissing } from "./statements";

async function checkTarget(
  backup: RequestedBackup,
  session: Session,
  notes: string[],
  attempts: Attempts,
): Promise<void> {
  const { request, manifest } = backup;
  const role = await currentRole(session);
  const needs = (what: string, remedy: string) => {
    attempts.add(
      new Failure(
        "privilege-missing",
        `Role "${role.name}" may not ${what}. Use another role, or give it: "${remedy}".`,
      ),
    );
  };
  if (request.content !== "data") {
    const quoted = escapeIdentifier(role.name);
    if (!role.createDatabase)
      needs("create the database in which the restore renames tables", `ALTER ROLE ${quoted} CREATEDB`);
    if (!role.createSchema)
      needs("create schemas", `GRANT CREATE ON DATABASE ${escapeIdentifier(request.database)} TO ${quoted}`);
    const needed = { extensions: manifest.requires.extensions, whole: false };
    await attempts.run(() => checkExtensions(needed, session, role.superuser, notes, attempts));
    await attempts.run(() => checkRoles(backup, session, role.superuser, attempts));
  }
}

export async function checkRoles(
  { request, manifest }: RequestedBackup,
  session: Session,
  superuser: boolean,
  attempts: Attempts,
): Promise<void> {
  const roles = await session.rows(
    `SELECT rolname AS name, pg_has_role(oid, 'MEMBER') AS member FROM pg_roles`,
    z.object({ name: z.string(), member: z.boolean() }),
  );
  const memberships = new Map(roles.map(({ name, member }) => [name, member]));
  const missing = manifest.requires.roles.filter((name) => !memberships.has(name));
  if (missing.length > 0 && request.missingRoles === "fail") {
    attempts.add(
      new Failure(
        "requirement-missing",
        `The server lacks roles that own the tables or may use them: ${missing.join(", ")}. Create them, or set ${setting("--missing-roles create", 'missingRoles: "create"')}.`,
      ),
    );
  }
  const owners = new Set(manifest.tables.map(({ owner }) => owner));
  const foreign = superuser ? [] : [...owners].filter((name) => memberships.get(name) === false);
  if (foreign.length === 0) return;
  attempts.add(
    new Failure(
      "privilege-missing",
      `Role "${request.user}" cannot give tables to their owners, ${foreign.join(", ")}, of whom it is no member. Restore as a superuser, or grant it those roles.`,
    ),
  );
}

/** Checks everything that does not need a scratch database. */
export async function checkRestore(
  backup: RequestedBackup,
  session: Session,
  notes: string[],
): Promise<void> {
  const attempts = new Attempts();
  await checkTarget(backup, session, notes, attempts);
  await attempts.run(() => checkSrids(session, backup.manifest.requires.customSrids));
  attempts.end();
}

/** Fails if the target has another reference system under a number that the backup uses. */
async function checkSrids(session: Session, customSrids: readonly CustomSrid[]): Promise<void> {
  const srids = await installedSrids(session, customSrids);
  Failures.throwIfAny(
    customSrids
      .filter((srid) => srids.some((other) => other.srid === srid.srid && differs(srid, other)))
      .map(
        ({ srid }) =>
          new Failure(
            "requirement-missing",
            `The spatial reference system ${srid} of this database differs from that of the backup: coordinates would be ` +
              "wrong. Make spatial_ref_sys agree, or restore into another database.",
          ),
      ),
  );
}

const differs = (one: CustomSrid, other: CustomSrid) =>
  one.srtext !== other.srtext || one.proj4text?.trim() !== other.proj4text?.trim();

export async function installedSrids(session: Session, wanted: readonly CustomSrid[]): Promise<CustomSrid[]> {
  const schema = await postgisSchema(session);
  if (schema === undefined || wanted.length === 0) return [];
  return session.rows(
    `SELECT srid, auth_name, auth_srid, srtext, proj4text FROM ${escapeIdentifier(schema)}.spatial_ref_sys
     WHERE srid IN (${literalList(wanted.map(({ srid }) => String(srid)))})`,
    z.custom<CustomSrid>(),
  );
}

export async function postgisSchema(session: Session): Promise<string | undefined> {
  const [found] = await session.rows(
    "SELECT nspname AS name FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'postgis'",
    z.object({ name: z.string() }),
  );
  return found?.name;
}

/** The fewest bytes that a row takes in an index: those in a B-tree of equal values. */
const indexEntryBytes = 6;

/** Such an index has entries for some rows only, or for blocks of many rows. */
const sparseIndex = / USING brin | WHERE /;

/**
 * The size of the tables in the source, with their indexes as small as they can be. A restore that is refused although it
 * would fit is worse than one that fails half-way, because that changes nothing.
 */
export function leastBytes(tables: readonly Pick<RecordedTable, "bytes" | "rows" | "indexes">[]): number {
  return tables.reduce((sum, { bytes, rows, indexes }) => {
    const full = indexes.filter((definition) => !sparseIndex.test(definition)).length;
    return sum + bytes + rows * full * indexEntryBytes;
  }, 0);
}

/** Checks nothing if the container has no df, or the role may not see where the data is. */
export async function checkFreeSpace(
  { session, exec }: Pick<Target, "session" | "exec">,
  tables: readonly { readonly recorded: RecordedTable }[],
): Promise<void> {
  const { folder } = await session.row(
    `SELECT coalesce(nullif(pg_tablespace_location(dattablespace), ''),
            CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN current_setting('data_directory') END) AS folder
     FROM pg_database WHERE datname = current_database()`,
    z.object({ folder: z.string().nullable() }),
  );
  if (folder === null) return;
  const probe = execArguments(exec, ["df", "-P", "-k", folder], "0:0");
  const { failed, stdout } = await spawnDocker(exec.docker, probe, { reject: false });
  // Device, blocks, used, available: https://pubs.opengroup.org/onlinepubs/9699919799/utilities/df.html
  const [, , , available = ""] = stdout.trim().split("\n").at(-1)?.split(/ +/) ?? [];
  if (failed || !/^\d+$/.test(available)) return;
  const free = Number(available) * 1024;
  const needed = leastBytes(tables.map(({ recorded }) => recorded));
  if (free >= needed) return;
  throw new Failure(
    "space-insufficient",
    `The disk of the database has ${formatBytes(free)} free, and the tables take at least ${formatBytes(needed)} with their indexes. ` +
      `Free some space, or restore fewer tables with ${setting("--table", "tables")}.`,
  );
}

/** The tables that would be restored. */
export async function dryRun(backup: RequestedBackup, target: Target, notes: string[]) {
  const { request, manifest, files } = backup;
  const { session } = target;
  const contents = await readEntries(files, manifest);
  const selection = selectRecorded(backup, contents);
  const recorded = new Map(manifest.tables.map((table) => [sqlName(table), table]));
  const tables = selection.tables.flatMap((table) => {
    const found = recorded.get(sqlName(table));
    return found === undefined ? [] : [{ recorded: found, place: finalPlace(request, table) }];
  });
  const places = tables.map(({ place }) => place);
  const finals = [...new Set(places.map(({ schema }) => schema))];
  const attempts = new Attempts();
  const needed = await checkPlaces(
    request,
    target,
    { places, finals, references: selection.ignoredReferences },
    attempts,
  );
  if (needed) {
    if (request.content !== "schema") await attempts.run(() => checkFreeSpace(target, tables));
    const existing = await findExisting(session, places);
    await attempts.run(() =>
      checkNames(session, request.database, namesOf(backup, tables, contents), existing),
    );
    await attempts.run(() => checkServerNames(manifest, session, tables, notes, contents));
  }
  attempts.end();
  return tables.map(({ recorded: { rows }, place }) => ({ place, rows }));
}

/** The tables that the request selects, as far as the manifest and the table of contents tell. */
function selectRecorded(
  { request, manifest }: RequestedBackup,
  contents: readonly TocEntry[] = [],
): Selection {
  const byId = new Map(contents.map((entry) => [entry.id, entry]));
  const parents = new Map<string, string[]>();
  const references = new Map<string, Relation["references"]>();
  for (const entry of contents) {
    const tables = entry.needs.flatMap((id) => tableOf(byId, byId.get(id)) ?? []);
    if (entry.kind === "TABLE ATTACH") {
      const child = sqlName(entry);
      const others = tables.map((table) => sqlName(table)).filter((name) => name !== child);
      parents.set(child, [...(parents.get(child) ?? []), ...others]);
    }
    if (entry.kind !== "FK CONSTRAINT") continue;
    const own = tables.find(
      ({ schema, name }) => schema === entry.schema && entry.name.startsWith(`${name} `),
    );
    if (own === undefined) continue;
    const others = tables.filter((table) => table !== own);
    const constraint = entry.name.slice(own.name.length + 1);
    references.set(sqlName(own), [
      ...(references.get(sqlName(own)) ?? []),
      ...others.map((table) => ({ to: sqlName(table), sqlName: sqlName(table), constraint })),
    ]);
  }
  const partOf = (name: string): string[] =>
    (parents.get(name) ?? []).flatMap((parent) => [parent, ...partOf(parent)]);
  const relations = manifest.tables.map((table): Relation => {
    const key = sqlName(table);
    const { schema, name, owner, bytes } = table;
    return {
      ...{
        schema,
        name,
        owner,
        bytes,
        oid: key,
        sqlName: key,
        visible: schema === "public",
        extension: null,
      },
      kind: table.kind === "table" ? "r" : "p",
      partOf: partOf(key),
      references: references.get(key) ?? [],
    };
  });
  return selectRequested({ request, manifest }, relations);
}

/** The table that an entry is or belongs to. */
function tableOf(byId: ReadonlyMap<number, TocEntry>, entry: TocEntry | undefined): TocEntry | undefined {
  if (entry === undefined || entry.kind === "TABLE") return entry;
  return entry.kind === "CONSTRAINT" || entry.kind === "INDEX"
    ? entry.needs.flatMap((id) => byId.get(id) ?? []).find(({ kind }) => kind === "TABLE")
    : undefined;
}

const indexName = /^CREATE (?:UNIQUE )?INDEX (?<name>"(?:[^"]|"")+"|\S+) ON /;

/** Names, besides those of the tables, that relations of the backup will have, in their schemas. */
function namesOf(
  { request, manifest }: RequestedBackup,
  tables: readonly { readonly recorded: RecordedTable }[],
  contents: readonly TocEntry[] = [],
) {
  const indexes = tables.flatMap(({ recorded: { schema, indexes } }) =>
    indexes.flatMap((definition) => {
      const name = indexName.exec(definition)?.groups?.["name"];
      const bare = name?.startsWith('"') === true ? name.slice(1, -1).replaceAll('""', '"') : name;
      return bare === undefined ? [] : [{ schema, name: bare, kind: "index" }];
    }),
  );
  const all = tables.length === manifest.tables.length;
  const loose = new Set(manifest.requires.sequences.map((sequence) => sqlName(sequence)));
  const sequences = contents
    .filter((entry) => all && entry.kind === "SEQUENCE" && !loose.has(sqlName(entry)))
    .map(({ schema, name }) => ({ schema, name, kind: "sequence" }));
  return [...indexes, ...sequences].map((one) => ({ ...one, schema: finalSchema(request, one.schema) }));
}

const indexMethod = /^CREATE (?:UNIQUE )?INDEX .* ON .*? USING (?<method>\w+) \(/s;

/** Checks the access methods and tablespaces that the manifest and the table of contents name. */
async function checkServerNames(
  { requires }: Manifest,
  session: Session,
  tables: readonly { readonly recorded: RecordedTable }[],
  notes: string[],
  contents: readonly TocEntry[] = [],
): Promise<void> {
  const { tablespaces, accessMethods } = await serverNames(session);
  const methods = new Set([
    ...contents.map(({ accessMethod }) => accessMethod).filter((name) => name !== ""),
    ...tables.flatMap(({ recorded }) =>
      recorded.indexes.flatMap((definition) => indexMethod.exec(definition)?.groups?.["method"] ?? []),
    ),
  ]);
  noteTablespaces(
    notes,
    new Set(
      contents.map(({ tablespace }) => tablespace).filter((name) => name !== "" && !tablespaces.has(name)),
    ),
  );
  const { extensions, others } = requires;
  // An extension that is not created yet may bring an access method, and so may the backup itself.
  if (extensions.length > 0) return;
  const brought = new Set(others);
  Failures.throwIfAny(
    [...methods]
      .filter((name) => !accessMethods.has(name) && !brought.has(`access method ${name}`))
      .map(accessMethodMissing),
  );
}
