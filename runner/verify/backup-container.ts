/** A throwaway container of a PostGIS image that can read the files of a backup. */
import path from "node:path";
import { Failure } from "../lib/failure";
import type { BackupFiles, StoredFile } from "../repository/files";
import { readChecked } from "../repository/checksums";
import { writeTar } from "../lib/tar";
import { type Docker, dockerFailure, spawnDocker } from "../docker/docker";
import { callerIds } from "../docker/exec";
import { findImage, type WantedImage } from "../docker/image";
import { bindMount, startThrowaway, type Throwaway } from "../docker/throwaway";
import { prepareFile } from "../repository/layout";

/** Where the backup is in the container. */
const target = "/postgis-backup";

export interface BackupContainer extends Throwaway {
  /** It sees the backup's own files, not copies. */
  readonly mounted: boolean;
  /** Folder of the backup in the container, and a user who can read it. */
  readonly folder: string;
  readonly user: string;
}

interface MountedContainerOptions {
  readonly image: string;
  readonly files: Pick<BackupFiles, "location" | "folder">;
  /** What runs in it; by default nothing. */
  readonly command?: readonly string[];
}

interface BackupContainerOptions extends WantedImage {
  readonly files: BackupFiles;
  /** Files that are copied if the container cannot see the backup's own. */
  readonly copied: readonly StoredFile[];
  /** Options of the server that is started; without them, no server runs. */
  readonly server?: readonly string[];
}

/**
 * Starts it with the backup's folder mounted. If there is no folder, or a daemon on another machine does not see it, files are
 * copied into the container and checked on their way.
 */
export async function startBackupContainer(
  docker: Docker,
  { image: wanted, asked, files, copied, server }: BackupContainerOptions,
  signal: AbortSignal,
): Promise<BackupContainer> {
  const { id: image, entrypoint } = await findImage(docker, { image: wanted, asked });
  const command = server && [...entrypoint, "postgres", ...server];
  const options = { image, files, ...(command ? { command } : {}) };
  const mounted = await startMountedContainer(docker, options, signal);
  if (mounted !== undefined) return mounted;
  const started = await start(docker, options, [], signal);
  const container = { ...started, mounted: false, folder: target, user: "0:0" };
  try {
    await copyFiles(docker, container, files, copied, signal);
    return container;
  } catch (error) {
    await container.close();
    throw error;
  }
}

/** Parallel index builds need shared memory. */
const shmSize = "1g";

/** Code from a backup runs in the container. It keeps only the capabilities with which an image's entry point changes to its own user. */
const confinement = [
  ...["--pull", "never", "--security-opt", "no-new-privileges", "--pids-limit", "4096", "--cap-drop", "ALL"],
  ...["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"].flatMap((right) => ["--cap-add", right]),
];

/** The server gets no init scripts: they would only fill databases that nobody reads. */
function start(
  docker: Docker,
  { image, files, command = ["sleep", "infinity"] }: MountedContainerOptions,
  options: readonly string[],
  signal: AbortSignal,
): Promise<Throwaway> {
  return startThrowaway(
    docker,
    {
      image,
      purpose: files.location,
      env: {
        POSTGRES_HOST_AUTH_METHOD: "trust",
        POSTGRES_USER: "postgres",
        POSTGRES_DB: "postgres",
        POSTGRES_INITDB_ARGS: "--no-sync",
      },
      options: [...confinement, "--shm-size", shmSize, "--tmpfs", "/docker-entrypoint-initdb.d", ...options],
      command,
    },
    signal,
  );
}

/** Undefined if there is no folder, or the daemon or the user in the container does not see it. */
export async function startMountedContainer(
  docker: Docker,
  options: MountedContainerOptions,
  signal: AbortSignal,
): Promise<BackupContainer | undefined> {
  const { folder } = options.files;
  if (folder === undefined) return undefined;
  const mount = `${bindMount(folder, target)},readonly`;
  let container: Throwaway;
  try {
    container = await start(docker, options, ["--mount", mount], signal);
  } catch (error) {
    if (error instanceof Failure && /bind source path does not exist/i.test(error.message)) return undefined;
    throw error;
  }
  const user = callerIds();
  // The daemon's machine may have another folder under the same path.
  const probe = ["exec", "--user", user, container.name, "test", "-r", path.posix.join(target, prepareFile)];
  const { failed } = await spawnDocker(docker, probe, { reject: false });
  if (!failed) return { ...container, mounted: true, folder: target, user };
  await container.close();
  return undefined;
}

/** Copies files of a backup into the container. */
export async function copyFiles(
  docker: Docker,
  { name, folder }: Pick<BackupContainer, "name" | "folder">,
  files: BackupFiles,
  copied: readonly StoredFile[],
  signal: AbortSignal,
): Promise<void> {
  const tar = copied.map((recorded) => ({
    path: path.posix.join(path.posix.relative("/", folder), recorded.path),
    bytes: recorded.bytes,
    content: readChecked(files, recorded),
  }));
  const copy = spawnDocker(docker, ["cp", "-", `${name}:/`], { stdin: "pipe", cancelSignal: signal });
  const [written, copying] = await Promise.allSettled([writeTar(tar, new Date(), copy.stdin, signal), copy]);
  if (written.status === "rejected" && written.reason instanceof Failure) throw written.reason;
  if (copying.status === "rejected") throw copyFailure(copying.reason);
  if (written.status === "rejected") throw written.reason;
}

function copyFailure(error: unknown): unknown {
  const failure = dockerFailure(error);
  if (!(failure instanceof Failure && /no space left on device/i.test(failure.message))) return failure;
  return new Failure(
    "space-insufficient",
    `The disk is too small for the archive in a throwaway container: ${failure.message}\n` +
      'Free space where Docker keeps its containers ("docker info" says where).',
  );
}
