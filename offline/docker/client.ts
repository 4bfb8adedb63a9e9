import { createRequire } from "node:module";
import type Docker from "dockerode";

const load = createRequire(__filename);

const DEFAULT_HOST = "unix:///var/run/docker.sock";

/** Where the daemon listens, from the provider's `host`, else DOCKER_HOST, else the usual socket. */
export function dockerHost(config: Record<string, string>, environment: NodeJS.ProcessEnv): string {
  const hosts = [config["host"], environment["DOCKER_HOST"], DEFAULT_HOST];
  return hosts.find((host) => host !== undefined && host !== "") ?? DEFAULT_HOST;
}

/** Where the library connects to for an address; TLS is as DOCKER_CERT_PATH and DOCKER_TLS_VERIFY say. */
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
 * The client of a daemon by its address, made when it is first asked for: an update that changes nothing talks to no
 * daemon, and need not wait for the library to load.
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

/** What the daemon said, worded as the docker CLI and the official provider show it. */
export function daemonMessage(error: unknown): string {
  const { json, message } = error as DaemonError;
  return json?.message === undefined ? message : `Error response from daemon: ${json.message}`;
}

export function isMissing(error: unknown): boolean {
  return (error as DaemonError).statusCode === 404;
}

/** Adds what was attempted to an error of the daemon. */
export async function attempt<T>(what: string, action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw new Error(`${what}: ${daemonMessage(error)}`, { cause: error });
  }
}

/** What the daemon answers, or undefined where it has no such thing. */
export async function unlessMissing<T>(what: string, action: Promise<T>): Promise<T | undefined> {
  try {
    return await attempt(what, action);
  } catch (error) {
    if (isMissing((error as Error).cause)) return undefined;
    throw error;
  }
}
