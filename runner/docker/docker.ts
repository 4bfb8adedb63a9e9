import { execa, ExecaError, type Options } from "execa";
import { Failure } from "../lib/failure";

/** Everything goes through the docker command line, so that contexts, ssh and TLS work as the user set them up. */
export interface Docker {
  /** The environment of every docker process. */
  readonly env: NodeJS.ProcessEnv;
  /** The daemon's address as the user gave it; unset: the docker command line finds the daemon. */
  readonly address?: string | undefined;
  /** Aborted with a failure when the connection that carries all calls is lost. Unset: each call has its own. */
  readonly lost?: AbortSignal;
}

/** Each call connects by itself. */
export function directDocker(dockerHost: string | undefined): Docker {
  return {
    env: dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost },
    address: dockerHost ?? process.env["DOCKER_HOST"],
  };
}

/** Sockets of this program that stand for daemons on other hosts. */
const sockets = new Map<string, string>();

export function rememberSocket(socket: string, address: string): void {
  sockets.set(socket, address);
}

/** What the docker command line says, with the address that the user gave, not with a socket of this program. */
export function withAddress(said: string): string {
  let text = said;
  for (const [socket, address] of sockets)
    for (const form of [`unix://${socket}`, `http://${encodeURIComponent(socket)}`, socket])
      text = text.replaceAll(form, address);
  return text;
}

/** Starts `docker` with these arguments. */
export function spawnDocker<O extends Options>(docker: Docker, args: readonly string[], options: O) {
  return execa("docker", args, { ...options, env: { ...docker.env, ...options.env } });
}

/** The standard output of a docker command; fails if the command does. */
export async function dockerOutput(docker: Docker, args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await spawnDocker(docker, args, {});
    return stdout;
  } catch (error) {
    throw dockerFailure(error);
  }
}

/** Whether the daemon is on this machine, and so sees the same ports and folders. */
export async function isLocal(docker: Docker): Promise<boolean> {
  const format = ["--format", "{{.Endpoints.docker.Host}}"];
  const endpoint = docker.address ?? (await dockerOutput(docker, ["context", "inspect", ...format]));
  return /^(unix|npipe):/.test(endpoint);
}

/** Turns a failed docker process into a message for the user. */
export function dockerFailure(error: unknown, address?: string): unknown {
  if (!(error instanceof ExecaError)) return error;
  if (error.code === "ENOENT") {
    return new Failure(
      "docker-missing",
      "The docker command is not on PATH. Install the Docker command line, or add it to PATH.",
    );
  }
  if (error.timedOut) {
    return new Failure(
      "docker-unreachable",
      `The Docker daemon${address === undefined ? "" : ` at ${address}`} gives no answer. See whether it is overloaded, or restart it.`,
    );
  }
  const { stdout, stderr }: { stdout?: unknown; stderr?: unknown } = error;
  // Daemons of some versions say it on standard output.
  if (/exec: "sh": executable file not found/.test(`${String(stdout)} ${String(stderr)}`)) {
    return new Failure(
      "image-unsuitable",
      'The container has no shell, "sh", which starts every program there. Take an image that has one.',
    );
  }
  const said = typeof stderr === "string" ? withAddress(stderr.trim()) : "";
  if (/cannot connect to the docker daemon|error during connect|permission denied.*docker/i.test(said)) {
    return new Failure(
      "docker-unreachable",
      `No Docker daemon answers: ${said}\nStart it, or set DOCKER_HOST to the one that does.`,
    );
  }
  return new Failure("docker-failed", said === "" ? withAddress(error.shortMessage) : said);
}
