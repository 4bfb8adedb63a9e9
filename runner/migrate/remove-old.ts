import * as z from "zod";
import { findContainer, type Inspection, runningContainer } from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import { type Docker, dockerOutput, spawnDocker } from "../docker/docker";
import { throwawayLabels } from "../docker/abandoned-throwaways";
import { Failure } from "../lib/failure";
import { readDockerRecord, withMigrationLock } from "./docker-record";
import { type MigrationRecord, readRecord, unpackTables, SwitchRecord } from "./record";
import { dataOf, newDatabase, type NewServer, boundPorts, dataPlace } from "./servers";
import { escapeLiteral } from "../postgres/session/escape";
import type { MigrateResult, RemoveOldRequest } from "../request";
import { inSession } from "../postgres/session/session";

/**
 * Removes the old container, and its data if the request says so. Only Docker's records decide what is removed. Resources that are
 * already gone are skipped.
 */
export async function removeOldServer(
  request: RemoveOldRequest,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const docker = await dockerFor(request.dockerHost, signal);
  const container = await runningContainer(docker, request.toContainer);
  const newServer = { docker, container, request };
  return withMigrationLock(newServer, signal, () => removeOld(newServer, request, signal));
}

async function removeOld(
  newServer: NewServer,
  request: RemoveOldRequest,
  signal: AbortSignal,
): Promise<MigrateResult> {
  const { docker, container } = newServer;
  const record = await readRecord(newServer, signal);
  const old = await findContainer(docker, request.container);
  if (record === undefined)
    throw needed(request, `nothing was migrated from it to "${request.toContainer}" yet${byHand(old)}`);
  if ((await readDockerRecord(docker, "switching", dataOf(newServer), SwitchRecord)) !== undefined)
    throw needed(request, "the migration was broken off while the port changed hands. Migrate again first");
  if (old !== undefined) checkNotNeeded(request, record, old, container);
  const volume = request.removeData ? await removableVolume(newServer, record, old, signal) : undefined;
  if (old !== undefined) await dockerOutput(docker, ["rm", old.Id]);
  if (volume !== undefined) await dockerOutput(docker, ["volume", "rm", volume]);
  const removed = [
    ...(old === undefined ? [] : [request.container]),
    ...(volume === undefined ? [] : [volume]),
  ];
  return { ...record.result, removed };
}

function checkNotNeeded(
  request: RemoveOldRequest,
  record: MigrationRecord,
  old: Inspection,
  newContainer: Inspection,
): void {
  const { toContainer } = request;
  if (old.Id !== record.from)
    throw needed(request, `what was migrated to "${toContainer}" came from another container`);
  if (old.State.Running) throw needed(request, "it was started again");
  if (old.State.StartedAt !== record.fromStartedAt) {
    const commands = `if "${toContainer}" has all that was written to it meanwhile, remove it by hand`;
    throw needed(request, `it was started again since it was migrated; ${commands}${byHand(old)}`);
  }
  if (boundPorts(newContainer).length === 0) throw needed(request, `"${toContainer}" publishes no port`);
}

/**
 * The volume with the old server's data, if it exists. Fails if somebody else uses it, if it holds another server than the one
 * that was migrated, or if the new server lacks tables. Data in a folder of the host is not removed.
 */
async function removableVolume(
  newServer: NewServer,
  { fromData, tables }: MigrationRecord,
  old: Inspection | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { docker, container } = newServer;
  const { volume, folder, system } = fromData;
  if (volume === undefined || !(await exists(docker, volume))) return undefined;
  const refuse = (why: string) =>
    new Failure(
      "old-server-needed",
      `Volume "${volume}" was not removed: ${why}. If nobody needs it, remove it by hand: "docker volume rm ${volume}".`,
    );
  if (old !== undefined && dataPlace(old).volume !== volume)
    throw refuse("the old container has its data elsewhere");
  const users = await dockerOutput(docker, [
    ...["ps", "--all", "--no-trunc", "--filter", `volume=${volume}`, "--format", "{{.ID}} {{.Names}}"],
  ]);
  const others = users
    .split("\n")
    .filter((line) => line !== "" && line.split(" ")[0] !== old?.Id)
    .map((line) => line.split(" ")[1] ?? "");
  if (others.length > 0) throw refuse(`container ${others.join(", ")} uses it too`);
  const found = await systemIn(docker, volume, folder, container);
  if (found !== system) throw refuse("it does not hold the server that was migrated");
  const lacking = await tablesLacking(newServer, unpackTables(tables), signal);
  if (lacking.length > 0)
    throw refuse(`the new server lacks tables that were migrated: ${lacking.slice(0, 10).join(", ")}`);
  return volume;
}

async function exists(docker: Docker, volume: string): Promise<boolean> {
  const { stdout } = await spawnDocker(docker, ["volume", "ls", "--quiet", "--filter", `name=${volume}`], {});
  return stdout.split("\n").includes(volume);
}

/** The identifier of the server whose files are in a volume: the first eight bytes of its control file, in every version. */
async function systemIn(
  docker: Docker,
  volume: string,
  folder: string,
  { Image }: Inspection,
): Promise<string | undefined> {
  const file = ["/data", folder, "global", "pg_control"].filter((part) => part !== "").join("/");
  const { stdout, failed } = await spawnDocker(
    docker,
    [
      ...["run", "--rm", "--network", "none", ...throwawayLabels("remove-old"), "--user", "0"],
      ...["--volume", `${volume}:/data:ro`, "--entrypoint", "od", Image],
      ...["--address-radix=n", "--format=u8", "--read-bytes=8", file],
    ],
    { reject: false },
  );
  return failed ? undefined : stdout.trim();
}

function tablesLacking(
  newServer: NewServer,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  return inSession(newDatabase(newServer, signal), signal, async (session) => {
    const rows = await session.rows(
      `SELECT name FROM jsonb_array_elements_text(${escapeLiteral(JSON.stringify(names))}) name WHERE to_regclass(name) IS NULL`,
      z.object({ name: z.string() }),
    );
    return rows.map(({ name }) => name);
  });
}

/** The commands to remove it by hand. */
function byHand(old: Inspection | undefined): string {
  if (old === undefined) return "";
  const { volume } = dataPlace(old);
  const also = volume === undefined ? "" : `; its data: "docker volume rm ${volume}"`;
  return ` (by hand: "docker rm ${old.Name.slice(1)}"${also})`;
}

function needed({ container }: RemoveOldRequest, why: string): Failure {
  return new Failure("old-server-needed", `Container "${container}" was not removed: ${why}.`);
}
