import path from "node:path";
import type { Inspection } from "../docker/container";

/** Where the images of PostgreSQL keep their data, unless PGDATA says otherwise. */
const defaultFolder = "/var/lib/postgresql/data";

/** Where a container has the files of its server. */
export interface DataPlace {
  /** Names the place on this host: a volume, a folder of the host, or the container itself. */
  readonly key: string;
  /** The Docker volume, if it is one. */
  readonly volume: string | undefined;
  /** The server's folder, below the place. */
  readonly folder: string;
}

/** By the inspection of the container alone. */
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
