/** Takes away what a restore made on its way: after it, after a failure, and after a run that was killed. */
import { escapeIdentifier, escapeLiteral } from "../postgres/escape";
import { z } from "zod";
import { spawnDocker } from "../docker/docker";
import { execArguments, type ExecTarget } from "../docker/exec";
import { openSession, type Session } from "../postgres/session";
import { lockRuns } from "../postgres/run-lock";
import { restoreInProgress } from "./in-progress";
import { removeLinks } from "./linked-rows";
import type { RestoreNames } from "./names";
import { type Created, dropCreated } from "./prepare-target";
import type { RestoreRun } from "./run";

/** Time that a clean-up has before the process ends. */
const cleanUpMilliseconds = 10_000;

export async function dropWork(session: Session, target: ExecTarget, names: RestoreNames): Promise<void> {
  await removeWorkFolder(target, names);
  await session.run(`DROP DATABASE IF EXISTS ${escapeIdentifier(names.scratch)} WITH (FORCE)`);
  for (const schema of await stagingSchemas(session, names))
    await session.run(`DROP SCHEMA ${escapeIdentifier(schema)} CASCADE`);
}

async function stagingSchemas(session: Session, { stagePrefix }: RestoreNames): Promise<string[]> {
  const found = await session.rows(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ ${escapeLiteral(`^${stagePrefix}[0-9]+$`)}`,
    z.object({ name: z.string() }),
  );
  return found.map(({ name }) => name);
}

async function removeWorkFolder(target: ExecTarget, { workFolder }: RestoreNames): Promise<void> {
  const remove = execArguments({ ...target, secretEnv: [] }, ["rm", "-rf", "--", workFolder], "0:0");
  await spawnDocker(target.docker, remove, { reject: false });
}

/**
 * In a session of its own, because that of the run may be gone. Where another run has the lock already, it has taken away
 * the rest; what cannot be taken away now, the next run does.
 */
export async function cleanUp(run: RestoreRun, created: Created): Promise<void> {
  const { target, names, request } = run;
  await removeLinks(run);
  const session = openSession(target, AbortSignal.timeout(cleanUpMilliseconds));
  try {
    await lockRuns(session, names, restoreInProgress(request));
    await session.run("SET client_min_messages = error");
    await dropWork(session, target, names);
    await dropCreated(session, created);
  } finally {
    await session.close();
  }
}
