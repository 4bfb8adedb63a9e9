import { execa } from "execa";
import { startServer } from "./container";
import {
  freePort,
  ownLabel,
  removeContainer,
  removeNetwork,
  removeVolume,
  sql,
  uniqueName,
} from "./resources";
import { clientPassword } from "./port-client";
import { runnerMain } from "./runner";

/** A server on a port of this machine, and a standby for that port, as by hand. */
export interface MigrationPair {
  readonly oldServer: string;
  readonly newServer: string;
  readonly port: number;
  readonly remove: () => Promise<void>;
}

interface PairOptions {
  /** Docker's, for the new server. */
  readonly options?: readonly string[];
  readonly oldOptions?: readonly string[];
  readonly oldImage?: string;
}

/** `statements` run on the old server. */
export async function startPair(
  statements: string,
  { options = [], oldOptions = [], oldImage }: PairOptions = {},
): Promise<MigrationPair> {
  const port = await freePort();
  const network = uniqueName();
  await execa("docker", ["network", "create", "--internal", ...ownLabel, network]);
  const publish = ["--publish", `127.0.0.1:${port}:5432`];
  const oldServer = await startServer({
    ...{ ownData: true, options: [...publish, ...oldOptions] },
    ...(oldImage === undefined ? {} : { image: oldImage }),
  });
  await sql(oldServer, `${statements}; ALTER ROLE postgres PASSWORD '${clientPassword}'`);
  const newServer = await startServer({
    ownData: true,
    options: [...publish, "--network", network, ...options],
  });
  await sql(newServer, `ALTER ROLE postgres PASSWORD '${clientPassword}'`);
  const data = await dataVolume(newServer);
  const remove = async () => {
    await removeContainer(newServer);
    await removeContainer(oldServer);
    await removeNetwork(network);
    await removeMigrationRecords(data);
  };
  return { oldServer, newServer, port, remove };
}

/** Name of the volume that a server has its data in. */
export async function dataVolume(container: string): Promise<string> {
  const format = "--format={{range .Mounts}}{{.Name}}{{end}}";
  return (await execa("docker", ["inspect", format, container])).stdout;
}

/** What migrations to the server with this data volume left in Docker. */
export async function removeMigrationRecords(volume: string): Promise<void> {
  const filter = ["--filter", `label=postgis-backup.new-data=volume ${volume}`];
  const { stdout } = await execa("docker", ["volume", "ls", "--quiet", ...filter]);
  for (const name of stdout.split("\n").filter((line) => line !== "")) await removeVolume(name);
}

/** Starts the runner; `more` are further options. */
export function startMigration(
  pair: MigrationPair,
  repository: string,
  more: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  return start("migrate", pair, ["--repository", repository, "--name", "cbm", ...more], env);
}

export function startRemoveOld(pair: MigrationPair, more: readonly string[] = []) {
  return start("remove-old", pair, more);
}

function start(
  verb: string,
  { oldServer, newServer }: MigrationPair,
  more: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const args = [verb, "--container", oldServer, "--to-container", newServer, ...more];
  return execa("node", [runnerMain, ...args], { reject: false, stdin: "ignore", env });
}
