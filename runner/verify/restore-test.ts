/** The restore test: restores the backup into a throwaway server, and compares the result with the manifest. */
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import type { BackupContainer } from "./backup-container";
import { type Docker, spawnDocker } from "../docker/docker";
import { execArguments, type ExecTarget } from "../docker/exec";
import { Failure, Failures } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { Manifest } from "../repository/manifest";
import {
  createDatabase,
  createRoles,
  restoreArchive,
  restoreRows,
  runScript,
} from "../postgres/archive/restore";
import { loopback, serverTarget, withEnv, clientEncoding } from "../postgres/session/server";
import { inSession } from "../postgres/session/session";
import { safeScript } from "../postgres/archive/script-pieces";
import { functionNames, giveSearchPath, resetSearchPath } from "../postgres/catalog/unqualified";
import type { BackupFiles } from "../repository/files";
import { readChecked, recordedFile } from "../repository/checksums";
import { afterTablesFile, prepareFile } from "../repository/layout";
import { mismatch } from "./compare";
import { compareWhole } from "./whole-database";
import { readPlainArchive } from "./scripts";
import { archiveName } from "../postgres/archive/compression";
import { compareRestored } from "./restored-tables";
/** Nothing that this server writes has to survive, so it does not wait for the disk. */
export const testServer = [
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
  // The image may have another language.
  "lc_messages=C",
].flatMap((setting) => ["-c", setting]);

const database = "postgis_backup_restore_test";
const user = "postgres";
const pollMilliseconds = 200;

interface RestoreTest {
  readonly docker: Docker;
  readonly container: BackupContainer;
  readonly files: BackupFiles;
  readonly manifest: Omit<Manifest, "finishedAt" | "verification">;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** Fails where the restored tables differ from the manifest, with each table and both values. */
export async function runRestoreTest(test: RestoreTest): Promise<void> {
  try {
    await waitForServer(test);
    await inSession(targetOf(test, "postgres"), test.signal, async (session) => {
      await createRoles(session, test.manifest.requires.roles);
      await createDatabase(session, database, test.manifest.source);
    });
    await restore(test);
    await compare(test);
  } catch (error) {
    test.signal.throwIfAborted();
    throw explained(test, error);
  }
}

function targetOf({ docker, container, manifest }: RestoreTest, database: string): ExecTarget {
  const server = serverTarget(docker, { Id: container.name }, { user, database }, "postgis-backup verify");
  const target = withEnv(server, { PGCLIENTENCODING: clientEncoding(manifest.source.encoding) });
  // The throwaway server trusts its own container. It needs no password, least of all that of another server.
  return { ...target, secretEnv: [] };
}

/** Asks over TCP: the image first starts a server that only makes the databases, and that one does not listen on TCP. */
async function waitForServer(test: RestoreTest): Promise<void> {
  const probe = execArguments(targetOf(test, "postgres"), ["pg_isready", "--quiet"]);
  for (;;) {
    test.signal.throwIfAborted();
    const { failed } = await spawnDocker(test.docker, probe, { reject: false });
    if (!failed) return;
    if (!test.container.running())
      throw new Failure("server-not-ready", "The throwaway server ended before it answered.");
    await setTimeout(pollMilliseconds);
  }
}

async function restore(test: RestoreTest): Promise<void> {
  const { container, files, manifest, signal } = test;
  const { format, compression, jobs } = manifest;
  const target = targetOf(test, database);
  const archive = archiveName(format, compression);
  const file = { path: path.posix.join(container.folder, archive), user: container.user };
  const run = (name: string, script: AsyncIterable<Uint8Array>) =>
    runScript(target, name, safeScript(script, name), signal);
  const runFile = (name: string) => run(name, readChecked(files, recordedFile(manifest, name)));
  // Stock tools would fail without it on functions that need a search path.
  const withSearchPath = () => inSession(target, signal, giveSearchPath);
  const isWhole = manifest.wholeDatabase !== undefined;
  const hasMore = manifest.files.some(({ path: name }) => name === afterTablesFile);
  await runFile(prepareFile);
  if (!isWhole) await withSearchPath();
  if (format === "plain") {
    await run(archive, readPlainArchive(files, recordedFile(manifest, archive), signal));
    if (hasMore) await runFile(afterTablesFile);
    return;
  }
  const options = { format, database, jobs };
  if (!isWhole && !hasMore) {
    await restoreArchive(target, file, options, signal);
    return;
  }
  await restoreArchive(target, file, { ...options, sections: ["pre-data"] }, signal);
  if (hasMore) await runFile(afterTablesFile);
  const unqualified = await withSearchPath();
  await restoreRows(target, file, options, signal);
  // Its functions are compared with those of the source.
  if (isWhole)
    await inSession(target, signal, async (session) =>
      resetSearchPath(session, await functionNames(session, unqualified)),
    );
}

function compare(test: RestoreTest): Promise<void> {
  const { manifest } = test;
  const comparison = {
    tables: manifest.tables.map((recorded) => ({ recorded, at: recorded })),
    logicalForeignKeys: manifest.logicalForeignKeys,
    method: manifest.fingerprintMethod,
    validity: manifest.tables.some(({ invalidGeometries }) => invalidGeometries !== undefined),
  };
  return inSession(targetOf(test, database), test.signal, async (session) => {
    await compareRestored(session, comparison, test.progress);
    if (manifest.wholeDatabase === undefined) return;
    const { missing, changed } = await compareWhole(session, test, { sameVersion: true });
    Failures.throwIfAny([...missing, ...changed].map(mismatch));
  });
}

/** When a server dies, its own last log lines say more than the error of its client. */
function explained({ container }: RestoreTest, error: unknown): unknown {
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
