/**
 * The records of a migration. Until Docker has the record `migrated`, the old server has the data, and from then on the new one. A
 * hint in the new database only protects: if Docker's record is lost, it keeps a second migration from overwriting newer rows.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import * as z from "zod";
import { Failure } from "../lib/failure";
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { type Session, inSession } from "../postgres/session/session";
import { MigrateResult } from "../request";
import { readDockerRecord, dockerName, removeDockerRecord, writeDockerRecord } from "./docker-record";
import { dataOf, type NewServer, newDatabase } from "./servers";
import type { Inspection } from "../docker/container";

const setting = "postgis_backup.migrated_from";

/** Networks of a container, and its other names in each. */
export const Networks = z.record(z.string(), z.array(z.string()));

export type Networks = z.infer<typeof Networks>;

export const MigrationRecord = z.object({
  /** Id of the old container, and when it was started last before it was stopped for good. */
  from: z.string(),
  fromStartedAt: z.string(),
  /** Where the data of the old server is, by Docker, and its system identifier. */
  fromData: z.object({ volume: z.string().optional(), folder: z.string(), system: z.string() }),
  networks: Networks,
  database: z.string(),
  /** Id of the new container, and when it was started last before it was to take the port. */
  to: z.string(),
  toStartedAt: z.string(),
  toDatabase: z.string(),
  /** Identifier that the new server got when it was initialised. */
  toSystem: z.string(),
  /** Names of the tables, packed, because an argument of a command must not be too long. */
  tables: z.string(),
  result: MigrateResult,
});
export type MigrationRecord = z.infer<typeof MigrationRecord>;

/** The most bytes that Linux takes in an argument, less the rest of the record. */
const mostTableBytes = 100_000;

/** Packs as many names as fit. */
export function packTables(names: readonly string[]): string {
  const packed = gzipSync(JSON.stringify(names)).toString("base64");
  return packed.length <= mostTableBytes ? packed : packTables(names.slice(0, Math.floor(names.length / 2)));
}

export function unpackTables(packed: string): string[] {
  return z.array(z.string()).parse(JSON.parse(gunzipSync(Buffer.from(packed, "base64")).toString()));
}

export async function systemIdentifier(session: Session): Promise<string> {
  const { id } = await session.row(
    "SELECT system_identifier::text AS id FROM pg_control_system()",
    z.object({ id: z.string() }),
  );
  return id;
}

/** The record of exactly this server: a volume of the same name may have held another server's data before. */
export async function readRecord(
  server: NewServer,
  signal: AbortSignal,
): Promise<MigrationRecord | undefined> {
  const record = await readDockerRecord(server.docker, "migrated", dataOf(server), MigrationRecord);
  return inSession(newDatabase(server, signal), signal, async (session) => {
    if (record !== undefined && record.toSystem === (await systemIdentifier(session))) return record;
    if (await hasHint(session)) throw recordLost(server);
    return undefined;
  });
}

async function hasHint(session: Session): Promise<boolean> {
  const found = await session.rows(
    `SELECT value FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) AS value
     WHERE d.datname = current_database() AND s.setrole = 0 AND value LIKE ${escapeLiteral(`${setting}=%`)}`,
    z.object({ value: z.string() }),
  );
  return found.length > 0;
}

function recordLost(server: NewServer): Failure {
  const { toContainer, toDatabase } = server.request;
  return new Failure(
    "already-migrated",
    `Database "${toDatabase}" of container "${toContainer}" says that it was migrated to, but Docker has no record of that: its volume ` +
      `${dockerName("migrated", dataOf(server))} is gone, or somebody wrote the setting. Nothing was changed. If a migration may overwrite what ` +
      `is there, run there: "${hintRemoval(server)}".`,
  );
}

function hintRemoval({ request }: NewServer): string {
  return `ALTER DATABASE ${escapeIdentifier(request.toDatabase)} RESET ${setting}`;
}

export async function writeRecord(
  server: NewServer,
  record: MigrationRecord,
  signal: AbortSignal,
): Promise<void> {
  const value = escapeLiteral(record.from);
  await alter(server, `SET ${setting} = ${value}`, signal);
  await writeDockerRecord(server.docker, "migrated", dataOf(server), record);
}

export function removeHint(server: NewServer, signal: AbortSignal): Promise<void> {
  return alter(server, `RESET ${setting}`, signal);
}

export function removeRecord(server: Pick<NewServer, "docker" | "container">): Promise<void> {
  return removeDockerRecord(server.docker, "migrated", dataOf(server));
}

/** The commands that remove the record, for messages. */
export function removalInWords(server: NewServer): string {
  return `docker volume rm ${dockerName("migrated", dataOf(server))}" and, in the new server, "${hintRemoval(server)}`;
}

function alter(server: NewServer, change: string, signal: AbortSignal): Promise<void> {
  return inSession(newDatabase(server, signal), signal, (session) =>
    session.run(`ALTER DATABASE ${escapeIdentifier(server.request.toDatabase)} ${change}`),
  );
}

export const SwitchRecord = z.object({
  /** Id of the old container. */
  from: z.string(),
  /** Its restart policy, as `docker update` takes it. */
  restart: z.string(),
  /** Networks of the old container. */
  networks: Networks,
  /** Networks that the new container had from the beginning. */
  joined: z.array(z.string()),
  /** Identifier that the new server got when it was initialised. */
  system: z.string(),
});

export type SwitchRecord = z.infer<typeof SwitchRecord>;

export function switchRecord(old: Inspection, newContainer: Inspection, system: string): SwitchRecord {
  return {
    from: old.Id,
    restart: restartPolicy(old),
    networks: networksOf(old),
    joined: Object.keys(newContainer.NetworkSettings.Networks),
    system,
  };
}

export function restartPolicy({ HostConfig }: Inspection): string {
  const { Name, MaximumRetryCount } = HostConfig.RestartPolicy;
  if (Name === "") return "no";
  return Name === "on-failure" && MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

function networksOf(old: Inspection): Networks {
  return Object.fromEntries(
    Object.entries(old.NetworkSettings.Networks).map(([network, { Aliases }]) => [
      network,
      // Docker's default network knows no names.
      network === "bridge" ? [] : [old.Name.slice(1), ...(Aliases ?? [])],
    ]),
  );
}

/** Networks of the old container that the new one has joined to take the port. */
export function networksTaken({ networks, joined }: SwitchRecord, newContainer: Inspection): string[] {
  return Object.keys(newContainer.NetworkSettings.Networks).filter(
    (network) => network in networks && !joined.includes(network),
  );
}
