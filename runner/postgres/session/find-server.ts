/** The server that runs in a container, and where it listens, as its own files and processes say. */
import { ExecaError } from "execa";
import type { Inspection } from "../../docker/container";
import { type Docker, dockerFailure, spawnDocker } from "../../docker/docker";
import { Failure } from "../../lib/failure";

export interface RunningServer {
  /** Process id of the postmaster, as the container counts. */
  readonly pid: number;
  readonly dataDirectory: string;
  /** Major version. */
  readonly version: number;
  readonly port: number;
  /** Folder of its socket; undefined where it has none. */
  readonly socket: string | undefined;
  /** Where it listens for TCP; undefined where it does not. */
  readonly address: string | undefined;
  /** It takes connections, as far as it knows itself. */
  readonly ready: boolean;
}

interface Sighting extends RunningServer {
  /** Its command line. */
  readonly command: string;
}

/** What one user sees in the container. */
export interface View {
  readonly servers: readonly Sighting[];
  /** Command lines of the shells that run. */
  readonly shells: readonly string[];
  /** PGPORT of the container. */
  readonly port: string;
  /** Ids of other users who have a server. */
  readonly users: readonly string[];
}

/**
 * Prints a server that this user may look at as lines of "word value", and the ids of users whose servers it may not.
 * The working directory of a postmaster is its data directory, whose postmaster.pid begins with its own process id.
 * Processes that have another root are of other containers, where those share their process ids.
 */
const look = `first() { line=; IFS= read -r line <"$1" || [ -n "$line" ]; } 2>/dev/null
words() { tr '\\000\\n' '  ' <"$1/cmdline"; echo; }
echo "port \${PGPORT:-}"
for process in /proc/[0-9]*; do
  if [ "$process/root" -ef / ]; then
    first "$process/cwd/postmaster.pid" && [ "$line" = "\${process#/proc/}" ] || continue
    echo server
    while IFS= read -r line; do printf 'file %s\\n' "$line"; done <"$process/cwd/postmaster.pid"
    first "$process/cwd/PG_VERSION" && printf 'version %s\\n' "$line"
    printf 'command %s\\n' "$(words "$process")"
  elif first "$process/comm"; then
    case $line in *postgres* | *postmaster*) ;; *) continue ;; esac
    while read -r key id rest; do
      case $key in Uid:) uid=$id ;; Gid:) echo "user $uid:$id" ;; esac
    done <"$process/status"
  fi
done 2>/dev/null
for process in /proc/[0-9]*; do
  [ "$process/root" -ef / ] && first "$process/comm" || continue
  case $line in *sh | *entrypoi*) printf 'shell %s\\n' "$(words "$process")" ;; esac
done 2>/dev/null
:`;

/** Fails where the container has no server, only that of its first start, or several of which none is meant. */
export async function findServer(
  docker: Docker,
  container: Pick<Inspection, "Id" | "Name" | "Config">,
  signal: AbortSignal,
): Promise<RunningServer> {
  return chooseServer(container.Name.replace(/^\//, ""), await lookAround(docker, container, signal));
}

/** The one that is meant, by what was seen in the container. */
export function chooseServer(container: string, { servers, port, shells }: View): RunningServer {
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
            "itself runs in, not one that shares its network.",
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
 * The images start a first server for their init scripts, by pg_ctl, on the socket only, while the script that is the
 * entry point waits. The real one takes that script's place.
 */
function initialises({ address, command }: Sighting): boolean {
  return address === undefined && /^\/\S+ -D .*listen_addresses=(''|"")?( |$)/.test(command);
}

/** As the user that servers usually run as; and as others, where the container has servers of theirs. */
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
  };
}

/** Undefined where the container knows no such user. */
async function lookAs(
  docker: Docker,
  id: string,
  user: string,
  signal: AbortSignal,
): Promise<View | undefined> {
  try {
    const args = ["exec", "--user", user, id, "sh", "-c", look];
    const { stdout } = await spawnDocker(docker, args, { cancelSignal: signal });
    return readSightings(stdout);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ExecaError && /unable to find user/i.test(String(error.stderr))) return undefined;
    throw dockerFailure(error);
  }
}

/** What the script printed. */
export function readSightings(printed: string): View {
  const [about = [], ...servers] = split(printed.split("\n"));
  const of = (lines: readonly string[], word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const all = [about, ...servers].flat();
  return {
    port: of(all, "port")[0] ?? "",
    users: of(all, "user"),
    shells: of(all, "shell"),
    servers: servers.flatMap((lines) => {
      // https://github.com/postgres/postgres/blob/master/src/include/utils/pidfile.h
      const [pid, dataDirectory = "", , port, socket = "", address = "", memory, status = ""] = of(
        lines,
        "file",
      );
      // One that has only begun to start has not written all of them.
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

/** What comes before the first server, and the lines of each. */
function split(lines: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  for (const line of lines) {
    if (line === "server") parts.push([]);
    else parts.at(-1)?.push(line);
  }
  return parts;
}
