/** Finds the server that runs in a container, and where it listens, by its own files and processes. */
import { ExecaError } from "execa";
import type { Inspection } from "../../docker/container";
import { type Docker, dockerFailure, spawnDocker } from "../../docker/docker";
import { shell } from "../../docker/exec";
import { Failure } from "../../lib/failure";
import look from "./find-server.sh";

export interface RunningServer {
  /** The id of the postmaster's process in the container. */
  readonly pid: number;
  readonly dataDirectory: string;
  /** Major version. */
  readonly version: number;
  readonly port: number;
  /** The folder of its socket; undefined if it has none. */
  readonly socket: string | undefined;
  /** The address on which it listens for TCP; undefined if it does not. */
  readonly address: string | undefined;
  /** Its own files say that it accepts connections. */
  readonly ready: boolean;
}

interface Sighting extends RunningServer {
  /** Its command line. */
  readonly command: string;
}

/** The programs that are run in a container with a server, and have no substitute. */
const needed = [
  ...["psql", "pg_dump", "pg_restore"],
  ...["cat", "env", "head", "mktemp", "rm", "sleep", "tr"],
];

/** What one user sees in the container. */
export interface View {
  readonly servers: readonly Sighting[];
  /** Command lines of the shells that run. */
  readonly shells: readonly string[];
  /** PGPORT of the container. */
  readonly port: string;
  /** Ids of other users who have a server. */
  readonly users: readonly string[];
  /** The programs of {@link needed} that are not there. */
  readonly lacking: readonly string[];
}

/** Fails if the container has no server, only the one of its first start, or several of which PGPORT names none. */
export async function findServer(
  docker: Docker,
  container: Pick<Inspection, "Id" | "Name" | "Config">,
  signal: AbortSignal,
): Promise<RunningServer> {
  return chooseServer(container.Name.replace(/^\//, ""), await lookAround(docker, container, signal));
}

/** Chooses among the servers of a container. */
export function chooseServer(container: string, { servers, port, shells, lacking }: View): RunningServer {
  const firstStart = shells.some((shell) => /^(\S*\/)?\w*sh (-\S+ )*\S*entrypoint/.test(shell));
  const begun = servers.filter((server) => !(firstStart && initialises(server)));
  const [only, ...others] = begun;
  if (only === undefined) {
    throw firstStart
      ? new Failure(
          "server-not-ready",
          `Container "${container}" is still initialising its database: the server that runs the init scripts is not the one that will ` +
            'have the data. Wait with "postgis-backup ready", then try again.',
        )
      : new Failure(
          "server-not-found",
          `No PostgreSQL server runs in container "${container}". See "docker logs ${container}"; or name the container that the server ` +
            "itself runs in, not one that shares its network or has only a pooler such as pgbouncer.",
        );
  }
  if (lacking.length > 0) {
    throw new Failure(
      "image-unsuitable",
      `Container "${container}" has a server, but lacks programs that are run beside it, or they are not on its PATH: ${lacking.join(", ")}. ` +
        "Take an image that has them: psql, pg_dump and pg_restore are PostgreSQL's, the others are in coreutils or busybox.",
    );
  }
  if (others.length === 0) return only;
  const meant = begun.filter((server) => String(server.port) === port);
  if (meant.length === 1 && meant[0] !== undefined) return meant[0];
  const all = begun.map((server) => `port ${server.port} with ${server.dataDirectory}`).join(", ");
  throw new Failure(
    "server-not-found",
    `${begun.length} PostgreSQL servers run in container "${container}": ${all}. ` +
      "Say which one is meant by the variable PGPORT of the container.",
  );
}

/**
 * The images start a first server for their init scripts, with pg_ctl and without TCP, while the entry point's script waits.
 * Later the real server replaces that script.
 */
function initialises({ address, command }: Sighting): boolean {
  return address === undefined && /^\/\S+ -D .*listen_addresses=(''|"")?( |$)/.test(command);
}

/** Looks as the user that servers usually run as, and then as other users who have servers. */
async function lookAround(
  docker: Docker,
  container: Pick<Inspection, "Id" | "Config">,
  signal: AbortSignal,
): Promise<View> {
  const own = container.Config.User ?? "";
  const usual = /^(root|0)?(:.*)?$/.test(own) ? "postgres" : own;
  const view =
    (await lookAs(docker, container.Id, usual, signal)) ??
    (await lookAs(docker, container.Id, "0:0", signal));
  const others = new Set(view?.users ?? []);
  const views = [
    view,
    ...(await Promise.all([...others].map((user) => lookAs(docker, container.Id, user, signal)))),
  ];
  const seen = views.filter((one) => one !== undefined);
  const servers = new Map(seen.flatMap((one) => one.servers).map((server) => [server.pid, server]));
  return {
    servers: [...servers.values()],
    shells: seen.flatMap(({ shells }) => shells),
    port: view?.port ?? "",
    users: [...others],
    lacking: view?.lacking ?? [],
  };
}

/** Undefined if the container does not know the user. */
async function lookAs(
  docker: Docker,
  id: string,
  user: string,
  signal: AbortSignal,
): Promise<View | undefined> {
  try {
    const args = ["exec", "--user", user, id, ...shell(look, ...needed)];
    const { stdout } = await spawnDocker(docker, args, { cancelSignal: signal });
    return readSightings(stdout);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExecaError && /unable to find user/i.test(String(error.stderr))) return undefined;
    throw dockerFailure(error);
  }
}

/** Reads what the script printed. */
export function readSightings(printed: string): View {
  const [about = [], ...servers] = split(printed.split("\n"));
  const of = (lines: readonly string[], word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const all = [about, ...servers].flat();
  return {
    port: of(all, "port")[0] ?? "",
    users: of(all, "user"),
    lacking: of(all, "lacks"),
    shells: of(all, "shell"),
    servers: servers.flatMap((lines) => {
      // https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
      const [pid, dataDirectory = "", , port, socket = "", address = "", memory, status = ""] = of(
        lines,
        "file",
      );
      // A server that is still starting has not written all lines.
      if (port === undefined || memory === undefined) return [];
      return {
        pid: Number(pid),
        dataDirectory,
        version: Number.parseInt(of(lines, "version")[0] ?? "", 10),
        port: Number(port),
        socket: socket === "" ? undefined : socket,
        address: address === "" ? undefined : address,
        ready: /^(ready|standby)/.test(status),
        command: of(lines, "command")[0] ?? "",
      };
    }),
  };
}

/** The lines before the first server, and the lines of each server. */
function split(lines: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  for (const line of lines) {
    if (line === "server") parts.push([]);
    else parts.at(-1)?.push(line);
  }
  return parts;
}
