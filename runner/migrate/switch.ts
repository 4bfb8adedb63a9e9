/**
 * The published port goes from the old container to the new one. Docker binds the ports of a container when it starts. Networks
 * are changed only while a container is stopped: engines differ in what they do with a port when a running container leaves a
 * network.
 */
import {
  type Servers,
  newDatabase,
  dataOf,
  dataPlace,
  type NewServer,
  boundPorts,
  applicationName,
} from "./servers";
import { type MigrateResult, ReadyRequest } from "../request";
import {
  systemIdentifier,
  switchRecord,
  writeRecord,
  packTables,
  type SwitchRecord,
  restartPolicy,
  type Networks,
  removeRecord,
  networksTaken,
  removeHint,
} from "./record";
import { writeDockerRecord, removeDockerRecord } from "./docker-record";
import { runningContainer, type Inspection, findContainer } from "../docker/container";
import { endSessions, checkUnchanged } from "./hold-writes";
import { endSwitch } from "./resume";
import { Failure, Failures } from "../lib/failure";
import { type Docker, dockerOutput, spawnDocker } from "../docker/docker";
import { setTimeout } from "node:timers/promises";
import type { Progress } from "../lib/progress";
import type { ExecTarget } from "../docker/exec";
import { answering } from "../server";
import { connectedTarget } from "../postgres/session/connect";
import { secondsSince } from "../lib/format";
import { inSession } from "../postgres/session/session";

/**
 * Because of Docker's records, this run or the next can undo or complete each step. The record of the switch is written before
 * anything is touched, and that of the migration once the old server has stopped.
 */
export async function switchServers(servers: Servers, result: MigrateResult): Promise<void> {
  const { docker, request, old, newServer, hold, known, progress } = servers;
  const toSystem = await inSession(newDatabase(newServer, toTheEnd), toTheEnd, systemIdentifier);
  const fromSystem = await systemIdentifier(hold);
  const switching = switchRecord(old, newServer.container, toSystem);
  await writeDockerRecord(docker, "switching", dataOf(newServer), switching);
  let since = performance.now();
  try {
    await restart(newServer, progress);
    const restarted = await runningContainer(docker, newServer.container.Id);
    await endSessions(hold);
    await checkUnchanged(hold, known, request);
    since = performance.now();
    await stopServer(docker, old);
    const { volume, folder } = dataPlace(old);
    await writeRecord(
      newServer,
      {
        ...{
          from: old.Id,
          fromStartedAt: old.State.StartedAt,
          fromData: { volume, folder, system: fromSystem },
        },
        ...{ networks: switching.networks, database: request.database },
        ...{
          to: restarted.Id,
          toStartedAt: restarted.State.StartedAt,
          toDatabase: request.toDatabase,
          toSystem,
        },
        ...{ tables: packTables(known.tables.map(({ sqlName }) => sqlName)), result },
      },
      toTheEnd,
    );
    await keepStopped(docker, old);
    await takePort({ ...newServer, container: restarted }, switching.networks, progress);
  } catch (error) {
    if (await serves(newServer).catch(() => false)) throw error;
    throw await afterGivingBack(servers, switching, error);
  }
  await endSwitch(newServer);
  progress.note(`The port was without a server for ${secondsSince(since)} s.`);
}

/** Gives the port back to the old server. If that fails too, the first failure is reported first. */
async function afterGivingBack(
  { newServer, hold, request, progress }: Servers,
  switching: SwitchRecord,
  error: unknown,
): Promise<unknown> {
  try {
    // If this session still lives, its lock keeps everybody from connecting to the old server.
    await hold.run("ROLLBACK").catch(() => undefined);
    await giveBack(newServer, switching, request, progress);
  } catch (second) {
    if (!(error instanceof Failure && second instanceof Failure)) return error;
    return new Failures(
      [error, second].flatMap((failure) => (failure instanceof Failures ? failure.found : [failure])),
    );
  }
  return error;
}

/** A server takes long to stop if it writes a large checkpoint. Docker kills it after this. */
const stopSeconds = 120;

/** Docker's own request to stop must come first, because it marks the container as stopped on purpose. */
const stopMilliseconds = 500;

/** Never aborts: once a switch has begun, it is completed or undone. */
export const toTheEnd: AbortSignal = new AbortController().signal;

/** Stops a server without waiting for its clients. SIGINT is the fast shutdown of PostgreSQL, but an image may name another signal. */
async function stopServer(docker: Docker, { Id }: Pick<Inspection, "Id">): Promise<void> {
  const stopping = dockerOutput(docker, ["stop", "--time", String(stopSeconds), Id]);
  stopping.catch(() => undefined);
  await setTimeout(stopMilliseconds);
  await spawnDocker(docker, ["kill", "--signal", "INT", Id], { reject: false });
  await stopping;
}

/** Keeps a stopped container from starting with the daemon, beside the one that has its port now. */
export async function keepStopped(docker: Docker, old: Inspection): Promise<void> {
  const policy = restartPolicy(old);
  if (policy === "no" || policy === "unless-stopped") return;
  await dockerOutput(docker, ["update", "--restart", "unless-stopped", old.Id]);
}

/** Restarts the new server while the old one still serves, to see that it comes up. */
export async function restart(server: NewServer, progress: Progress): Promise<void> {
  await stopServer(server.docker, server.container);
  await start(server, progress);
}

/** The new container joins the networks of the old one, under the same names, and then publishes the port. */
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

/** A server that is up answers within this. */
const answerMilliseconds = 15_000;

/** Whether a session could be opened. */
function answers(target: Promise<ExecTarget>): Promise<boolean> {
  return target.then(
    () => true,
    () => false,
  );
}

/** Whether the new server may have served clients on the port already. */
async function serves(server: NewServer): Promise<boolean> {
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
 * Gives the old server its port and restart policy back, and makes the new one a standby again. Each step can be repeated, in case
 * this program is killed between two of them. From the first step on, the old server has the data.
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

/** After this time, a killed run's request to stop has reached the container. */
const settleMilliseconds = 1_500;

/** Waits for a container that a killed run has just told to stop, and starts it. */
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
