/**
 * What a restore makes on its way: how it is named, how it is recorded, and how it is removed after the restore, after a failure,
 * and after a run that was killed.
 *
 * The record of what a restore makes in the target is a schema of its own, and is written in the same transactions as the
 * objects are made, so that a later restore knows what a killed one left. It is trusted only if nobody but the restoring role
 * or a superuser can have written it. Objects that somebody else has begun to use are kept, and an error names them.
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { together } from "../lib/concurrency";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import { firstUserOid } from "../postgres/catalog/catalog";
import { recordPrefix, stagePrefix } from "../postgres/catalog/half-restored";
import { lockRuns } from "../postgres/session/connect";
import { escapeLiteral, escapeIdentifier } from "../postgres/session/escape";
import { literalList } from "../postgres/session/names";
import { type Session, inSession, withQualifiedNames, SqlError } from "../postgres/session/session";
import type { BackupFiles } from "../repository/files";
import type { Target } from "./begin";
import { removeLinks, linkFolder } from "./linked-rows";
import { asByDefault } from "./objects";

export interface RestoreNames {
  /** The target database. */
  readonly database: string;
  /** Database in which the tables are renamed. */
  readonly scratch: string;
  /** Schema that lists what the restore has made, until it is done. */
  readonly record: string;
  /** Schemas into which tables are loaded if they replace others; a number follows. */
  readonly stagePrefix: string;
  readonly lock: string;
  readonly applicationName: string;
}

/** The key tells the databases of one server apart: they share the names of databases and roles. */
export function restoreNames(database: string): RestoreNames {
  const key = createHash("sha256").update(database).digest("hex").slice(0, 8);
  return {
    database,
    scratch: `postgis_backup_scratch_${key}`,
    record: `${recordPrefix}${key}`,
    stagePrefix: `${stagePrefix}${key}_`,
    lock: "postgis-backup restore",
    applicationName: `postgis-backup restore ${key}`,
  };
}

export function restoreInProgress(database: string): (since: string) => Failure {
  return (since) =>
    new Failure(
      "restore-in-progress",
      `Another restore into database "${database}" is in progress${since}. Wait for it.`,
    );
}

/** The clean-up takes at most this long, so that the process ends. A busy server needs seconds to drop many tables. */
export const cleanUpMilliseconds = 60_000;

export async function dropWork(session: Session, names: RestoreNames): Promise<void> {
  await dropScratch(session, names);
  await dropRecorded(session, names);
}

/** Another role may have created a database with this name; that one is not dropped. */
async function dropScratch(session: Session, { scratch }: RestoreNames): Promise<void> {
  const [found] = await session.rows(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_get_userbyid(datdba) = current_user AS own FROM pg_database WHERE datname = ${escapeLiteral(scratch)}`,
    z.object({ owner: z.string(), own: z.boolean() }),
  );
  if (found === undefined) return;
  if (found.own) {
    // Versions before 13 have no DROP DATABASE WITH (FORCE).
    await session.run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${escapeLiteral(scratch)}`,
    );
    await session.run(`DROP DATABASE IF EXISTS ${escapeIdentifier(scratch)}`);
    return;
  }
  throw new Failure(
    "privilege-missing",
    `The restore needs a database of its own named ${scratch}, and role "${found.owner}" has one of this name. Drop it.`,
  );
}

/** Removes what the restore made on its way, and closes its session. What it cannot remove is noted. */
export async function cleanUp(
  target: Target,
  files: BackupFiles,
  succeeded: boolean,
  progress: Progress,
): Promise<void> {
  try {
    await removeAll(target, files, succeeded);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    progress.note(
      `Not all that the restore made on its way is removed; the next one does that. ${error.message}`,
    );
  }
}

async function removeAll(target: Target, files: BackupFiles, succeeded: boolean): Promise<void> {
  const { session, names } = target;
  await together(AbortSignal.timeout(cleanUpMilliseconds), [
    () => removeLinks(linkFolder(files, target)),
    async (timeout) => {
      try {
        if (succeeded) await dropWork(session, names);
      } finally {
        await session.close();
      }
      if (!succeeded) await dropAfterFailure(target, timeout);
    },
  ]);
}

/**
 * Uses a session of its own, because the restore's session may be gone. If another restore has the lock by now, it has already
 * cleaned up; whatever cannot be removed now, the next restore removes.
 */
function dropAfterFailure(
  { exec, names }: Pick<Target, "exec" | "names">,
  timeout: AbortSignal,
): Promise<void> {
  return inSession(exec, timeout, async (session) => {
    await lockRuns(session, names, restoreInProgress(names.database));
    await session.run("SET client_min_messages = error");
    await dropWork(session, names);
  });
}

type Record = Pick<RestoreNames, "record">;

/** Catalogs of the objects that a backup can bring. Indexes, constraints, triggers and the like go with their table. */
const catalogs = [
  ...["namespace", "extension", "class", "type", "proc", "operator", "opclass", "opfamily", "collation"],
  ...[
    "conversion",
    "ts_config",
    "ts_dict",
    "ts_parser",
    "ts_template",
    "cast",
    "language",
    "am",
    "transform",
  ],
].map((name) => `pg_${name}`);

/** Kinds of relations that are dropped on their own. */
const relationKinds = "relkind IN ('r', 'p', 'S', 'v', 'm', 'f')";

const everything = (where: (catalog: string) => string) =>
  catalogs
    .map(
      (catalog) =>
        `SELECT '${catalog}'::regclass::oid AS class, oid AS object FROM pg_catalog.${catalog} WHERE oid >= ${firstUserOid} AND ${where(catalog)}`,
    )
    .join(" UNION ALL ");

const tables = (names: Record) => {
  const schema = escapeIdentifier(names.record);
  return { schema, made: `${schema}.made`, there: `${schema}.there`, systems: `${schema}.systems` };
};

/** The objects of a database that are not the server's own. */
export async function countObjects(session: Session): Promise<number> {
  const { count } = await session.row(
    `SELECT count(*) FROM (${everything(() => "true")}) o`,
    z.object({ count: z.int() }),
  );
  return count;
}

/** Makes an empty record. That of an earlier restore must be gone. */
export async function openRecord(session: Session, names: Record): Promise<void> {
  const { schema, made, there, systems } = tables(names);
  await session.run("BEGIN");
  try {
    await session.run(`CREATE SCHEMA ${schema}`);
    await session.run(`CREATE TABLE ${made} (class oid, object oid, type text, identity text)`);
    await session.run(`CREATE TABLE ${there} (class oid, object oid)`);
    await session.run(`CREATE TABLE ${systems} (srid int, srtext text)`);
    await asByDefault(session, `nspname = ${escapeLiteral(names.record)}`);
    await session.run(`INSERT INTO ${there} ${everything(() => "true")}`);
    await session.run("COMMIT");
  } catch (error) {
    await session.run("ROLLBACK").catch(() => undefined);
    throw error;
  }
}

/**
 * Records everything that the transaction has made so far: the rows of catalogs that it wrote, except those that were there
 * before and that it only changed.
 */
export function recordNew(names: Record): string {
  const { made, there } = tables(names);
  const own = (catalog: string) =>
    `xmin = (SELECT (pg_catalog.txid_current() % 4294967296)::text::xid)${catalog === "pg_class" ? ` AND ${relationKinds}` : ""}`;
  return `INSERT INTO ${made} SELECT n.class, n.object, i.type, i.identity FROM (${everything(own)}) n,
  LATERAL pg_catalog.pg_identify_object(n.class, n.object, 0) i
WHERE NOT EXISTS (SELECT FROM ${there} t WHERE t.class = n.class AND t.object = n.object)
  AND NOT EXISTS (SELECT FROM ${made} m WHERE m.class = n.class AND m.object = n.object)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = n.class AND d.objid = n.object AND d.objsubid = 0 AND d.deptype IN ('i', 'e'));`;
}

/** Makes those of the roles that the server lacks, in an open record. They cannot log in. */
export async function makeMissingRoles(
  session: Session,
  names: Record,
  roles: readonly string[],
): Promise<void> {
  const { made } = tables(names);
  const found = await session.rows("SELECT rolname AS name FROM pg_roles", z.object({ name: z.string() }));
  const there = new Set(found.map(({ name }) => name));
  for (const role of roles.filter((name) => !there.has(name))) {
    await session.run("BEGIN");
    await session.run(`CREATE ROLE ${escapeIdentifier(role)}`);
    await session.run(
      `INSERT INTO ${made} SELECT 'pg_authid'::regclass, oid, 'role', quote_ident(rolname) FROM pg_roles WHERE rolname = ${escapeLiteral(role)}`,
    );
    await session.run("COMMIT");
  }
}

/**
 * Records the roles that the transaction has made, but those that were there before. Run in the one that makes them, as a superuser,
 * while the record is open.
 */
export function recordRoles(names: Record, there: readonly string[]): string {
  return `INSERT INTO ${tables(names).made} SELECT 'pg_authid'::regclass, oid, 'role', quote_ident(rolname) FROM pg_catalog.pg_authid
WHERE xmin = (SELECT (pg_catalog.txid_current() % 4294967296)::text::xid) AND rolname NOT IN (${literalList(there)});\n`;
}

export function recordSystem(names: Record, srid: number, srtext: string | null): string {
  return `INSERT INTO ${tables(names).systems} VALUES (${srid}, ${srtext === null ? "NULL" : escapeLiteral(srtext)})`;
}

const Made = z.object({ class: z.string(), type: z.string(), identity: z.string() });

type Made = z.infer<typeof Made>;

/**
 * What is recorded, still exists and has the same name. OFFSET keeps the server from identifying what does not exist any more, which
 * is an error for a role in old versions.
 */
const remaining = (names: Record) => `
SELECT m.class::regclass::text AS catalog, m.class, m.object, m.type, m.identity FROM (SELECT * FROM ${tables(names).made} one
  JOIN (${everything(() => "true")} UNION ALL SELECT 'pg_authid'::regclass, oid FROM pg_roles) n USING (class, object) OFFSET 0) m
CROSS JOIN LATERAL pg_identify_object(m.class, m.object, 0) i
WHERE i.type = m.type AND i.identity = m.identity`;

/** Drops the record. From then on, what it named belongs to the database for good. */
export async function forgetRecord(session: Session, names: Record): Promise<void> {
  const { schema, made, there, systems } = tables(names);
  await session.run(`DROP TABLE ${made}, ${there}, ${systems}`);
  await session.run(`DROP SCHEMA ${schema}`);
}

/** Drops what a failed or killed restore made, and its record. */
export async function dropRecorded(session: Session, names: Record): Promise<void> {
  if (!(await isTrusted(session, names))) return;
  const left = await withQualifiedNames(session, async () => {
    const made = await session.rows(
      `SELECT catalog AS class, type, identity FROM (${remaining(names)}) r`,
      Made,
    );
    const of = (...these: string[]) => made.filter((one) => these.includes(one.class));
    const last = ["pg_extension", "pg_namespace", "pg_authid"];
    const others = made.filter((one) => !["pg_class", ...last].includes(one.class));
    const kept: string[] = [];
    for (const chunk of chunksOf(of("pg_class"), relationsAtOnce))
      kept.push(...(await drop(session, names, chunk)));
    for (const one of others) kept.push(...(await drop(session, names, [one])));
    await dropSystems(session, names);
    for (const one of last.flatMap((catalog) => of(catalog)))
      kept.push(...(await drop(session, names, [one])));
    return kept;
  });
  if (left.length > 0) {
    throw new Failure(
      "dependent-object",
      `A restore that did not finish made objects that others use now: ${left.slice(0, 10).join("; ")}. Drop what uses them; the next restore removes the rest.`,
    );
  }
  await session.run("BEGIN");
  await forgetRecord(session, names);
  await session.run("COMMIT");
}

/** Few enough that their locks fit into the server's table of locks. */
const relationsAtOnce = 200;

function chunksOf<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
}

/** False if there is no record; fails if another role could have written it. */
async function isTrusted(session: Session, names: Record): Promise<boolean> {
  const [found] = await session.rows(
    `SELECT pg_get_userbyid(n.nspowner) AS owner,
            NOT EXISTS (SELECT FROM (
              SELECT nspowner AS owner, nspacl AS acl FROM pg_namespace WHERE oid = n.oid
              UNION ALL SELECT relowner, relacl FROM pg_class WHERE relnamespace = n.oid) o
            WHERE NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = o.owner AND (rolsuper OR rolname = current_user))
              OR EXISTS (SELECT FROM aclexplode(o.acl) WHERE grantee <> o.owner)) AS trusted,
            EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = 'made') AS complete
     FROM pg_namespace n WHERE nspname = ${escapeLiteral(names.record)}`,
    z.object({ owner: z.string(), trusted: z.boolean(), complete: z.boolean() }),
  );
  if (found === undefined) return false;
  if (found.trusted && found.complete) return true;
  throw new Failure(
    "privilege-missing",
    `Schema ${names.record} is where a restore writes down what it makes, and role "${found.owner}" or others can write there. ` +
      "Nothing is dropped because of it. Let that role restore again if it had a restore that did not finish, or drop the schema.",
  );
}

/** What would be dropped with these objects, but was not made by the restore. */
const outsidersQuery = (names: Record, chunk: readonly Made[]) => `
WITH RECURSIVE remaining AS (${remaining(names)}), mine AS (
  SELECT class, object FROM remaining
  UNION SELECT d.classid, d.objid FROM mine JOIN pg_depend d ON d.refclassid = mine.class AND d.refobjid = mine.object
  WHERE d.deptype IN ('a', 'i', 'P', 'S', 'e')
), reached AS (
  SELECT class, object FROM remaining
  WHERE (type, identity) IN (${chunk.map(({ type, identity }) => `(${escapeLiteral(type)}, ${escapeLiteral(identity)})`).join(", ")})
  UNION SELECT d.classid, d.objid FROM reached JOIN pg_depend d ON d.refclassid = reached.class AND d.refobjid = reached.object
)
SELECT pg_describe_object(class, object, 0) AS name FROM (SELECT * FROM reached EXCEPT SELECT * FROM mine) o LIMIT 5`;

/** Drops them; returns what keeps the others from being dropped, in words. */
async function drop(session: Session, names: Record, chunk: readonly Made[]): Promise<string[]> {
  const types = [...new Set(chunk.map(({ type }) => type))];
  const ofType = (type: string) =>
    chunk
      .filter((one) => one.type === type)
      .map(({ identity }) => identity.replace(" on language ", " LANGUAGE "));
  const lockable = chunk.filter(({ type }) => type === "table").map(({ identity }) => identity);
  try {
    await session.run("BEGIN");
    if (lockable.length > 0) await session.run(`LOCK TABLE ${lockable.join(", ")} IN ACCESS EXCLUSIVE MODE`);
    const outsiders = await session.rows(
      outsidersQuery(names, chunk),
      z.object({ name: z.string().nullable() }),
    );
    if (outsiders.length > 0) throw new SqlError("2BP01", outsiders.map(({ name }) => name).join(", "));
    for (const type of types) {
      const cascade = type === "role" ? "" : " CASCADE";
      for (const identities of type === "table" ? [ofType(type)] : ofType(type).map((one) => [one]))
        await session.run(`DROP ${type.toUpperCase()} IF EXISTS ${identities.join(", ")}${cascade}`);
    }
    await session.run("COMMIT");
    return [];
  } catch (error) {
    if (!(error instanceof SqlError)) throw error;
    await session.run("ROLLBACK");
    if (chunk.length > 1) {
      const left: string[] = [];
      for (const one of chunk) left.push(...(await drop(session, names, [one])));
      return left;
    }
    return chunk.map(({ type, identity }) => `${type} ${identity}: ${error.message}`);
  }
}

async function dropSystems(session: Session, names: Record): Promise<void> {
  const [postgis] = await session.rows(
    "SELECT format('%I', nspname) AS schema FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'postgis'",
    z.object({ schema: z.string() }),
  );
  if (postgis === undefined) return;
  await session.run(
    `DELETE FROM ${postgis.schema}.spatial_ref_sys s USING ${tables(names).systems} r WHERE s.srid = r.srid AND s.srtext IS NOT DISTINCT FROM r.srtext`,
  );
}
