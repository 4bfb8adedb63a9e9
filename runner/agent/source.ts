/** Finds what a job backs up on this host. */
import { containerName, findContainers, type Inspection, serviceLabel } from "../docker/container";
import { docker as dockerFor } from "../docker/connection";
import type { AgentJob } from "../request";

export interface FoundSource {
  /** The name that stays the same when Swarm makes another container for a service. */
  readonly container: string;
  readonly backupName: string;
}

/** So many milliseconds, one look at a daemon's containers serves all jobs. */
const lookServes = 3000;
const looks = new Map<string, { readonly at: number; readonly found: Promise<Inspection[]> }>();

async function runningContainers(dockerHost: string | undefined): Promise<Inspection[]> {
  const key = dockerHost ?? "";
  const last = looks.get(key);
  const look =
    last !== undefined && performance.now() - last.at < lookServes
      ? last
      : { at: performance.now(), found: lookFor(dockerHost) };
  looks.set(key, look);
  return look.found;
}

async function lookFor(dockerHost: string | undefined): Promise<Inspection[]> {
  return findContainers(await dockerFor(dockerHost), "status=running");
}

/** As Docker's own filter has it: a label by its name, or by its name and value. */
function carries(label: string): (container: Inspection) => boolean {
  const [, name = "", value] = /^([^=]*)(?:=(.*))?$/s.exec(label) ?? [];
  return ({ Config }) => {
    const found = Config.Labels?.[name];
    return found !== undefined && (value === undefined || found === value);
  };
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
  const running = (await runningContainers(dockerHost)).filter(
    service === undefined ? carries(label ?? "") : carries(`${serviceLabel}=${service}`),
  );
  if (service !== undefined) return running.length === 0 ? [] : [{ container: service, backupName: name }];
  const names = running.map((one) => one.Config.Labels?.[serviceLabel] ?? containerName(one));
  return [...new Set(names)].sort().map((one) => ({ container: one, backupName: `${name}-${one}` }));
}
