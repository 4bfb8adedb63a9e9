/**
 * What has to be in a database besides an archive of tables: `pg_dump --table` leaves out schemas, extensions, types, functions
 * and the like.
 */
import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import * as z from "zod";
import { type Ended, type ExecTarget, readProcess, runTied } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import { CustomSrid, type Requirements } from "../../request/contents";
import { startScript } from "../archive/archive";
import { readToc, type TocEntry } from "../archive/toc";
import { escapeIdentifier, escapeLiteral } from "../session/escape";
import { endedWith, errorLines } from "../session/server";
import type { Session } from "../session/session";
import type { Snapshot } from "../session/snapshot";
import { notCarried } from "./not-carried";
import type { ObjectId } from "./requirements";

type Preparation = Pick<Requirements, "schemas" | "extensions" | "customSrids"> & {
  readonly schemaOwners?: readonly { readonly name: string; readonly owner: string }[];
};

/**
 * SQL that makes an empty database ready for the archive: schemas, extensions, spatial reference systems, and then the
 * definitions of types and functions of the user's own.
 */
export function prepareSql(
  { schemas, extensions, customSrids, schemaOwners = [] }: Preparation,
  definitions: string,
): string {
  const postgis = extensions.find(({ name }) => name === "postgis");
  return [
    "-- Run this in the target database before the archive is restored: psql --set ON_ERROR_STOP=on --file prepare.sql",
    /^CREATE /m.test(definitions)
      ? "-- It cannot be run twice: types and functions that exist already are an error."
      : "-- It can be run again: it leaves alone what is there.",
    ...schemas.map((schema) => `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)};`),
    ...schemaOwners.map(
      ({ name, owner }) => `ALTER SCHEMA ${escapeIdentifier(name)} OWNER TO ${escapeIdentifier(owner)};`,
    ),
    ...extensions.map(
      ({ name, schema }) =>
        `CREATE EXTENSION IF NOT EXISTS ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} CASCADE;`,
    ),
    ...(postgis === undefined ? [] : customSrids.map((srid) => insertSrid(srid, postgis.schema))),
    definitions,
  ].join("\n");
}

/**
 * SQL that creates what refers to the tables and is needed by their rows, indexes or constraints: functions over their row
 * types, for instance. An archive of tables has no place for it. Empty where there is nothing of the kind.
 */
export function afterTablesSql(definitions: string, statistics: readonly string[]): string {
  if (definitions === "" && statistics.length === 0) return "";
  return [
    "-- Run this in the target database after the archive's pre-data is restored, and before its data and post-data:",
    "-- psql --set ON_ERROR_STOP=on --file after-tables.sql",
    definitions,
    ...statistics,
    "",
  ].join("\n");
}

/** The condition by which PostGIS tells pg_dump which rows of its table of reference systems are not its own. */
const conditionQuery = `
SELECT format('%I.%I', nspname, relname) AS "table", extcondition[array_position(extconfig, c.oid)] AS condition
FROM pg_extension e JOIN pg_class c ON c.oid = ANY (extconfig) AND relname = 'spatial_ref_sys'
JOIN pg_namespace n ON n.oid = relnamespace
WHERE extname = 'postgis'`;

/** Spatial reference systems that the user added to those of PostGIS. */
export async function findCustomSrids(session: Session): Promise<CustomSrid[]> {
  const [found] = await session.rows(conditionQuery, z.object({ table: z.string(), condition: z.string() }));
  if (found === undefined) return [];
  // The condition names hundreds of ranges. Without OFFSET, the planner tries the index for each, which takes longer than to read all.
  return session.rows(
    `SELECT srid, auth_name, auth_srid, srtext, proj4text FROM (SELECT * FROM ${found.table} OFFSET 0) spatial_ref_sys
     ${found.condition} ORDER BY srid`,
    CustomSrid,
  );
}

/** Adds a reference system to PostGIS in that schema, where it does not have it already. */
export function insertSrid(srid: CustomSrid, schema: string): string {
  const literal = (value: string | number | null) =>
    value === null ? "NULL" : typeof value === "number" ? String(value) : escapeLiteral(value);
  return (
    `INSERT INTO ${escapeIdentifier(schema)}.spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES (` +
    [srid.srid, srid.auth_name, srid.auth_srid, srid.srtext, srid.proj4text].map(literal).join(", ") +
    ") ON CONFLICT DO NOTHING;"
  );
}

/** Objects that a script creates, and objects whose grants, comments and labels it has. */
interface Wanted {
  readonly create: readonly ObjectId[];
  readonly annotate?: readonly ObjectId[];
}

interface DefinitionScripts {
  readonly scripts: readonly string[];
  /** Objects of which pg_dump has no definition. */
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
  const restored = (entries: readonly number[]) =>
    output(readProcess(startScript(target, input, entries, signal)));
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
function entriesOf(contents: readonly TocEntry[], { create, annotate = [] }: Wanted): number[] {
  const created = new Set(create);
  const all = new Set([...create, ...annotate]);
  const ids = new Set(contents.filter(({ object }) => all.has(object)).map(({ id }) => id));
  return contents
    .filter(
      ({ object, kind, needs }) =>
        created.has(object) ||
        (/^(ACL|COMMENT|SECURITY LABEL)$/.test(kind) && needs.some((id) => ids.has(id))),
    )
    .map(({ id }) => id);
}

/** In a database without an encoding, a definition can have bytes that are not text, and a script would change them. */
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

/** Removes the random key of `\restrict`, so that the same objects always give the same text. */
function withoutRestriction(sql: string): string {
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
