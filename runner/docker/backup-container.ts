/** A throwaway container of a PostGIS image in which a backup's folder can be read. */
import path from "node:path";
import { prepareFile } from "../restore-command";
import { Failure } from "../failure";
import { type Docker, dockerFailure, spawnDocker } from "./docker";
import { callerIds } from "./exec";
import { imageEntrypoint } from "./image";
import { startThrowaway, type Throwaway } from "./throwaway";

/** Where the backup is in the container. */
const target = "/postgis-backup";

export interface BackupContainer extends Throwaway {
  /** Folder of the backup in the container, and a user who can read it. */
  readonly folder: string;
  readonly user: string;
}

export interface BackupContainerOptions {
  readonly image: string;
  /** The backup's folder on this machine. */
  readonly folder: string;
  /** Options of the server that is to be started; without them, nothing runs. */
  readonly server?: readonly string[];
}

/**
 * Starts it with the folder mounted, or, where the daemon is on another machine and does not see the folder, with a copy.
 * The server gets no init scripts, which would only fill databases that nobody looks at.
 */
export async function startBackupContainer(
  docker: Docker,
  { image, folder, server }: BackupContainerOptions,
  signal: AbortSignal,
): Promise<BackupContainer> {
  const entrypoint = await imageEntrypoint(docker, image);
  const start = (options: readonly string[]) =>
    startThrowaway(
      docker,
      {
        image,
        purpose: folder,
        env: {
          POSTGRES_HOST_AUTH_METHOD: "trust",
          POSTGRES_USER: "postgres",
          POSTGRES_DB: "postgres",
          POSTGRES_INITDB_ARGS: "--no-sync",
        },
        options: ["--shm-size", shmSize, "--tmpfs", "/docker-entrypoint-initdb.d", ...options],
        command: server === undefined ? ["sleep", "infinity"] : [...entrypoint, "postgres", ...server],
      },
      signal,
    );
  return (await withMount(docker, folder, start)) ?? withCopy(docker, folder, await start([]), signal);
}

/** Parallel index builds share memory there. */
const shmSize = "1g";

type Start = (options: readonly string[]) => Promise<Throwaway>;

/** Undefined where the daemon, or the user in the container, does not see the folder. */
async function withMount(docker: Docker, folder: string, start: Start): Promise<BackupContainer | undefined> {
  const mount = ["type=bind", csvField(`source=${folder}`), `target=${target}`, "readonly"].join(",");
  let container: Throwaway;
  try {
    container = await start(["--mount", mount]);
  } catch (error) {
    if (error instanceof Failure && /bind source path does not exist/i.test(error.message)) return undefined;
    throw error;
  }
  const user = callerIds();
  // A folder of the same path on the daemon's machine is not this backup.
  const probe = ["exec", "--user", user, container.name, "test", "-r", path.posix.join(target, prepareFile)];
  const { failed } = await spawnDocker(docker, probe, { reject: false });
  if (!failed) return { ...container, folder: target, user };
  await container.close();
  return undefined;
}

async function withCopy(
  docker: Docker,
  folder: string,
  container: Throwaway,
  signal: AbortSignal,
): Promise<BackupContainer> {
  try {
    await spawnDocker(docker, ["cp", `${folder}/.`, `${container.name}:${target}`], { cancelSignal: signal });
    return { ...container, folder: target, user: "0:0" };
  } catch (error) {
    await container.close();
    throw dockerFailure(error);
  }
}

/** The value of --mount is one line of CSV. */
function csvField(text: string): string {
  return /[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
