/** Completes or undoes what a run left that was killed while it switched the port. */
import { findContainer, type Inspection } from "../docker/container";
import type { Progress } from "../lib/progress";
import { readDockerRecord, removeDockerRecord } from "./docker-record";
import { MigrationRecord, removeRecord, systemIdentifier, networksTaken, SwitchRecord } from "./record";
import { dataOf, newDatabase, type NewServer, boundPorts } from "./servers";
import { giveBack, keepStopped, type OldServer, start, takePort, toTheEnd } from "./switch";
import { inSession } from "../postgres/session/session";

/**
 * If the new server had the data by then, it takes the port. Otherwise the old one is started again, if it was stopped. Afterwards
 * nothing is left of that run but a backup, and copies of the tables.
 */
export async function resume(server: NewServer, old: OldServer, progress: Progress): Promise<void> {
  const { docker, container } = server;
  const data = dataOf(server);
  const switching = await readDockerRecord(docker, "switching", data, SwitchRecord);
  if (switching === undefined) return;
  if (await isOfAnother(server, switching, progress)) {
    await removeRecord(server);
    return endSwitch(server);
  }
  const record = await readDockerRecord(docker, "migrated", data, MigrationRecord);
  const from = await findContainer(docker, switching.from);
  if (record === undefined || !hasData(record, switching, container, from)) {
    progress.note("An earlier run was broken off while the port changed hands: the old server gets it back.");
    return giveBack(server, switching, old, progress);
  }
  const now = await findContainer(docker, container.Id);
  const joined = Object.keys(now?.NetworkSettings.Networks ?? {});
  if (now === undefined || from?.State.Running === true) return;
  if (boundPorts(now).length > 0 && Object.keys(record.networks).every((network) => joined.includes(network)))
    return;
  progress.note("An earlier run was broken off while the port changed hands: the new server takes it.");
  if (from !== undefined) await keepStopped(docker, from);
  await takePort({ ...server, container: now }, record.networks, progress);
}

/**
 * Whether the data belongs to a server that was initialised since, in a volume of the same name. To find out, the server is
 * started if it has no network that would publish its port.
 */
async function isOfAnother(server: NewServer, switching: SwitchRecord, progress: Progress): Promise<boolean> {
  const { container } = server;
  if (!container.State.Running) {
    if (networksTaken(switching, container).length > 0) return false;
    await start(server, progress);
  }
  const system = await inSession(newDatabase(server, toTheEnd), toTheEnd, systemIdentifier);
  return system !== switching.system;
}

export async function endSwitch(server: NewServer): Promise<void> {
  await removeDockerRecord(server.docker, "switching", dataOf(server));
  await removeDockerRecord(server.docker, "loading", dataOf(server));
}

/**
 * Whether the new server has the data for good. It may have served clients if it was started since it joined the networks of the
 * old one. If it was not, and the old one was started again, by hand or with the machine, the old one has the data.
 */
export function hasData(
  record: Pick<MigrationRecord, "fromStartedAt" | "to" | "toStartedAt">,
  switching: SwitchRecord,
  newContainer: Inspection,
  old: Inspection | undefined,
): boolean {
  const hasServed =
    newContainer.Id !== record.to ||
    (networksTaken(switching, newContainer).length > 0 &&
      newContainer.State.StartedAt !== record.toStartedAt);
  if (hasServed || old === undefined) return true;
  return !old.State.Running && old.State.StartedAt === record.fromStartedAt;
}
