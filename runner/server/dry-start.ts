/**
 * Starts the new image like the new container, but beside the old one and without its data. So errors that keep the server from
 * starting show while the old server still runs.
 */
import { Attempts, Failure } from "../lib/failure";
import { type Docker, spawnDocker } from "../docker/docker";
import { shell } from "../docker/exec";
import { startThrowaway, type Throwaway, bindMount } from "../docker/throwaway";
import type { PreflightRequest } from "../request";
import path from "node:path";
import checkSettings from "./check-settings.sh";
import copySettings from "./copy-settings.sh";
import findData from "./find-data.sh";
import hasPostgis from "./has-postgis.sh";
import makeData from "./make-data.sh";
import prepareData from "./prepare-data.sh";
import startServer from "./start-server.sh";
import unreadableFiles from "./unreadable-files.sh";

/** Where the throwaway container sees the data volume, which it cannot write. */
const volumeFolder = "/postgis-backup/volume";

export interface DryStart {
  readonly image: string;
  /** Folder of the server's data, by the image or the container's variables. */
  readonly dataFolder: string;
  /** The data volume exists. */
  readonly hasVolume: boolean;
}

interface Ran {
  readonly ok: boolean;
  readonly stdout: string;
  readonly all: string;
}

/** Collects everything that keeps this server from starting. */
export async function dryStart(
  docker: Docker,
  request: PreflightRequest,
  start: DryStart,
  attempts: Attempts,
  signal: AbortSignal,
): Promise<void> {
  const container = await attempts.run(() => startContainer(docker, request, start, signal));
  if (container === undefined) return;
  const run = async (user: string, script: string, ...args: readonly string[]): Promise<Ran> => {
    const command = ["exec", "--user", user, container.name, ...shell(script, ...args)];
    const { failed, stdout, all } = await spawnDocker(docker, command, {
      reject: false,
      all: true,
      cancelSignal: signal,
    });
    signal.throwIfAborted();
    return { ok: !failed, stdout, all };
  };
  try {
    await attempts.run(() => checkScripts(request, run));
    await attempts.run(() => checkServer(request, start, run));
  } finally {
    await container.close();
  }
}

async function startContainer(
  docker: Docker,
  request: PreflightRequest,
  { image, dataFolder, hasVolume }: DryStart,
  signal: AbortSignal,
): Promise<Throwaway> {
  const { memory, shmSize, volume, environment, container } = request;
  const options = [
    ...(memory === 0 ? [] : ["--memory", `${memory}m`, "--memory-swap", `${2 * memory}m`]),
    ...(shmSize === 0 ? [] : ["--shm-size", `${shmSize}m`]),
    ...(hasVolume && volume !== undefined
      ? ["--mount", `type=volume,source=${volume},target=${volumeFolder},readonly,volume-nocopy`]
      : []),
    ...bindMounts(request).flatMap((mount) => ["--mount", mount]),
    ...["--user", "root"],
  ];
  try {
    return await startThrowaway(
      docker,
      {
        image,
        purpose: `preflight of ${container}`,
        env: { ...environment, PGDATA: dataFolder },
        options,
        command: ["sleep", "infinity"],
      },
      signal,
    );
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== "docker-failed") throw error;
    throw new Failure(
      "docker-failed",
      `Docker does not start a container of the image ${image} with these arguments: ${error.message}\n` +
        "Correct image, memory, shmSize, backupDirectory or initScripts. Nothing was changed.",
    );
  }
}

type Run = (user: string, script: string, ...args: readonly string[]) => Promise<Ran>;

async function checkScripts({ initScripts }: PreflightRequest, run: Run): Promise<void> {
  if (initScripts.length === 0) return;
  const targets = initScripts.map(scriptTarget);
  const { stdout } = await run("postgres", unreadableFiles, ...targets);
  const failing = initScripts.filter((script) => stdout.split("\n").includes(scriptTarget(script)));
  if (failing.length === 0) return;
  throw new Failure(
    "init-script-not-readable",
    `The user postgres of the image cannot read ${failing.join(", ")}. Let everybody read: "chmod a+r ${failing.join(" ")}".`,
  );
}

async function checkServer(request: PreflightRequest, start: DryStart, run: Run): Promise<void> {
  const { image, dataFolder } = start;
  const version = await run("postgres", "postgres --version");
  const major = /PostgreSQL\)? (\d+)/.exec(version.stdout)?.[1];
  if (!version.ok || major === undefined) {
    throw new Failure(
      "image-unsuitable",
      `The image ${image} has no PostgreSQL: ${version.all}\nChoose one with PostgreSQL and PostGIS, such as postgis/postgis:17-3.5.`,
    );
  }
  if (!(await run("postgres", hasPostgis)).ok) {
    throw new Failure(
      "image-unsuitable",
      `The image ${image} has PostgreSQL ${major}, but not PostGIS. Choose one with both, such as postgis/postgis:${major}-3.5.`,
    );
  }
  const hasData = start.hasVolume && (await checkData(request, start, major, run));
  const prepared = await run("root", prepareData, dataFolder);
  const made = prepared.ok ? await run("postgres", makeData, dataFolder) : prepared;
  if (!made.ok) {
    throw new Failure(
      "settings-refused",
      `The image ${image} cannot make the data of a server with these arguments: ${lastLines(made.all)}\n` +
        "Correct environment or memory. Nothing was changed.",
    );
  }
  const { dataFolder: mounted } = request;
  if (hasData)
    await run("root", copySettings, `${volumeFolder}${dataFolder.slice(mounted.length)}`, dataFolder);
  await checkSettingsOf(request, start, run);
}

/** Whether the volume has data. Fails if the image's server could not use it. */
async function checkData(
  { volume = "", dataFolder: mounted }: PreflightRequest,
  { image, dataFolder }: DryStart,
  major: string,
  run: Run,
): Promise<boolean> {
  const { stdout } = await run("root", findData, volumeFolder);
  const found = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({
      version: line.slice(0, line.indexOf(" ")),
      folder: `${mounted}${line.slice(line.indexOf(" ") + 1)}`,
    }));
  const here = found.find(({ folder }) => folder === dataFolder);
  if (here?.version === major) return true;
  const other = here ?? found[0];
  if (other === undefined) return false;
  if (other.version !== major) {
    throw new Failure(
      "data-unsuitable",
      `Volume ${volume} has the data of PostgreSQL ${other.version}, which PostgreSQL ${major} of the image ${image} cannot ` +
        `read. Nothing was changed. To move to another major version, declare a second PostgisContainer with that image and ` +
        `"standby: true", and a Migration to it; or keep an image with PostgreSQL ${other.version}.`,
    );
  }
  throw new Failure(
    "data-unsuitable",
    `Volume ${volume} has its data in ${other.folder}, but the server would look for them in ${dataFolder}, and begin with ` +
      `an empty database there. Nothing was changed. Correct PGDATA in environment, or the image.`,
  );
}

async function checkSettingsOf(
  { settings, memory }: PreflightRequest,
  { image, dataFolder }: DryStart,
  run: Run,
): Promise<void> {
  const given = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  const refused = await run("postgres", checkSettings, dataFolder, ...given);
  if (refused.stdout !== "") throw settingsRefused(image, bare(refused.stdout));
  const options = given.flatMap((setting) => ["-c", setting]);
  const started = await run("postgres", startServer, dataFolder, ...options);
  if (started.ok) return;
  const limit = memory === 0 ? "" : ` and a memory limit of ${memory} MiB`;
  throw settingsRefused(`${image}${limit}`, lastLines(bare(started.all)));
}

function settingsRefused(what: string, said: string): Failure {
  return new Failure(
    "settings-refused",
    `The server does not start with these settings, the image ${what}:\n${said}\nCorrect settings. Nothing was changed.`,
  );
}

/** Cuts off the time and process before each line of the server's log. */
const bare = (log: string) => log.replace(/^.*?\b(?=(FATAL|ERROR|PANIC|LOG|DETAIL|HINT|WARNING): )/gm, "");

const lastLines = (text: string) => text.trim().split("\n").slice(-12).join("\n");

export const scriptTarget = (script: string) => `/docker-entrypoint-initdb.d/${path.basename(script)}`;

function bindMounts({ backupDirectory, initScripts }: PreflightRequest): string[] {
  return [
    ...(backupDirectory === undefined ? [] : [bindMount(backupDirectory, "/backups")]),
    ...initScripts.map((script) => `${bindMount(script, scriptTarget(script))},readonly`),
  ];
}
