/**
 * The published port goes from the old container to the new one. Docker binds the ports of a container when it starts, and
 * networks are changed here only while a container is stopped: engines differ in what becomes of a port when a running
 * container leaves a network.
 */
import { setTimeout } from "node:timers/promises";
import { findContainer, type Inspection } from "../docker/container";
import { type Docker, dockerOutput, spawnDocker } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import { Failure } from "../lib/failure";
import { connectedTarget } from "../postgres/session/connect";
import type { Progress } from "../lib/progress";
import { answering } from "../server";
import { ReadyRequest } from "../request";
import { removeDockerRecord } from "./docker-record";
import { boundPorts } from "./published-port";
import { removeHint, removeRecord } from "./record";
import { applicationName, dataOf, type NewServer, newDatabase } from "./servers";
import { type Networks, networksTaken, restartPolicy, type SwitchRecord } from "./switch-record";

/** A server that writes a large checkpoint takes long to stop; Docker kills it after this. */
const stopSeconds = 120;

/** Docker's own request to stop must have come first, because that is what marks the container as stopped on purpose. */
const stopMilliseconds = 500;

/** What has begun to switch is brought to an end, one way or the other. */
export const toTheEnd: AbortSignal = new AbortController().signal;

/** Stops a server without waiting for its clients, whatever signal its image names: SIGINT is the fast shutdown of PostgreSQL. */
export async function stopServer(docker: Docker, { Id }: Pick<Inspection, "Id">): Promise<void> {
  const stopping = dockerOutput(docker, ["stop", "--time", String(stopSeconds), Id]);
  stopping.catch(() => undefined);
  await setTimeout(stopMilliseconds);
  await spawnDocker(docker, ["kill", "--signal", "INT", Id], { reject: false });
  await stopping;
}

/** A container that was stopped on purpose stays so when the daemon starts, beside the one that has its port. */
export async function keepStopped(docker: Docker, old: Inspection): Promise<void> {
  const policy = restartPolicy(old);
  if (policy === "no" || policy === "unless-stopped") return;
  await dockerOutput(docker, ["update", "--restart", "unless-stopped", old.Id]);
}

/** A server that does not come up again is to be found while the old one still serves. */
export async function restart(server: NewServer, progress: Progress): Promise<void> {
  await stopServer(server.docker, server.container);
  await start(server, progress);
}

/** The new container joins the networks of the old one, under its names there, and publishes its port with that. */
export async function takePort(server: NewServer, networks: Networks, progress: Progress): Promise<void> {
  const { docker, container } = server;
  await stopServer(docker, container);
  for (const [network, names] of Object.entries(networks)) {
    if (network in container.NetworkSettings.Networks) continue;
    const aliases = names.flatMap((name) => ["--alias", name]);
    await dockerOutput(docker, ["network", "connect", ...aliases, network, container.Id]);
  }
  await start(server, progress);
  const now = await findContainer(docker, container.Id);
  if (now !== undefined && boundPorts(now).length > 0) return;
  throw new Failure("docker-failed", `Docker published no port of container "${container.Name.slice(1)}".`);
}

/** A server that is not asked in vain answers within this. */
const answerMilliseconds = 15_000;

/** Whether a session could be opened. */
function answers(target: Promise<ExecTarget>): Promise<boolean> {
  return target.then(
    () => true,
    () => false,
  );
}

/** Whether clients may have been served under the port already. */
export async function serves(server: NewServer): Promise<boolean> {
  const now = await findContainer(server.docker, server.container.Id);
  if (now?.State.Running !== true || boundPorts(now).length === 0) return false;
  return answers(newDatabase(server, AbortSignal.timeout(answerMilliseconds)));
}

/** How to reach the old server, by the id of its container. */
export interface OldServer {
  readonly user: string;
  readonly database: string;
}

/**
 * The old server has its port and its policy again, and the new one is a standby as before. Each step can be done again, in case
 * this program is killed between two of them. The first says that the old one has the data.
 */
export async function giveBack(
  server: NewServer,
  switching: SwitchRecord,
  { user, database }: OldServer,
  progress: Progress,
): Promise<void> {
  const { docker, container, request } = server;
  await removeRecord(server);
  const now = await findContainer(docker, container.Id);
  const taken = now === undefined ? [] : networksTaken(switching, now);
  if (taken.length > 0) {
    if (now?.State.Running === true) await stopServer(docker, container);
    for (const network of taken)
      await spawnDocker(docker, ["network", "disconnect", network, container.Id], { reject: false });
  }
  const old = await findContainer(docker, switching.from);
  if (old !== undefined) {
    if (restartPolicy(old) !== switching.restart)
      await dockerOutput(docker, ["update", "--restart", switching.restart, old.Id]);
    await startAgain(docker, old, { user, database });
    const { dockerHost } = request;
    await answering(
      ReadyRequest.parse({ container: old.Id, user, database, dockerHost }),
      progress,
      toTheEnd,
    );
  }
  await start(server, progress);
  await removeHint(server, toTheEnd);
  await removeDockerRecord(docker, "switching", dataOf(server));
}

/** Seconds after which a request to stop that a killed run made has reached the container. */
const settleMilliseconds = 1_500;

/** A container that is just being stopped, by a run that was killed meanwhile, is waited for. */
async function startAgain(docker: Docker, old: Inspection, server: OldServer): Promise<void> {
  const { Id } = old;
  const deadline = performance.now() + stopSeconds * 1000;
  for (;;) {
    const before = await findContainer(docker, Id);
    if (before?.State.Running !== true) break;
    await setTimeout(settleMilliseconds);
    const now = await findContainer(docker, Id);
    const limit = AbortSignal.timeout(answerMilliseconds);
    const asked = await answers(connectedTarget(docker, old, server, applicationName, limit));
    if (now?.State.Running === true && (asked || performance.now() > deadline)) return;
  }
  await dockerOutput(docker, ["start", Id]);
}

export async function start({ docker, container, request }: NewServer, progress: Progress): Promise<void> {
  await dockerOutput(docker, ["start", container.Id]);
  const { toContainer, toUser: user, toDatabase: database, dockerHost } = request;
  const server = ReadyRequest.parse({ container: toContainer, user, database, dockerHost });
  await answering(server, progress, toTheEnd);
}
