/** Checks whether the port of a new container will be free once the stack's old container is gone. */
import net from "node:net";
import os from "node:os";
import { findContainers, type Inspection } from "../docker/container";
import { type Docker, isLocal } from "../docker/docker";
import { Failure } from "../lib/failure";
import type { PreflightRequest } from "../request";

/** The stack's own containers are removed before the new one is started, so their ports are free. */
export async function checkPort(
  docker: Docker,
  { hostAddress, port }: PreflightRequest,
  own: readonly Inspection[],
): Promise<void> {
  if (port === undefined) return;
  const ids = new Set(own.map(({ Id }) => Id));
  const others = (await findContainers(docker)).filter((container) => !ids.has(container.Id));
  const taking = others.find(
    (container) =>
      holdsPorts(container) && published(container, port).some((address) => overlap(address, hostAddress)),
  );
  if (taking !== undefined) {
    const state = taking.State.Running ? "has it" : "gets it when it is started";
    throw inUse(hostAddress, port, `container "${taking.Name.slice(1)}" ${state}`);
  }
  // The port is tried by listening on it, which makes sense only if the daemon is on this machine.
  if (!(await isLocal(docker))) return;
  const ours = own.filter(({ State }) => State.Running).flatMap((container) => published(container, port));
  for (const address of addressesToTry(hostAddress, ours)) await checkAddress(address, port);
}

/** Whether a container runs, or Docker starts it again by itself. */
function holdsPorts({ State, HostConfig }: Inspection): boolean {
  if (State.Running || State.Paused || State.Restarting) return true;
  return State.Status === "exited" && HostConfig.RestartPolicy.Name === "always";
}

/** Addresses on which a container publishes the port. */
function published({ HostConfig }: Inspection, port: number): string[] {
  return Object.entries(HostConfig.PortBindings ?? {})
    .filter(([key]) => key.endsWith("/tcp"))
    .flatMap(([, bindings]) => bindings ?? [])
    .filter(({ HostPort }) => HostPort === String(port))
    .map(({ HostIp }) => HostIp);
}

/** Docker writes an empty address for all addresses. */
const isWildcard = (address: string) => ["", "0.0.0.0", "::"].includes(address);

const overlap = (one: string, other: string) => one === other || isWildcard(one) || isWildcard(other);

/**
 * Addresses to listen on for a try. An address of the stack's own container will be free for the new one. If that container has
 * one of all addresses, the others are tried one by one, because it would be in the way of trying all at once.
 */
function addressesToTry(wanted: string, ours: readonly string[]): string[] {
  if (ours.some((address) => address === wanted || isWildcard(address))) return [];
  if (!isWildcard(wanted) || ours.length === 0) return [wanted];
  const family = wanted === "0.0.0.0" ? ["IPv4"] : ["IPv4", "IPv6"];
  return Object.values(os.networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter((address) => family.includes(address.family) && !address.address.startsWith("fe80:"))
    .map(({ address }) => address)
    .filter((address) => !ours.includes(address));
}

async function checkAddress(address: string, port: number): Promise<void> {
  const code = await listenOnce(address, port);
  switch (code) {
    case undefined:
      return;
    case "EADDRINUSE":
      throw inUse(address, port);
    case "EADDRNOTAVAIL":
      throw new Failure(
        "address-invalid",
        `${address} is not an address of this machine. Choose one that "ip address" shows, or 127.0.0.1.`,
      );
    default:
      throw new Failure(
        "address-invalid",
        `Port ${port} on ${address} cannot be opened (${code}). Choose another port.`,
      );
  }
}

function inUse(address: string, port: number, by?: string): Failure {
  return new Failure(
    "port-in-use",
    `Port ${port} on ${address} is in use${by === undefined ? "" : `: ${by}`}. Choose another port, or stop what ` +
      `listens there ("ss -ltnp" shows it).`,
  );
}

/** The error code of an attempt to listen; undefined if it succeeded. The daemon may open ports under 1024 even if we may not. */
function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "EACCES" ? undefined : (error.code ?? error.message));
    });
    server.listen({ host, port, exclusive: true, ipv6Only: false }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}
