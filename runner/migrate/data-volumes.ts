import type { Inspection } from "../docker/container";

/** Where the images of PostgreSQL keep their data, whatever the version. */
const dataFolder = "/var/lib/postgresql";

/** Docker volumes with the container's data; a folder of the host is none. */
export function dataVolumes({ Mounts }: Inspection): string[] {
  return Mounts.flatMap(({ Type, Name, Destination }) =>
    Type === "volume" && Name !== undefined && Destination.startsWith(dataFolder) ? [Name] : [],
  );
}
