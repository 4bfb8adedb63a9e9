/** Takes away what a restore made on its way: after it, after a failure, and after a run that was killed. */
import { escapeIdentifier, escapeLiteral } from "../postgres/session/escape";
import { z } from "zod";
import { Failure } from "../lib/failure";
import { spawnDocker } from "../docker/docker";
import { execArguments, type ExecTarget } from "../docker/exec";
import { openSession, type Session } from "../postgres/session/session";
import { lockRuns } from "../postgres/session/run-lock";
import { restoreInProgress } from "./in-progress";
import { removeLinks } from "./linked-rows";
import { possibleWorkFolders, type RestoreNames } from "./names";
import { dropRecorded } from "./record";
import type { RestoreRun } from "./run";
import { together } from "../lib/concurrency";

/** Time that a clean-up has before the process ends. */
const cleanUpMilliseconds = 10_000;

export async function dropWork(session: Session, target: ExecTarget, names: RestoreNames): Promise<void> {
  await removeWorkFolder(target, names);
  await dropScratch(session, names);
  await dropRecorded(session, names);
}

/** Whoever may create databases can give one this name; such a one stays. */
async function dropScratch(session: Session, { scratch }: RestoreNames): Promise<void> {
  const [found] = await session.rows(
    `SELECT pg_get_userbyid(datdba) AS owner, pg_get_userbyid(datdba) = current_user AS own FROM pg_database WHERE datname = ${escapeLiteral(scratch)}`,
    z.object({ owner: z.string(), own: z.boolean() }),
  );
  if (found === undefined) return;
  if (found.own) {
    await session.run(`DROP DATABASE IF EXISTS ${escapeIdentifier(scratch)} WITH (FORCE)`);
    return;
  }
  throw new Failure(
    "privilege-missing",
    `The restore needs a database of its own named ${scratch}, and role "${found.owner}" has one of this name. Drop it.`,
  );
}

async function removeWorkFolder(target: ExecTarget, names: RestoreNames): Promise<void> {
  const command = ["rm", "-rf", "--", ...possibleWorkFolders(names)];
  const remove = execArguments({ ...target, secretEnv: [] }, command, "0:0");
  await spawnDocker(target.docker, remove, { reject: false });
}

/**
 * In a session of its own, because that of the run may be gone. Where another run has the lock already, it has taken away
 * the rest; what cannot be taken away now, the next run does.
 */
export async function cleanUp(run: RestoreRun): Promise<void> {
  const { target, names, request } = run;
  const timeout = AbortSignal.timeout(cleanUpMilliseconds);
  await together(timeout, [
    () => removeLinks(run),
    async () => {
      const session = openSession(target, timeout);
      try {
        await lockRuns(session, names, restoreInProgress(request));
        await session.run("SET client_min_messages = error");
        await dropWork(session, target, names);
      } finally {
        await session.close();
      }
    },
  ]);
}
