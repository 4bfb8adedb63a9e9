/** A restore that has its lock, and nothing of an earlier one in its way. */
import { z } from "zod";
import { runningContainer } from "../docker/container";
import { docker as dockerFor } from "../docker/docker";
import { Attempts, Failure } from "../lib/failure";
import { chooseJobs } from "../lib/jobs";
import type { Manifest } from "../repository/manifest";
import { connectServer } from "../postgres/session/connect";
import { dumpFacts, serverFacts } from "../postgres/session/server-info";
import { describeContent } from "../postgres/catalog/outside-content";
import { lockRuns, noteEnded } from "../postgres/session/run-lock";
import type { Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { RestoreRequest } from "../request";
import { type BackupFiles, filesOf } from "../repository/backup-files";
import { openBackup } from "../repository/open";
import { checkFiles, damaged, readSealed } from "../repository/checksums";
import { checkScripts, failUnlessListed } from "../verify";
import { dropWork } from "./clean-up";
import { restoreInProgress } from "./in-progress";
import { finalPlace, findExisting } from "./members";
import { restoreNames } from "./names";
import { checkSrids } from "./srids";
import type { RestoreRun } from "./run";
import { checkTarget } from "./target-check";
import { archiveName } from "../postgres/archive/archive-name";

/** Fails with all that is wrong, in one message. The caller closes the session of the run. */
export async function beginRestore(
  request: RestoreRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<RestoreRun> {
  const attempts = new Attempts();
  const docker = dockerFor(request.dockerHost);
  const backup = await attempts.run(() => readBackup(request, progress, signal));
  const container = await attempts.run(() => runningContainer(docker, request.container));
  if (backup === undefined || container === undefined) throw attempts.failure();
  const names = restoreNames(request.database);
  const [connection, tools] = await Promise.all([
    attempts.run(() => connectServer(docker, container, request, names.applicationName, signal)),
    attempts.run(() => dumpFacts(docker, container, backup.manifest.compression)),
  ]);
  if (connection === undefined) throw attempts.failure();
  const { target, session } = connection;
  try {
    const facts = await attempts.run(() => serverFacts(session));
    if (facts === undefined || tools === undefined) throw attempts.failure();
    await checkWritable(session, request);
    noteEnded(await lockRuns(session, names, restoreInProgress(request)), progress);
    await session.run("RESET lock_timeout");
    // Otherwise leftovers, schemas and the like are each worth a notice.
    await session.run("SET client_min_messages = error");
    await session.run("SET jit = off");
    await dropWork(session, target, names);
    const jobs = chooseJobs(request.jobs);
    const { manifest, files } = backup;
    return {
      ...{ request, manifest, files, container, target, session, facts, tools, names, jobs },
      ...{ progress, signal, notes: leftOut(manifest) },
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What is not in the backup, and was accepted not to be. */
const leftOut = ({ notCarried = [] }: Manifest): string[] =>
  notCarried.map((content) => `Not in the backup: ${describeContent(content)}`);

/** Before anything is tried that such a server refuses. */
async function checkWritable(session: Session, { database }: RestoreRequest): Promise<void> {
  const { standby, protected: isProtected } = await session.row(
    `SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') = 'on' AS protected`,
    z.object({ standby: z.boolean(), protected: z.boolean() }),
  );
  if (standby) {
    throw new Failure(
      "requirement-missing",
      "The server is a standby, which follows another and takes no changes of its own. Restore into the server that it follows.",
    );
  }
  if (!isProtected) return;
  throw new Failure(
    "requirement-missing",
    `Database "${database}" takes no changes: default_transaction_read_only is on, for the server, the database or the role. ` +
      'Turn it off for the restore, such as by "ALTER DATABASE ... SET default_transaction_read_only = off".',
  );
}

async function readBackup(request: RestoreRequest, progress: Progress, signal: AbortSignal) {
  const { store, found } = await openBackup(request, signal);
  const files = filesOf(store, found);
  const manifest = await readSealed(files);
  failUnlessListed(manifest);
  progress.note(`Reading ${files.location} for its checksums.`);
  await checkFiles(files, checkedBefore(files, manifest, request), signal);
  if (found.problem !== undefined) {
    throw manifest.id === found.id && manifest.name === found.name
      ? damaged(files.location, found.problem)
      : new Failure("manifest-unreadable", `${files.location}: ${found.problem}.`);
  }
  // A run looks at a plain archive when it reads the definitions in it, before it runs any.
  await checkScripts(files, manifest, { signal, archive: request.dryRun });
  const schemas = new Set(manifest.tables.map(({ schema }) => schema));
  const unknown = Object.keys(request.schemas).filter((schema) => !schemas.has(schema));
  if (unknown.length > 0) {
    throw new Failure(
      "table-not-found",
      `No table of the backup is in schema ${unknown.join(", ")}. Its tables are in ${[...schemas].join(", ")}.`,
    );
  }
  return { manifest, files };
}

/**
 * An archive that comes from elsewhere than a folder is checked while it is read, before anything is published: all of a
 * file that is read, even if the beginning would do.
 */
function checkedBefore(
  { folder }: BackupFiles,
  { format, compression, files }: Manifest,
  { content, dryRun }: RestoreRequest,
): Manifest["files"] {
  const onlyBeginning = format === "custom" && content === "schema";
  if (folder !== undefined || dryRun || onlyBeginning) return files;
  const archive = archiveName(format, compression);
  return files.filter(({ path }) => path !== archive && !path.startsWith(`${archive}/`));
}

/** Looks at all that can be known without a scratch database. */
export async function checkRestore(run: RestoreRun): Promise<void> {
  const attempts = new Attempts();
  await checkTarget(run, attempts);
  await attempts.run(() => checkSrids(run));
  attempts.end();
}

/** Whether there is nothing to do because every table of the backup is there, which is found out soonest. */
export async function allExist({
  request,
  manifest,
  session,
}: {
  readonly request: RestoreRequest;
  readonly manifest: RestoreRun["manifest"];
  readonly session: Session;
}): Promise<boolean> {
  if (request.ifExists !== "skip" || request.tables !== undefined || request.excludeTables.length > 0)
    return false;
  const places = manifest.tables.map((table) => finalPlace(request, table));
  return (await findExisting(session, places)).length === places.length;
}
