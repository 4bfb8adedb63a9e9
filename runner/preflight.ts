import { mkdir } from "node:fs/promises";
import net from "node:net";
import path from "node:path";
import { findContainer, type Inspection } from "./docker/container";
import { type Docker, docker as dockerFor, dockerOutput } from "./docker/docker";
import { Attempts, Failure } from "./failure";
import { checkKept, checkVolume, findVolume, knownOwner } from "./owner";
import { ownerLabel, type PreflightRequest, type PreflightResult } from "./request";
import { checkWritable } from "./store/destination";

/**
 * Looks for everything that would keep a container from being created, and reports all of it in one message. `again` is what the last
 * preflight of the same stack said; empty if it said nothing, and undefined if there was none.
 */
export async function preflight(
  request: PreflightRequest,
  again: string | undefined,
): Promise<PreflightResult> {
  const docker = dockerFor(request.dockerHost);
  const existing = await findContainer(docker, request.container);
  const volume = request.volume === undefined ? undefined : await findVolume(docker, request.volume);
  const last = knownOwner(again, { container: existing, volume });
  const known = { ...last, owner: request.owner ?? last.owner };
  const attempts = new Attempts();
  attempts.runSync(() => {
    checkName(request, known.owner, existing);
  });
  const adopted = await attempts.run(() => checkVolume(docker, request, known, volume));
  await attempts.run(() => checkKept(docker, request, known));
  await attempts.run(() => checkPort(docker, request, existing));
  await attempts.run(() => checkBackupDirectory(request));
  attempts.end();
  return {
    owner: known.owner,
    adopted: [...(adopted ?? [])],
    ...(request.volume === undefined ? {} : { volume: request.volume }),
  };
}

function checkName(request: PreflightRequest, owner: string, existing: Inspection | undefined): void {
  if (existing === undefined || existing.Config.Labels?.[ownerLabel] === owner) return;
  throw new Failure(
    "container-name-taken",
    `Container "${request.container}" exists already and does not belong to this stack. Choose another container name, ` +
      `or remove it ("docker rm ${request.container}") if nobody needs it; to back it up as it is, give its name to a TableBackup.`,
  );
}

/** The port is looked at by listening on it, which says something only where the daemon is on this machine. */
async function checkPort(
  docker: Docker,
  { hostAddress, port }: PreflightRequest,
  existing: Inspection | undefined,
): Promise<void> {
  if (port === undefined) return;
  const ours = Object.values(existing?.HostConfig.PortBindings ?? {}).flatMap((bindings) => bindings ?? []);
  if (ours.some(({ HostPort }) => HostPort === String(port))) return;
  const endpoint = docker.env["DOCKER_HOST"] ?? process.env["DOCKER_HOST"] ?? (await contextEndpoint(docker));
  if (!/^(unix|npipe):/.test(endpoint)) return;
  const code = await listenOnce(hostAddress, port);
  switch (code) {
    case undefined:
      return;
    case "EADDRINUSE":
      throw new Failure(
        "port-in-use",
        `Port ${port} on ${hostAddress} is in use. Choose another port, or stop what listens there ("ss -ltnp" shows it).`,
      );
    case "EADDRNOTAVAIL":
      throw new Failure(
        "address-invalid",
        `${hostAddress} is not an address of this machine. Choose one that "ip address" shows, or 127.0.0.1.`,
      );
    default:
      throw new Failure(
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

/** The directory is made, because Docker would make it for root alone. */
async function checkBackupDirectory({ backupDirectory }: PreflightRequest): Promise<void> {
  if (backupDirectory === undefined) return;
  const directory = path.resolve(backupDirectory);
  await checkWritable(directory);
  await mkdir(directory, { recursive: true, mode: 0o700 });
}
