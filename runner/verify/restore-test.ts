/** A restore for real, into a throwaway server, and a comparison of the result with the manifest. */
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { z } from "zod";
import { compareTable, mismatch, settlePools } from "./compare";
import { compareOrphans } from "./compare-orphans";
import type { BackupContainer } from "./backup-container";
import { type Docker, spawnDocker } from "../docker/docker";
import { execArguments, type ExecTarget } from "../docker/exec";
import { Failure, Failures } from "../lib/failure";
import type { Manifest } from "../repository/manifest";
import { readPlainArchive } from "./plain-archive";
import { type Relation, readCatalog } from "../postgres/catalog/catalog";
import { clientEncoding } from "../postgres/session/encoding";
import { findDefinitions } from "../postgres/catalog/definitions";
import { measureTables } from "../postgres/catalog/fingerprint";
import { sqlName } from "../postgres/session/names";
import { findPools } from "../postgres/session/pools";
import { withQualifiedNames } from "../postgres/session/qualified-names";
import { createDatabase, createRoles, restoreArchive, runScript } from "../postgres/archive/restore";
import { loopback, serverTarget, withEnv } from "../postgres/session/server";
import { openSession, type Session } from "../postgres/session/session";
import { safeScript } from "../postgres/archive/script-pieces";
import { giveSearchPath } from "../postgres/catalog/unqualified";
import type { BackupFiles } from "../repository/backup-files";
import { readChecked, recordedFile } from "../repository/checksums";
import { afterTablesFile, prepareFile } from "../repository/layout";
import { archiveName } from "../postgres/archive/archive-name";

/** Nothing that it writes has to survive, so it need not wait for the disk. */
export const drillServer = [
  `listen_addresses=${loopback.host}`,
  `port=${loopback.port}`,
  "fsync=off",
  "full_page_writes=off",
  "synchronous_commit=off",
  "wal_level=minimal",
  "max_wal_senders=0",
  "archive_mode=off",
  "max_wal_size=2GB",
  "checkpoint_timeout=1h",
  "autovacuum=off",
  "shared_buffers=256MB",
  "maintenance_work_mem=256MB",
].flatMap((setting) => ["-c", setting]);

const database = "postgis_backup_drill";
const user = "postgres";
const pollMilliseconds = 200;

export interface Drill {
  readonly docker: Docker;
  readonly container: BackupContainer;
  readonly files: BackupFiles;
  readonly manifest: Omit<Manifest, "finishedAt" | "verification">;
  readonly signal: AbortSignal;
}

/** Restores the backup in the container and compares; any disagreement is a failure that names table and values. */
export async function runDrill(drill: Drill): Promise<void> {
  try {
    await waitForServer(drill);
    await inDatabase(drill, "postgres", async (session) => {
      await createRoles(session, drill.manifest.requires.roles);
      await createDatabase(session, database, drill.manifest.source);
    });
    await restore(drill);
    await compare(drill);
  } catch (error) {
    drill.signal.throwIfAborted();
    throw explained(drill, error);
  }
}

function targetOf({ docker, container, manifest }: Drill, database: string): ExecTarget {
  const server = serverTarget(docker, { Id: container.name }, { user, database }, "postgis-backup verify");
  const target = withEnv(server, { PGCLIENTENCODING: clientEncoding(manifest.source.encoding) });
  // The throwaway server trusts its own container, and does not need the password of another one.
  return { ...target, secretEnv: [] };
}

async function inDatabase<T>(
  drill: Drill,
  database: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession(targetOf(drill, database), drill.signal);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** Over TCP, where the server of the first start, which only makes the databases, does not listen. */
async function waitForServer(drill: Drill): Promise<void> {
  const probe = execArguments(targetOf(drill, "postgres"), ["pg_isready", "--quiet"]);
  for (;;) {
    drill.signal.throwIfAborted();
    const { failed } = await spawnDocker(drill.docker, probe, { reject: false });
    if (!failed) return;
    if (!drill.container.running())
      throw new Failure("server-not-ready", "The throwaway server ended before it answered.");
    await setTimeout(pollMilliseconds);
  }
}

async function restore(drill: Drill): Promise<void> {
  const { container, files, manifest, signal } = drill;
  const { format, compression, jobs } = manifest;
  const target = targetOf(drill, database);
  const archive = archiveName(format, compression);
  const inContainer = (name: string) => ({
    path: path.posix.join(container.folder, name),
    user: container.user,
  });
  const run = (name: string, script: AsyncIterable<Uint8Array>) =>
    runScript(target, name, safeScript(script, name), signal);
  const runFile = async (name: string) => {
    await run(name, readChecked(files, recordedFile(manifest, name)));
    // As stock tools, it would fail on functions that need a search path.
    await inDatabase(drill, database, giveSearchPath);
  };
  await runFile(prepareFile);
  const hasMore = manifest.files.some((file) => file.path === afterTablesFile);
  if (format === "plain") {
    await run(archive, readPlainArchive(files, recordedFile(manifest, archive), signal));
    if (hasMore) await runFile(afterTablesFile);
    return;
  }
  const restoreSections = (...sections: string[]) =>
    restoreArchive(target, inContainer(archive), { format, database, jobs, sections }, signal);
  if (!hasMore) {
    await restoreSections();
    return;
  }
  await restoreSections("pre-data");
  await runFile(afterTablesFile);
  await restoreSections("data", "post-data");
}

async function compare(drill: Drill): Promise<void> {
  const { manifest } = drill;
  const mismatches = await inDatabase(drill, database, async (session) => {
    await session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const { id } = await session.row("SELECT pg_export_snapshot() AS id", z.object({ id: z.string() }));
    const wanted = new Set(manifest.tables.map(sqlName));
    const tables = (await readCatalog(session)).filter((table) => wanted.has(sqlName(table)));
    const found = new Map(tables.map((table) => [sqlName(table), table]));
    const missing = manifest.tables.filter((table) => !found.has(sqlName(table)));
    if (missing.length > 0) return missing.map((table) => `${sqlName(table)} is missing`);
    const restored = { target: targetOf(drill, database), snapshotId: id, tables: found };
    return [
      ...(await compareTables(drill, session, id, found)),
      ...(await compareOrphans(manifest.logicalForeignKeys, restored, drill.signal)),
    ];
  });
  Failures.throwIfAny(mismatches.map(mismatch));
}

async function compareTables(
  drill: Drill,
  session: Session,
  id: string,
  found: ReadonlyMap<string, Relation>,
): Promise<string[]> {
  const { manifest, signal } = drill;
  const tables = [...found.values()];
  const oids = tables.map(({ oid }) => oid);
  const definitions = await withQualifiedNames(session, () => findDefinitions(session, oids));
  const options = {
    method: manifest.fingerprintMethod,
    validity: manifest.tables.some(({ invalidGeometries }) => invalidGeometries !== undefined),
  };
  const target = targetOf(drill, database);
  const measures = await measureTables(session, target, { id, tables }, options, signal);
  const wanted = manifest.tables.map((expected) => ({
    ...{ expected, oid: found.get(sqlName(expected))?.oid ?? "" },
  }));
  const settled = settlePools(wanted, measures, await findPools(session, oids));
  return manifest.tables.flatMap((recorded) => {
    const { oid, sqlName: shown } = found.get(sqlName(recorded)) ?? { oid: "", sqlName: "" };
    const restored = definitions.get(oid) ?? { indexes: [], constraints: [] };
    const differences = compareTable(recorded, { ...restored, measure: settled.get(oid) });
    return differences.map((difference) => `${shown}: ${difference}`);
  });
}

/** What a client says when its server dies tells less than the server's own last words. */
function explained({ container }: Drill, error: unknown): unknown {
  if (!(error instanceof Failure) || error.code === "restore-mismatch") return error;
  const log = container.log();
  if (/No space left on device|disk full/i.test(`${error.message}\n${log}`)) {
    return new Failure(
      "space-insufficient",
      `The disk is too small to restore the backup in a throwaway container: ${error.message}\n` +
        'Free space where Docker keeps its volumes ("docker info" says where), or take --verify archive.',
    );
  }
  if (container.running()) return error;
  return new Failure(error.code, `${error.message}\nThe throwaway server's last log lines:\n${log}`);
}
