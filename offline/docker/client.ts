import { createRequire } from "node:module";
import type Docker from "dockerode";

const load = createRequire(__filename);

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** The address of the daemon: the provider's `host`, otherwise DOCKER_HOST, otherwise the default socket. */
export function dockerHost(config: Record<string, string>, environment: NodeJS.ProcessEnv): string {
  const hosts = [config["host"], environment["DOCKER_HOST"], DEFAULT_HOST];
  return hosts.find((host) => host !== undefined && host !== "") ?? DEFAULT_HOST;
}

/** The options of the library for an address. DOCKER_CERT_PATH and DOCKER_TLS_VERIFY decide about TLS. */
function connection(host: string): Docker.DockerOptions {
  const url = new URL(host);
  switch (url.protocol) {
    case "unix:":
      return { socketPath: url.pathname };
    case "tcp:":
    case "http:":
      if (process.env["DOCKER_CERT_PATH"] !== undefined) {
        throw new Error("offline docker provider does not cover TLS; use a unix socket or plain tcp");
      }
      return { protocol: "http", host: url.hostname, port: url.port || 2375 };
    default:
      throw new Error(`offline docker provider does not cover the host ${host}; it covers unix and tcp`);
  }
}

/**
 * The client of a daemon. It is created on first use, because an update without changes needs no daemon and should
 * not wait until the library is loaded.
 */
export function dockerClient(host: string): () => Docker {
  const options = connection(host);
  let client: Docker | undefined;
  return () => (client ??= new (load("dockerode") as typeof Docker)(options));
}

interface DaemonError {
  statusCode?: number;
  json?: { message?: string };
  message: string;
}

/** The daemon's message, as the docker CLI and the official provider show it. */
export function daemonMessage(error: unknown): string {
  const { json, message } = error as DaemonError;
  return json?.message === undefined ? message : `Error response from daemon: ${json.message}`;
}

export function isMissing(error: unknown): boolean {
  return (error as DaemonError).statusCode === 404;
}

/** Adds the attempted operation to an error of the daemon. */
export async function attempt<T>(what: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw new Error(`${what}: ${daemonMessage(error)}`, { cause: error });
  }
}

/** Returns the daemon's answer, or undefined if the object does not exist. */
export async function unlessMissing<T>(what: string, action: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt(what, action);
  } catch (error) {
    if (isMissing((error as Error).cause)) return undefined;
    throw error;
  }
}
