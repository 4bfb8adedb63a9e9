import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import path from "node:path";
import { findContainer, findContainers, type Inspection } from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import { type Docker, isLocal, spawnDocker } from "../docker/docker";
import { availableImage } from "../docker/image";
import { Attempts, Failure } from "../lib/failure";
import { checkKept, checkVolume, findVolume, knownOwner } from "./owner";
import { type DryStart, dryStart, scriptTarget } from "./dry-start";
import { checkPort } from "./ports";
import type { Progress } from "../lib/progress";
import { checkLogin } from "./ready";
import { ownerLabel, type PreflightRequest, type PreflightResult, ReadyRequest } from "../request";
import { checkWritable } from "../repository/folder/space";
import { openBackup } from "../repository/open";
import { isGood } from "../repository/repository";

/**
 * Finds everything that would keep a container from being created or its server from starting, and reports it in one message.
 * It runs before the stack's old container is removed. `again` is the output of the stack's last preflight; empty if that said
 * nothing, and undefined if there was none.
 */
export async function preflight(
  request: PreflightRequest,
  again: string | undefined,
  progress: Progress,
  signal: AbortSignal,
): Promise<PreflightResult> {
  const docker = await dockerFor(request.dockerHost, signal);
  const existing = await findContainer(docker, request.container);
  const volume = request.volume === undefined ? undefined : await findVolume(docker, request.volume);
  const last = knownOwner(again, { container: existing, volume });
  const known = { ...last, owner: request.owner ?? last.owner };
  const own = await findContainers(docker, `label=${ownerLabel}=${known.owner}`);
  const attempts = new Attempts();
  attempts.runSync(() => {
    checkName(request, known.owner, existing);
  });
  const adopted = await attempts.run(() => checkVolume(docker, request, known, volume));
  await attempts.run(() => checkKept(docker, request, known));
  await attempts.run(() => checkPort(docker, request, own));
  await attempts.run(() => checkNetwork(docker, request));
  const folder = await attempts.run(() => checkBackupDirectory(request));
  const scripts = await attempts.run(() => checkInitScripts(docker, request));
  const served = own.find((container) => request.volume !== undefined && mounts(container, request.volume));
  await attempts.run(() => checkLogins(docker, request, served, signal));
  if (served === undefined) await attempts.run(() => checkBackup(request, signal));
  const start = await attempts.run(() => startOf(docker, request, progress, signal));
  // Wrong files were reported above; the server is tried without them.
  const startable = {
    ...request,
    ...(folder === undefined ? { backupDirectory: undefined } : {}),
    initScripts: scripts ?? [],
  };
  if (start !== undefined) await dryStart(docker, startable, start, attempts, signal);
  attempts.end();
  return {
    owner: known.owner,
    adopted: [...(adopted ?? [])],
    ...(request.volume === undefined ? {} : { volume: request.volume }),
  };
}

const mounts = ({ Mounts }: Inspection, volume: string) =>
  Mounts.some(({ Type, Name }) => Type === "volume" && Name === volume);

function checkName(request: PreflightRequest, owner: string, existing: Inspection | undefined): void {
  if (existing === undefined || existing.Config.Labels?.[ownerLabel] === owner) return;
  throw new Failure(
    "container-name-taken",
    `Container "${request.container}" exists already and does not belong to this stack. Choose another container name, ` +
      `or remove it ("docker rm ${request.container}") if nobody needs it; to back it up as it is, give its name to a TableBackup.`,
  );
}

async function checkNetwork(docker: Docker, { network }: PreflightRequest): Promise<void> {
  if (network === undefined) return;
  const inspect = ["network", "inspect", "--format", "{{.Driver}} {{.Scope}} {{.Attachable}}", "--", network];
  const { failed, stdout, stderr } = await spawnDocker(docker, inspect, { reject: false });
  if (failed) {
    throw new Failure(
      "network-unsuitable",
      `There is no Docker network "${network}": ${stderr.trim()}\nCreate it ("docker network create ${network}"), or choose one ` +
        `that "docker network ls" shows.`,
    );
  }
  if (/^(host|null) | swarm false$/.test(stdout)) {
    throw new Failure(
      "network-unsuitable",
      `A container cannot be connected to the Docker network "${network}" and publish a port. Choose one of the kind bridge.`,
    );
  }
}

/** Makes the directory, because Docker would make it for root only. */
async function checkBackupDirectory({ backupDirectory, dryRun }: PreflightRequest): Promise<string> {
  if (backupDirectory === undefined) return "";
  const directory = path.resolve(backupDirectory);
  await checkWritable(directory);
  if (!dryRun) await mkdir(directory, { recursive: true, mode: 0o700 });
  return directory;
}

/** Returns the scripts. If the daemon is on another machine, only Docker can tell which files are missing. */
async function checkInitScripts(docker: Docker, { initScripts }: PreflightRequest): Promise<string[]> {
  const twice = initScripts.filter(
    (script, index) => initScripts.findIndex((other) => scriptTarget(other) === scriptTarget(script)) < index,
  );
  const local = initScripts.length > 0 && (await isLocal(docker));
  const missing: string[] = [];
  for (const script of local ? initScripts : []) {
    await access(path.resolve(script), constants.R_OK).catch((error: unknown) => {
      missing.push(error instanceof Error ? error.message : String(error));
    });
  }
  const problems = [
    ...(missing.length === 0 ? [] : [`Init scripts cannot be read: ${missing.join("; ")}.`]),
    ...(twice.length === 0 ? [] : [`Several init scripts have the name of ${twice.join(", ")}.`]),
  ];
  if (problems.length === 0) return [...initScripts];
  throw new Failure(
    "init-script-not-readable",
    `${problems.join(" ")} Correct initScripts, or the files. Nothing was changed.`,
  );
}

/** Role and database are created with an empty volume only. A server that runs on the volume must have them. */
async function checkLogins(
  docker: Docker,
  { user, database }: PreflightRequest,
  served: Inspection | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (served === undefined || !served.State.Running || served.State.Paused || served.State.Restarting) return;
  const request = ReadyRequest.parse({ container: served.Name.slice(1), user, database });
  await checkLogin(docker, served, request, signal);
}

/** A restore runs once for a volume, so only a new volume needs the backup. */
async function checkBackup({ restoreFrom, volume }: PreflightRequest, signal: AbortSignal): Promise<void> {
  if (restoreFrom === undefined) return;
  const { found } = await openBackup(restoreFrom, signal);
  if (isGood(found)) return;
  throw new Failure(
    "manifest-unreadable",
    `The backup ${found.location}, which volume "${volume ?? ""}" is to be filled from, is damaged: ${found.problem}. ` +
      "Choose another one in restoreFrom.",
  );
}

const imageRemedy =
  'Correct image; or pull it by hand ("docker pull"), after "docker login" where it is private. Nothing was changed.';

/** Makes the image available; returns what its start needs to know. */
async function startOf(
  docker: Docker,
  request: PreflightRequest,
  progress: Progress,
  signal: AbortSignal,
): Promise<DryStart | undefined> {
  const { image, volume, dataFolder: mounted } = request;
  if (image === undefined || request.dryRun) return undefined;
  progress.note(`Trying a start of the image ${image}.`);
  const { Config } = await availableImage(docker, image, imageRemedy, signal).catch((error: unknown) => {
    const missing = error instanceof Failure && error.code === "docker-failed";
    throw missing ? new Failure("image-not-available", error.message) : error;
  });
  const set = (Config.Env ?? []).find((variable) => variable.startsWith("PGDATA="))?.slice("PGDATA=".length);
  const dataFolder = path.posix.normalize(request.environment["PGDATA"] ?? set ?? mounted);
  if (dataFolder !== mounted && !dataFolder.startsWith(`${mounted}/`)) {
    throw new Failure(
      "image-unsuitable",
      `The server of the image ${image} keeps its data in ${dataFolder}, but the volume is mounted at ${mounted}: the data would ` +
        "go with the container. Nothing was changed. Choose a tag that begins with the major version of PostgreSQL, such as " +
        "postgis/postgis:17-3.5, or correct PGDATA in environment.",
    );
  }
  return { image, dataFolder, hasVolume: volume !== undefined && (await volumeExists(docker, volume)) };
}

async function volumeExists(docker: Docker, volume: string): Promise<boolean> {
  const inspect = ["volume", "inspect", "--format", "{{.Name}}", "--", volume];
  const { failed, stderr } = await spawnDocker(docker, inspect, { reject: false });
  if (!failed) return true;
  if (/no such volume/i.test(stderr)) return false;
  throw new Failure("docker-failed", stderr);
}
