import { setTimeout } from "node:timers/promises";
import { Failure, type FailureCode } from "../lib/failure";
import { describeState, failUnlessRunning, findByName, findContainer, type Inspection } from "./container";
import type { Docker } from "./docker";
import { settleAfterAbort } from "../lib/concurrency";

const pollMilliseconds = 2_000;

/** The daemon counts as gone after so many failed polls in a row; a single one can fail when many clients connect. */
const pollsBeforeGone = 3;

/** Processes have so long to end after the container or the daemon is lost. Their clients are killed earlier. */
const graceMilliseconds = 7_000;

/** A container may take so long to stop after its processes have failed. */
const stopMilliseconds = 3_000;

/** Only after so long does a container that stopped show whether somebody removed or restarted it. */
const settleMilliseconds = 1_000;

const losses: ReadonlySet<FailureCode> = new Set(["container-lost", "container-not-running"]);

/** Failures of processes that can be due to a container that went away. */
const consequences: ReadonlySet<FailureCode> = new Set([
  "docker-failed",
  "server-error",
  "dump-failed",
  "archive-incomplete",
  "restore-failed",
]);

/**
 * Does some work in a container, and ends it when the container is paused, stopped, removed or restarted, or when the
 * daemon is gone. Otherwise a paused container would make `docker exec` hang for ever. If the work fails because of the
 * container, only that is reported. If the container does not run at the start, the work reports that by asking for it.
 */
export async function whileRunning<T>(
  docker: Docker,
  name: string,
  signal: AbortSignal,
  work: (signal: AbortSignal, running: () => Promise<Inspection>) => Promise<T>,
): Promise<T> {
  const found = findByName(docker, name);
  const running = async () => failUnlessRunning(docker, name, await found);
  const container = await found.catch(() => undefined);
  if (container === undefined || lossOf(container, container) !== undefined) return work(signal, running);
  const lost = new AbortController();
  const done = new AbortController();
  const either = AbortSignal.any([signal, lost.signal]);
  watchContainer(docker, container, done.signal).then(
    (loss) => {
      lost.abort(loss);
    },
    () => undefined,
  );
  if (docker.lost !== undefined) {
    const { lost: connection } = docker;
    const loseAll = () => {
      lost.abort(connection.reason);
    };
    if (connection.aborted) loseAll();
    else connection.addEventListener("abort", loseAll, { once: true, signal: done.signal });
  }
  try {
    return await settleAfterAbort(work(either, running), either, graceMilliseconds);
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

/** A process can fail a moment before its container has stopped. */
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
    // The connection says why the daemon does not answer.
    if (docker.lost?.reason instanceof Failure) return docker.lost.reason;
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** What happened to a container since `before`. */
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
