/** Makes in the target what the tables need and it lacks, and takes it away again where the restore fails. */
import { escapeIdentifier, escapeLiteral } from "../postgres/escape";
import { z } from "zod";
import { type CustomSrid, insertSrid } from "../postgres/custom-srids";
import { createRoles } from "../postgres/restore";
import { type Session, SqlError } from "../postgres/session";
import { Failure, Failures } from "../failure";
import { feedPsql } from "./feed";
import type { OwnObject } from "./own-objects";
import type { RestoreRun } from "./run";
import type { Staging } from "./staging";

/** What this restore made, or was about to make. */
export interface Created {
  roles: string[];
  schemas: string[];
  extensions: string[];
  srids: number[];
  objects: readonly OwnObject[];
}

export const nothingCreated = (): Created => ({
  roles: [],
  schemas: [],
  extensions: [],
  srids: [],
  objects: [],
});

async function namesIn(session: Session, catalog: string, column: string): Promise<Set<string>> {
  const rows = await session.rows(`SELECT ${column} AS name FROM ${catalog}`, z.object({ name: z.string() }));
  return new Set(rows.map(({ name }) => name));
}

/** Before the scratch database, which needs them too. */
export async function createMissingRoles(
  { session, manifest, request }: RestoreRun,
  created: Created,
): Promise<void> {
  if (request.missingRoles !== "create") return;
  const there = await namesIn(session, "pg_roles", "rolname");
  created.roles = manifest.requires.roles.filter((role) => !there.has(role));
  await createRoles(session, created.roles);
}

/** Fails where the target means another reference system by a number that the backup uses. */
export async function checkSrids({ session, manifest }: RestoreRun): Promise<void> {
  const srids = await installedSrids(session, manifest.requires.customSrids);
  Failures.throwIfAny(
    manifest.requires.customSrids
      .filter((srid) => srids.some((other) => other.srid === srid.srid && differs(srid, other)))
      .map(
        ({ srid }) =>
          new Failure(
            "requirement-missing",
            `The spatial reference system ${srid} is defined otherwise in this database than where the backup was taken: coordinates would be ` +
              "wrong. Make spatial_ref_sys agree, or restore into another database.",
          ),
      ),
  );
}

const differs = (one: CustomSrid, other: CustomSrid) =>
  one.srtext !== other.srtext || one.proj4text?.trim() !== other.proj4text?.trim();

async function installedSrids(session: Session, wanted: readonly CustomSrid[]): Promise<CustomSrid[]> {
  const schema = await postgisSchema(session);
  if (schema === undefined || wanted.length === 0) return [];
  return session.rows(
    `SELECT srid, auth_name, auth_srid, srtext, proj4text FROM ${escapeIdentifier(schema)}.spatial_ref_sys
     WHERE srid IN (${wanted.map(({ srid }) => srid).join(", ")})`,
    z.custom<CustomSrid>(),
  );
}

async function postgisSchema(session: Session): Promise<string | undefined> {
  const [found] = await session.rows(
    "SELECT nspname AS name FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'postgis'",
    z.object({ name: z.string() }),
  );
  return found?.name;
}

export async function prepareTarget(run: RestoreRun, staging: Staging, created: Created): Promise<void> {
  const { session, manifest } = run;
  const { extensions, customSrids } = manifest.requires;
  const installed = await namesIn(session, "pg_extension", "extname");
  const lacking = extensions.filter(({ name }) => !installed.has(name));
  const schemas = await namesIn(session, "pg_namespace", "nspname");
  const needed = [...lacking, ...staging.objects].map(({ schema }) => schema);
  created.schemas = [...new Set(needed)].filter((schema) => !schemas.has(schema));
  for (const schema of created.schemas) await session.run(`CREATE SCHEMA ${escapeIdentifier(schema)}`);
  for (const { name, schema } of lacking) {
    created.extensions.push(name);
    await session.run(
      `CREATE EXTENSION ${escapeIdentifier(name)} SCHEMA ${escapeIdentifier(schema)} CASCADE`,
    );
  }
  const there = new Set((await installedSrids(session, customSrids)).map(({ srid }) => srid));
  const missing = customSrids.filter(({ srid }) => !there.has(srid));
  const postgis = await postgisSchema(session);
  if (postgis !== undefined && missing.length > 0) {
    created.srids = missing.map(({ srid }) => srid);
    for (const srid of missing) await session.run(insertSrid(srid, postgis));
  }
  if (staging.objects.length === 0) return;
  created.objects = staging.objects;
  await feedPsql(run.target, "types and functions", oneTransaction(staging.objectSql), run.signal);
}

async function* oneTransaction(sql: string): AsyncGenerator<string, void> {
  yield await Promise.resolve(`BEGIN;\n${sql}\nCOMMIT;\n`);
}

/** Without what somebody has begun to use meanwhile. */
export async function dropCreated(session: Session, created: Created): Promise<void> {
  const drops = [
    ...created.objects.map(({ type, identity }) => `DROP ${type.toUpperCase()} IF EXISTS ${identity}`),
    ...(created.srids.length === 0 ? [] : [await deleteSrids(session, created.srids)]),
    ...created.extensions.map((name) => `DROP EXTENSION IF EXISTS ${escapeIdentifier(name)}`),
    ...created.schemas.map((name) => `DROP SCHEMA IF EXISTS ${escapeIdentifier(name)}`),
    ...created.roles.map((name) => `DROP ROLE IF EXISTS ${escapeIdentifier(name)}`),
  ];
  // One may depend on another, in any order.
  for (let left = drops, before = -1; left.length > 0 && left.length !== before;) {
    before = left.length;
    const failed: string[] = [];
    for (const drop of left) {
      try {
        await session.run(drop);
      } catch (error) {
        if (!(error instanceof SqlError)) throw error;
        failed.push(drop);
      }
    }
    left = failed;
  }
}

async function deleteSrids(session: Session, srids: readonly number[]): Promise<string> {
  const schema = (await postgisSchema(session)) ?? "public";
  const literals = srids.map((srid) => escapeLiteral(String(srid))).join(", ");
  return `DELETE FROM ${escapeIdentifier(schema)}.spatial_ref_sys WHERE srid IN (${literals})`;
}
