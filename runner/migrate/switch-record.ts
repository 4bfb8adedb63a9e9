/** A port that is on its way: what is needed to give it back, or to bring it there, after this program was killed. */
import { z } from "zod";
import type { Inspection } from "../docker/container";

/** Networks of a container, and its other names in each. */
export const Networks = z.record(z.string(), z.array(z.string()));
export type Networks = z.infer<typeof Networks>;

export const SwitchRecord = z.object({
  /** Id of the old container. */
  from: z.string(),
  /** Its restart policy, as `docker update` takes it. */
  restart: z.string(),
  /** Those of the old container. */
  networks: Networks,
  /** Those that the new container had from the beginning. */
  joined: z.array(z.string()),
  /** Identifier that the new server got when it was initialised. */
  system: z.string(),
});
export type SwitchRecord = z.infer<typeof SwitchRecord>;

export function switchRecord(old: Inspection, fresh: Inspection, system: string): SwitchRecord {
  return {
    from: old.Id,
    restart: restartPolicy(old),
    networks: networksOf(old),
    joined: Object.keys(fresh.NetworkSettings.Networks),
    system,
  };
}

export function restartPolicy({ HostConfig }: Inspection): string {
  const { Name, MaximumRetryCount } = HostConfig.RestartPolicy;
  if (Name === "") return "no";
  return Name === "on-failure" && MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name;
}

function networksOf(old: Inspection): Networks {
  return Object.fromEntries(
    Object.entries(old.NetworkSettings.Networks).map(([network, { Aliases }]) => [
      network,
      // Docker's default network knows no names.
      network === "bridge" ? [] : [old.Name.slice(1), ...(Aliases ?? [])],
    ]),
  );
}

/** Networks of the old container that the new one has joined to take the port. */
export function networksTaken({ networks, joined }: SwitchRecord, fresh: Inspection): string[] {
  return Object.keys(fresh.NetworkSettings.Networks).filter(
    (network) => network in networks && !joined.includes(network),
  );
}
