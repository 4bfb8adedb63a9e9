import type { Inspection, PortBinding } from "../docker/container";
import type { Docker } from "../docker/docker";
import type { ExecTarget } from "../docker/exec";
import { connectedTarget } from "../postgres/session/connect";
import { type Session } from "../postgres/session/session";
import type { Progress } from "../lib/progress";
import type { MigrateRequest } from "../request";
import path from "node:path";
import type { Known } from "./hold-writes";

/** The server to which the tables are migrated. */
export interface NewServer {
  readonly docker: Docker;
  readonly container: Inspection;
  readonly request: Pick<MigrateRequest, "toContainer" | "toUser" | "toDatabase" | "dockerHost">;
}

/** Both servers, while writers of the old one wait. */
export interface Servers {
  readonly docker: Docker;
  readonly request: MigrateRequest;
  readonly old: Inspection;
  readonly newServer: NewServer;
  /** Session in the old database. Its transaction holds the locks that writers wait for. */
  readonly hold: Session;
  readonly known: Known;
  readonly progress: Progress;
}

export const applicationName = "postgis-backup migrate";

export function oldDatabase(
  { docker, request, old }: Pick<Servers, "docker" | "request" | "old">,
  signal: AbortSignal,
): Promise<ExecTarget> {
  return connectedTarget(docker, old, request, applicationName, signal);
}

export function newDatabase(
  { docker, container, request }: NewServer,
  signal: AbortSignal,
): Promise<ExecTarget> {
  const { toUser: user, toDatabase: database } = request;
  return connectedTarget(docker, container, { user, database }, applicationName, signal);
}

/** Names the data of the new server, whichever container uses it. */
export function dataOf({ container }: Pick<NewServer, "container">): string {
  return dataPlace(container).key;
}

/** The port inside the container. */
export const inside = "5432/tcp";

/** The ports that Docker publishes now. */
export function boundPorts({ NetworkSettings }: Inspection): readonly PortBinding[] {
  return NetworkSettings.Ports?.[inside] ?? [];
}

/** Where the images of PostgreSQL keep their data, unless PGDATA is set. */
const defaultFolder = "/var/lib/postgresql/data";

/** Where the data of a container's server is. */
interface DataPlace {
  /** Names the volume, the folder of the host, or the container that has the data. */
  readonly key: string;
  /** The Docker volume, if the data is in one. */
  readonly volume: string | undefined;
  /** The server's folder in it. */
  readonly folder: string;
}

export function dataPlace({ Id, Config, Mounts }: Inspection): DataPlace {
  const folder =
    Config.Env.find((line) => line.startsWith("PGDATA="))?.slice("PGDATA=".length) ?? defaultFolder;
  const [mount] = Mounts.filter(({ Destination }) => isBelow(path.posix.relative(Destination, folder))).sort(
    (one, other) => other.Destination.length - one.Destination.length,
  );
  if (mount === undefined) return { key: `container ${Id}`, volume: undefined, folder };
  const volume = mount.Type === "volume" ? mount.Name : undefined;
  return {
    key: volume === undefined ? `folder ${mount.Source}` : `volume ${volume}`,
    volume,
    folder: path.posix.relative(mount.Destination, folder),
  };
}

function isBelow(relative: string): boolean {
  return relative !== ".." && !relative.startsWith("../");
}
