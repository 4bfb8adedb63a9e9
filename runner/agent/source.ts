/** Finds what a job backs up on this host. */
import { containerName, findContainers, serviceLabel } from "../docker/container";
import { docker as dockerFor } from "../docker/docker";
import type { AgentJob } from "../request";

export interface FoundSource {
  /** The name that stays the same when Swarm makes another container for a service. */
  readonly container: string;
  readonly backupName: string;
}

/**
 * A container counts as found, wherever it is: its absence is a failure. Of a service or a label, only what runs on this host counts,
 * because other hosts have agents of their own.
 */
export async function findSources({
  name,
  source,
}: Pick<AgentJob, "name" | "source">): Promise<FoundSource[]> {
  const { container, service, label, dockerHost } = source;
  if (container !== undefined) return [{ container, backupName: name }];
  const docker = dockerFor(dockerHost);
  const filter = service === undefined ? (label ?? "") : `${serviceLabel}=${service}`;
  const found = await findContainers(docker, `label=${filter}`);
  const running = found.filter(({ State }) => State.Running);
  if (service !== undefined) return running.length === 0 ? [] : [{ container: service, backupName: name }];
  const names = running.map((one) => one.Config.Labels?.[serviceLabel] ?? containerName(one));
  return [...new Set(names)].sort().map((one) => ({ container: one, backupName: `${name}-${one}` }));
}
