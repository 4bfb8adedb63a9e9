import { setTimeout as sleep } from "node:timers/promises";
import { ExecaError } from "execa";
import * as z from "zod";
import {
  containerName,
  findContainer,
  hasDied,
  lastLogLines,
  noContainer,
  type Inspection,
} from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import { type Docker, dockerFailure, spawnDocker } from "../docker/docker";
import { Failure } from "../lib/failure";
import type { Progress } from "../lib/progress";
import type { AgentReadyRequest } from "../request";

const pollMilliseconds = 500;
const logLines = 20;

/** Waits until the agent is healthy; on a swarm, until each node has an agent with the present configuration that is. */
export async function agentReady(
  request: AgentReadyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const docker = await dockerFor(request.dockerHost, signal);
  if (request.mode === "container") await containerReady(docker, request, signal);
  else await serviceReady(docker, request, progress, signal);
}

async function containerReady(
  docker: Docker,
  { name, timeout }: AgentReadyRequest,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeout * 1000;
  const first = await findContainer(docker, name);
  if (first === undefined) throw await noContainer(docker, name);
  for (let now: Inspection | undefined = first; ; now = await findContainer(docker, first.Id)) {
    if (now === undefined)
      throw new Failure("container-lost", `Container "${name}" was removed before its agent was ready.`);
    const { Health } = now.State;
    if (Health === undefined)
      throw notReady(`Container "${name}" has no health check: its image is not one of "agent/Dockerfile".`);
    if (Health.Status === "healthy") return;
    const died = hasDied(first, now);
    if (died || performance.now() > deadline) {
      const what = died ? "ended" : `was not ready within ${timeout} s`;
      throw notReady(
        `The agent in container "${containerName(now)}" ${what}. Its last log lines:\n${await lastLogLines(docker, now.Id, logLines)}`,
      );
    }
    await sleep(pollMilliseconds, undefined, { signal });
  }
}

const Task = z.object({ Node: z.string(), CurrentState: z.string(), Error: z.string() });

/**
 * An update without a change waits for the one before it. It also goes on with one that stopped at an agent that did not become
 * healthy.
 */
async function serviceReady(
  docker: Docker,
  { name, timeout }: AgentReadyRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  progress.note(`Waiting for the agents of service "${name}", one node after the other.`);
  const args = ["service", "update", "--detach=false", "--quiet", "--no-resolve-image", "--", name];
  try {
    await spawnDocker(docker, args, { cancelSignal: signal, timeout: timeout * 1000 });
  } catch (error) {
    signal.throwIfAborted();
    const timedOut = error instanceof ExecaError && error.timedOut;
    const failure = dockerFailure(error, docker.address);
    if (!timedOut && !(failure instanceof Failure && failure.code === "docker-failed")) throw failure;
    const reason = timedOut ? `they were not ready within ${timeout} s` : (failure as Failure).message;
    throw notReady(
      `The agents of service "${name}" do not all run: ${reason}${await failedTasks(docker, name)}`,
    );
  }
}

/** What became of the tasks that failed, newest first, as `docker service ps` tells. */
async function failedTasks(docker: Docker, name: string): Promise<string> {
  const args = ["service", "ps", "--no-trunc", "--format", "json", "--", name];
  try {
    const { stdout } = await spawnDocker(docker, args, { timeout: 15_000 });
    const tasks = stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => Task.parse(JSON.parse(line)));
    const failed = tasks.filter(({ Error }) => Error !== "");
    return failed
      .map(({ Node, CurrentState, Error }) => `\nOn ${Node || "no node"}, ${CurrentState}: ${Error}`)
      .join("");
  } catch (error) {
    throw dockerFailure(error, docker.address);
  }
}

const notReady = (message: string) => new Failure("agent-not-ready", message);
