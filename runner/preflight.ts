import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { findContainer, type Inspection } from "./docker/container";
import { type Docker, docker as dockerFor, dockerOutput } from "./docker/docker";
import { Failure, Failures } from "./failure";
import { ownerLabel, type PreflightRequest } from "./request";

/** Looks for everything that would keep a container from being created, and reports all of it in one message. */
export async function preflight(request: PreflightRequest): Promise<void> {
  const docker = dockerFor(request.dockerHost);
  const existing = await findContainer(docker, request.container);
  const problems = [
    foreignContainer(request, existing),
    await busyPort(docker, request, existing),
    await unwritableDirectory(request),
  ].filter((problem) => problem !== undefined);
  Failures.throwIfAny(problems);
}

function foreignContainer(request: PreflightRequest, existing: Inspection | undefined): Failure | undefined {
  if (existing === undefined || existing.Config.Labels?.[ownerLabel] === request.owner) return undefined;
  return new Failure(
    "container-name-taken",
    `Container "${request.container}" exists already and does not belong to this stack. Choose another container name, ` +
      `or remove it ("docker rm ${request.container}") if nobody needs it; to back it up as it is, give its name to a TableBackup.`,
  );
}

/** The port is looked at by listening on it, which says something only where the daemon is on this machine. */
async function busyPort(
  docker: Docker,
  { hostAddress, port }: PreflightRequest,
  existing: Inspection | undefined,
): Promise<Failure | undefined> {
  const ours = Object.values(existing?.HostConfig.PortBindings ?? {}).flatMap((bindings) => bindings ?? []);
  if (ours.some(({ HostPort }) => HostPort === String(port))) return undefined;
  const endpoint = docker.env["DOCKER_HOST"] ?? process.env["DOCKER_HOST"] ?? (await contextEndpoint(docker));
  if (!/^(unix|npipe):/.test(endpoint)) return undefined;
  const code = await listenOnce(hostAddress, port);
  switch (code) {
    case undefined:
      return undefined;
    case "EADDRINUSE":
      return new Failure(
        "port-in-use",
        `Port ${port} on ${hostAddress} is in use. Choose another port, or stop what listens there ("ss -ltnp" shows it).`,
      );
    case "EADDRNOTAVAIL":
      return new Failure(
        "address-invalid",
        `${hostAddress} is not an address of this machine. Choose one that "ip address" shows, or 127.0.0.1.`,
      );
    default:
      return new Failure(
        "address-invalid",
        `Port ${port} on ${hostAddress} cannot be opened (${code}). Choose another port.`,
      );
  }
}

function contextEndpoint(docker: Docker): Promise<string> {
  return dockerOutput(docker, ["context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]);
}

/** The error code of an attempt to listen; undefined when it succeeded. Ports under 1024 are the daemon's to open. */
function listenOnce(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "EACCES" ? undefined : (error.code ?? error.message));
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => {
        resolve(undefined);
      });
    });
  });
}

async function unwritableDirectory({ backupDirectory }: PreflightRequest): Promise<Failure | undefined> {
  if (backupDirectory === undefined) return undefined;
  const directory = path.resolve(backupDirectory);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return new Failure(
      "directory-not-writable",
      `The backup directory ${directory} cannot be written: ${reason}. Choose another directory, or give this user write permission.`,
    );
  }
}
