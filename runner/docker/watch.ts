import { setTimeout } from "node:timers/promises";
import { Failure, type FailureCode } from "../lib/failure";
import { describeState, findContainer, type Inspection } from "./container";
import type { Docker } from "./docker";
import { settleAfterAbort } from "../lib/abort";

const pollMilliseconds = 2_000;

/** Polls in a row that must go wrong before the daemon counts as gone: one may be refused where many connect at once. */
const pollsBeforeGone = 3;

/** Time that processes have to end after the container or the daemon is lost; their clients are killed before it is over. */
const graceMilliseconds = 7_000;

/** Time that a container may take to stop after its processes have failed. */
const stopMilliseconds = 3_000;

/** Time after which a container that stopped shows whether somebody removed or restarted it. */
const settleMilliseconds = 1_000;

const losses: ReadonlySet<FailureCode> = new Set(["container-lost", "container-not-running"]);

/** Failures that a container which goes away brings about, through what ran in it. */
const consequences: ReadonlySet<FailureCode> = new Set([
  "docker-failed",
  "server-error",
  "dump-failed",
  "archive-incomplete",
  "restore-failed",
]);

/**
 * Does some work in a container and ends it when the container is paused, stopped, removed or restarted, or when the
 * daemon is gone. Without that, a paused container would make `docker exec` hang for ever. Where the work fails because
 * of the container, that is the one failure that is reported. What is wrong with it at the start is for the work
 * to report.
 */
export async function whileRunning<T>(
  docker: Docker,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const container = await findContainer(docker, name).catch(() => undefined);
  if (container === undefined || lossOf(container, container) !== undefined) return work(signal);
  const lost = new AbortController();
  const done = new AbortController();
  const either = AbortSignal.any([signal, lost.signal]);
  watchContainer(docker, container, done.signal).then(
    (loss) => {
      lost.abort(loss);
    },
    () => undefined,
  );
  try {
    return await settleAfterAbort(work(either), either, graceMilliseconds);
  } catch (error) {
    either.throwIfAborted();
    throw (await lossBehind(error, docker, container)) ?? error;
  } finally {
    done.abort();
  }
}

/** Resolves when the container is lost; rejects when it is no longer of interest. */
async function watchContainer(docker: Docker, container: Inspection, done: AbortSignal): Promise<Failure> {
  for (let failedPolls = 0; ;) {
    await setTimeout(pollMilliseconds, undefined, { signal: done });
    const loss = await findLoss(docker, container);
    done.throwIfAborted();
    if (loss === undefined) failedPolls = 0;
    else if (losses.has(loss.code) || ++failedPolls === pollsBeforeGone) return loss;
  }
}

/** A process in a container may fail a moment before the container has stopped. */
async function lossBehind(
  error: unknown,
  docker: Docker,
  container: Inspection,
): Promise<Failure | undefined> {
  if (!(error instanceof Failure && consequences.has(error.code))) return undefined;
  const deadline = performance.now() + stopMilliseconds;
  for (;;) {
    const loss = await findLoss(docker, container);
    if (loss !== undefined || performance.now() > deadline) return loss;
    await setTimeout(200);
  }
}

async function findLoss(docker: Docker, before: Inspection): Promise<Failure | undefined> {
  const loss = await lossNow(docker, before);
  if (loss?.code !== "container-lost") return loss;
  await setTimeout(settleMilliseconds);
  return lossNow(docker, before);
}

async function lossNow(docker: Docker, before: Inspection): Promise<Failure | undefined> {
  try {
    return lossOf(before, await findContainer(docker, before.Id));
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** What has become of a container since it was looked at before. */
function lossOf(before: Inspection, now: Inspection | undefined): Failure | undefined {
  const name = before.Name.slice(1);
  const lost = (what: string) =>
    new Failure("container-lost", `Container "${name}" ${what}. Nothing of this run was kept.`);
  if (now === undefined || now.State.Status === "removing") return lost("was removed while it was in use");
  if (now.State.Paused) {
    return new Failure(
      "container-not-running",
      `Container "${name}" was paused while it was in use. Run "docker unpause ${name}", then try again.`,
    );
  }
  if (!now.State.Running || now.State.Restarting) {
    const remedy = `see "docker logs ${name}", then "docker start ${name}"`;
    return lost(`stopped while it was in use: it is ${describeState(now)}; ${remedy}`);
  }
  if (now.State.StartedAt === before.State.StartedAt) return undefined;
  return lost(`was restarted while it was in use; see "docker logs ${name}"`);
}
