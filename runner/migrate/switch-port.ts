/**
 * The published port goes from the old container to the new one. Docker binds the ports of a container when it starts, and
 * networks are changed here only while a container is stopped: engines differ in what becomes of a port when a running
 * container leaves a network.
 */
import { setTimeout } from "node:timers/promises";
import { findContainer, type Inspection } from "../docker/container";
import { type Docker, dockerOutput, spawnDocker } from "../docker/docker";
import { Failure } from "../failure";
import type { Progress } from "../progress";
import { answering } from "../ready";
import { ReadyRequest } from "../request";
import { allowWrites } from "./hold-writes";
import { boundPorts } from "./published-port";
import { removeRecord } from "./record";
import { inDatabase, type NewServer, oldDatabase, type Sides } from "./sides";

/** A server that writes a large checkpoint takes long to stop; Docker kills it after this. */
const stopSeconds = 120;

/** Docker's own request to stop must have come first, because that is what marks the container as stopped on purpose. */
const stopMilliseconds = 500;

/** What has begun to switch is brought to an end, one way or the other. */
export const toTheEnd: AbortSignal = new AbortController().signal;

/**
 * Stops a server without waiting for its clients, whatever signal its image names: SIGINT is the fast shutdown of PostgreSQL.
 * Its policy must not start it again when the daemon does, beside the one that has its port.
 */
export async function stopServer(docker: Docker, { Id, HostConfig }: Inspection): Promise<void> {
  if (HostConfig.RestartPolicy.Name === "always")
    await dockerOutput(docker, ["update", "--restart", "unless-stopped", Id]);
  const stopping = dockerOutput(docker, ["stop", "--time", String(stopSeconds), Id]);
  stopping.catch(() => undefined);
  await setTimeout(stopMilliseconds);
  await spawnDocker(docker, ["kill", "--signal", "INT", Id], { reject: false });
  await stopping;
}

/** A server that does not come up again is to be found while the old one still serves. */
export async function restart(server: NewServer, progress: Progress): Promise<void> {
  await stopServer(server.docker, server.container);
  await start(server, progress);
}

/** The new container joins the networks of the old one, under its names there, and publishes its port with that. */
export async function takePort(server: NewServer, old: Inspection, progress: Progress): Promise<void> {
  const { docker, container } = server;
  await stopServer(docker, container);
  for (const [network, { Aliases }] of Object.entries(old.NetworkSettings.Networks)) {
    if (network in container.NetworkSettings.Networks) continue;
    // Docker's default network knows no names.
    const names = network === "bridge" ? [] : [old.Name.slice(1), ...(Aliases ?? [])];
    const aliases = names.flatMap((name) => ["--alias", name]);
    await dockerOutput(docker, ["network", "connect", ...aliases, network, container.Id]);
  }
  await start(server, progress);
  const now = await findContainer(docker, container.Id);
  if (now !== undefined && boundPorts(now).length > 0) return;
  throw new Failure("docker-failed", `Docker published no port of container "${container.Name.slice(1)}".`);
}

/** The old server has its port, its policy and its writers again, and the new one is a standby as before. */
export async function giveBack(sides: Sides): Promise<void> {
  const { docker, request, old, fresh, progress } = sides;
  const { container } = fresh;
  await stopServer(docker, container);
  for (const network of Object.keys(old.NetworkSettings.Networks)) {
    if (network in container.NetworkSettings.Networks) continue;
    await spawnDocker(docker, ["network", "disconnect", network, container.Id], { reject: false });
  }
  if (old.HostConfig.RestartPolicy.Name === "always")
    await dockerOutput(docker, ["update", "--restart", "always", old.Id]);
  await dockerOutput(docker, ["start", old.Id]);
  const { container: name, user, database, dockerHost } = request;
  await answering(ReadyRequest.parse({ container: name, user, database, dockerHost }), progress, toTheEnd);
  await inDatabase(oldDatabase(sides, toTheEnd), toTheEnd, (session) => allowWrites(session, database));
  await start(fresh, progress);
  await removeRecord(fresh, toTheEnd);
}

async function start({ docker, container, request }: NewServer, progress: Progress): Promise<void> {
  await dockerOutput(docker, ["start", container.Id]);
  const { toContainer, toUser: user, toDatabase: database, dockerHost } = request;
  const server = ReadyRequest.parse({ container: toContainer, user, database, dockerHost });
  await answering(server, progress, toTheEnd);
}
